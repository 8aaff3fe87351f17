"""A claim of a case with everything that speaks for it: quotations in their context, dates, flags.

A claim is named by its path: `seed`, `context[0]`, `outcomes[1]`, `outcomes[1].candidates[2]`. Paths come from
the address of a page, so an unknown one is an error of the reader, not a fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents.curator.text import quote_address, web_address
from agents.injection import flags as injection_flags
from corpus.case import Availability, Case, Estimate, Evidence, Role, Source, TextKind
from corpus.errors import NotFound
from corpus.identity import text_sha256

AROUND = 400
"""Characters of the stored text shown before and after a quotation."""
_PATH = re.compile(r"(seed)|context\[(\d+)\]|outcomes\[(\d+)\](?:\.candidates\[(\d+)\])?")


class Doubt(StrEnum):
    """What is shown in words beside a claim or a quotation."""

    LATE = "after the as-of"
    """Not shown to have been readable in time for what rests on it."""
    UNDATED = "undated"
    """Nothing proves when it could be read."""
    SINGLE = "single source"
    """One publisher alone stands behind the claim."""
    NOT_FOUND = "quote not found"
    """The stored text does not have these words at this place, or is not the text that was quoted."""
    NO_TEXT = "text not stored"
    """There is nothing to check the quotation against."""
    RECALL = "recall risk"
    """A model gave this estimate without evidence too: it may remember the outcome."""
    INJECTION = "tries to give orders"
    """The passage looks like an attempt to instruct its reader."""
    SUMMARY = "summary in our words"
    """The stored text restates the page; it is no quotation of it."""


@dataclass(frozen=True)
class QuoteView:
    """A quotation as the panel shows it."""

    source: Source | None
    before: str
    exact: str
    after: str
    role: str
    doubts: tuple[Doubt, ...]
    address: str | None
    """Where a browser may go; with a text fragment for a page's own text."""
    estimate: Estimate | None = None
    """The estimate that rests on it."""


@dataclass(frozen=True)
class ClaimView:
    """A claim and its quotations."""

    path: str
    kind: str
    text: str
    quotes: tuple[QuoteView, ...]
    doubts: tuple[Doubt, ...]
    limit: datetime | None
    """What estimates and context may rest on must have been readable by then; None where there is no such limit."""


def claim_view(case: Case, path: str, texts: Mapping[str, str], *, estimates: bool) -> ClaimView:
    """The claim at `path`; estimates of a candidate only where they may be seen. Raises NotFound."""
    kind, text, evidence, limit, weighed = _claim(case, path)
    quotes = [_quote(case, item, texts, limit if _needs_time(kind, item) else None) for item in evidence]
    if estimates:
        quotes += [
            _quote(case, item.evidence, texts, limit, item) for item in weighed if item.evidence is not None
        ]
    own = []
    if kind in ("seed", "outcome") and len(case.publishers(evidence)) == 1:
        own.append(Doubt.SINGLE)
    if estimates and any(estimate.recall_risk for estimate in weighed):
        own.append(Doubt.RECALL)
    return ClaimView(path, kind, text, tuple(quotes), tuple(own), limit)


def _needs_time(kind: str, item: Evidence) -> bool:
    """Whether a quotation is worth nothing if it could not be read in time: what happened is told afterwards."""
    return kind == "context" or item.role is Role.EXPECTATION


def _claim(
    case: Case, path: str
) -> tuple[str, str, tuple[Evidence, ...], datetime | None, tuple[Estimate, ...]]:
    found = _PATH.fullmatch(path)
    try:
        if found is None:
            raise IndexError(path)
        if found[1]:
            return "seed", case.seed_event, case.seed_evidence, None, ()
        if found[2]:
            fact = case.context[int(found[2])]
            return "context", fact.text, fact.evidence, case.seed_date.end(), ()
        outcome = case.outcomes[int(found[3])]
        if found[4] is None:
            return "outcome", outcome.event or "Nothing of note followed", outcome.evidence, None, ()
        candidate = outcome.candidates[int(found[4])]
        limit = case.reading_limit(outcome.depth)
        evidence = candidate.evidence or (outcome.evidence if candidate.happened else ())
        return "candidate", candidate.text, evidence, limit, candidate.estimates
    except IndexError as fault:
        raise NotFound(f"Case {case.case_id} has no claim {path!r}; it may have been removed.") from fault


def _quote(
    case: Case,
    item: Evidence,
    texts: Mapping[str, str],
    limit: datetime | None,
    estimate: Estimate | None = None,
) -> QuoteView:
    source, text = case.source(item.source_id), texts.get(item.source_id)
    stands = text is not None and _stands(source, item, text)
    before, after = item.prefix, item.suffix
    if stands and text is not None:
        before = text[max(0, item.start - AROUND) : item.start]
        after = text[item.end : item.end + AROUND]
    page = source is not None and source.text_kind is TextKind.PAGE
    address = None
    if source is not None:
        address = quote_address(source.url, item.exact) if page else web_address(source.url)
    return QuoteView(
        source, before, item.exact, after, item.role.value.replace("_", " "),
        tuple(_doubts_of(source, item, text, stands, limit)), address, estimate,
    )  # fmt: skip


def _stands(source: Source | None, item: Evidence, text: str) -> bool:
    """Whether the quotation stands at its place in the text, and the text is the one that was quoted."""
    whole = source is not None and text_sha256(text) == source.text_sha256
    return whole and text[item.start : item.end] == item.exact


def _doubts_of(
    source: Source | None, item: Evidence, text: str | None, stands: bool, limit: datetime | None
) -> list[Doubt]:
    found = []
    if source is not None and source.availability is Availability.UNDATED:
        found.append(Doubt.UNDATED)
    elif source is not None and limit is not None and not source.available_by(limit):
        found.append(Doubt.LATE)
    if text is None:
        found.append(Doubt.NO_TEXT)
    elif not stands:
        found.append(Doubt.NOT_FOUND)
    around = item.exact if text is None else text[max(0, item.start - AROUND) : item.end + AROUND]
    if injection_flags(around[: 4 * AROUND]):
        found.append(Doubt.INJECTION)
    if source is not None and source.text_kind is TextKind.SUMMARY:
        found.append(Doubt.SUMMARY)
    return found
