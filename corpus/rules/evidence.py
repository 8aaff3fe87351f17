"""Rules on evidence: every claim has a source, sources are http(s), two publishers or a flag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from corpus.case import Case, Evidence, Outcome, Role, all_evidence
from corpus.problems import Code, Problem, error, warning


def check_evidence(case: Case) -> Iterator[Problem]:
    """All findings on sources and quotations of one case."""
    yield from _addresses(case)
    yield from _unknown_sources(case)
    if not case.seed_evidence:
        yield error(Code.NO_EVIDENCE, "seed_evidence", case.seed_event, "the seed event has no source.")
    for i, outcome in enumerate(case.outcomes):
        if outcome.event is not None:
            yield from _support(case, outcome.evidence, outcome.event, f"outcomes[{i}]")
        yield from _expectations(case, outcome, f"outcomes[{i}]")
    yield from _context(case)


def _addresses(case: Case) -> Iterator[Problem]:
    for i, source in enumerate(case.sources):
        if not _is_web(source.url):
            yield error(
                Code.SOURCE_URL, f"sources[{i}].url", source.url, f"{source.url!r} is not an http(s) address."
            )


_PLAIN = re.compile(r"https?://[a-z0-9][a-z0-9.-]*(?:[/?#]|\Z)")
"""Addresses that need no parsing: nearly all of them."""


def _is_web(url: str) -> bool:
    if _PLAIN.match(url):
        return True
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an open bracket where the host should stand
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _unknown_sources(case: Case) -> Iterator[Problem]:
    known = {source.source_id for source in case.sources}
    for path, item in all_evidence(case):
        if item.source_id not in known:
            yield error(
                Code.SOURCE_UNKNOWN,
                path,
                item.source_id,
                f"source {item.source_id!r} is not among the case's sources.",
            )


def _support(case: Case, evidence: tuple[Evidence, ...], claim: str, path: str) -> Iterator[Problem]:
    publishers = case.publishers(evidence)
    if not evidence:
        yield error(Code.NO_EVIDENCE, f"{path}.evidence", claim, "the outcome has no source.")
    elif len(publishers) < 2:
        yield warning(
            Code.SINGLE_SOURCE, f"{path}.evidence", ", ".join(sorted(publishers)),
            "only one publisher supports the outcome.",
        )  # fmt: skip


def _context(case: Case) -> Iterator[Problem]:
    limit = case.seed_date.end()
    for i, fact in enumerate(case.context):
        for j, item in enumerate(fact.evidence):
            source = case.source(item.source_id)
            if source is not None and not source.available_by(limit):
                yield error(
                    Code.CONTEXT_TOO_LATE, f"context[{i}].evidence[{j}]", source.url,
                    f"{source.url} is not shown to have been available on {case.seed_date}.",
                )  # fmt: skip


def _expectations(case: Case, outcome: Outcome, path: str) -> Iterator[Problem]:
    """A candidate was expected before the question was asked; what a page said later is hindsight.

    Evidence of the outcome itself may be of any time: it shows that the event happened.
    """
    as_of = case.as_of(outcome.depth)
    for k, candidate in enumerate(outcome.candidates):
        for j, item in enumerate(candidate.evidence):
            source = case.source(item.source_id) if item.role is Role.EXPECTATION else None
            if source is not None and as_of is not None and not source.available_by(as_of):
                yield error(
                    Code.EXPECTATION_TOO_LATE, f"{path}.candidates[{k}].evidence[{j}]", source.url,
                    f"{source.url} is not shown to have been available by {as_of:%Y-%m-%d}, so it is no expectation.",
                )  # fmt: skip
