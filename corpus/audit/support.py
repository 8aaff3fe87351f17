"""Do sources carry the claims? Quotations checked against texts, publishers counted, summaries told from pages.

The texts come from `texts.jsonl` of the snapshot or from a file named by the user. A text that is not at hand
leaves its quotations unchecked, which is never counted as passed. Whether a quotation *means* what the claim
says is not decided here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from corpus.audit.facts import Facts, QuoteFact
from corpus.audit.rows import EXAMPLES, Example, Group, Row, Rule, Verdict, above, never_failing
from corpus.errors import InvalidFile
from corpus.identity import text_sha256
from corpus.intervals import Interval, undefined, wilson_by_family
from corpus.snapshot import TEXTS

PROVEN_LIMIT = 0.95
"""Share of claims that a checked quotation must carry."""
TWO_LIMIT = 0.50
"""Share of claims that two publishers must support."""
PAGE_LIMIT = 0.50
"""Share of claims that should be quoted from the page itself."""


@dataclass
class _Checked:
    """What became of the quotations."""

    proven: set[int] = field(default_factory=set)
    """Claims with a quotation that stands in its text."""
    broken: list[Example] = field(default_factory=list)
    unchecked: int = 0


def support_rows(facts: Facts, folder: Path, texts: Path | None) -> list[Row]:
    """The three rows on support; `texts` is a JSONL file beside the snapshot's own."""
    return [
        _quote_row(facts, folder, texts),
        _share_row(facts, Rule.TWO_PUBLISHERS, [claim.publishers > 1 for claim in facts.claims], TWO_LIMIT,
                   "have two independent publishers", fails=True),
        _share_row(facts, Rule.PAGE_TEXT, [claim.page for claim in facts.claims], PAGE_LIMIT,
                   "are quoted from a page; the others rest on summaries in the project's own words", fails=False),
    ]  # fmt: skip


def _quote_row(facts: Facts, folder: Path, texts: Path | None) -> Row:
    files = [path for path in (folder / TEXTS, texts) if path is not None and path.is_file()]
    checked = _check(facts, files)
    figure = _share(facts, [i in checked.proven for i in range(len(facts.claims))])
    verdict = above(figure, PROVEN_LIMIT)
    if checked.broken:
        verdict = Verdict.FAIL
    elif checked.unchecked:
        verdict = never_failing(verdict)
    advice = ""
    if checked.unchecked:
        advice = f" {checked.unchecked} quotations have no text at hand: export --with-texts or name --texts."
    return Row(
        Group.SUPPORT, Rule.QUOTE_IN_TEXT, verdict, figure, f"above {PROVEN_LIMIT:.0%}, none broken",
        f"{len(checked.proven)} of {len(facts.claims)} claims have a quotation that stands in its text; "
        f"{len(checked.broken)} quotations do not stand where they say.{advice}",
        tuple(checked.broken[:EXAMPLES]),
    )  # fmt: skip


def _check(facts: Facts, files: Sequence[Path]) -> _Checked:
    """Read the texts one by one and hold each against the quotations from it."""
    by_text: dict[str, list[QuoteFact]] = defaultdict(list)
    for quote in facts.quotes:
        by_text[quote.sha256].append(quote)
    checked = _Checked()
    for sha256, text in (found for path in files for found in iter_texts(path)):
        for quote in by_text.pop(sha256, ()):
            whole = text_sha256(text) == sha256
            if whole and text[quote.start : quote.start + len(quote.exact)] == quote.exact:
                checked.proven.add(quote.claim)
            else:
                why = "the text has another hash" if not whole else f"other words stand at {quote.start}"
                checked.broken.append(Example(_case_of(facts, quote), quote.path, f"{quote.exact} | {why}"))
    checked.unchecked = sum(len(quotes) for quotes in by_text.values())
    checked.proven.discard(-1)
    return checked


def _case_of(facts: Facts, quote: QuoteFact) -> str:
    return facts.cases[quote.case].case_id


def iter_texts(path: Path) -> Iterator[tuple[str, str]]:
    """(sha256, text) of each line; a line without a sha256, such as an archive's, gets its text's own."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
                text = row["text"]
            except (ValueError, KeyError, TypeError) as fault:
                raise InvalidFile(f"{path}, line {number}: no JSON object with a text; {fault}.") from fault
            yield row.get("sha256") or text_sha256(text), text


def _share_row(facts: Facts, rule: Rule, hits: list[bool], limit: float, what: str, *, fails: bool) -> Row:
    figure = _share(facts, hits)
    verdict = above(figure, limit)
    missing = [claim for claim, hit in zip(facts.claims, hits, strict=True) if not hit]
    return Row(
        Group.SUPPORT, rule, verdict if fails else never_failing(verdict), figure, f"above {limit:.0%}",
        f"{sum(hits)} of {len(hits)} claims {what}.",
        ()
        if verdict is Verdict.PASS
        else tuple(Example(facts.cases[c.case].case_id, c.path, c.text) for c in missing[:EXAMPLES]),
    )  # fmt: skip


def _share(facts: Facts, hits: list[bool]) -> Interval:
    if not hits:
        return undefined()
    return wilson_by_family(np.array(hits, dtype=float), [facts.family(claim.case) for claim in facts.claims])
