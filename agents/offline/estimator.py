"""The Estimator without a model: alternatives and probabilities that dated documents state.

What people expected is read from forward-looking statements available at the level's as-of; each becomes a
candidate, with its stated probability where there is one. What happened joins the list last, and takes the
estimates of the expectations that say the same. Further values come from base rates over approved cases.
Where nothing is found the level says so; nothing is invented.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from agents.library import View
from agents.offline.base_rates import BaseRates
from agents.offline.likeness import Affair
from agents.offline.matching import same, same_as_any
from agents.offline.phrasing import dangling, event_wording
from agents.offline.statements import statements
from agents.offline.topic import Rarity, Topic
from agents.reading.document import Document
from agents.reading.evidence import quote
from agents.reading.expectations import Expectation
from agents.roles import Alternatives, Estimates
from corpus.case import Candidate, Case, Estimate, Evidence, Method, Outcome, Role
from corpus.dates import EventDate

LOOKING_BACK_DAYS = 270
DOCUMENTS = 40
RELATED = 0.15
"""Coverage by the chain's words from which an expectation of a document about it counts."""
MIN_WORDS, MAX_WORDS = 4, 30
MAX_ALTERNATIVES = 5


_UNFINISHED = re.compile(
    r"(?:to|and|or|but|of|that|than|as|by|for|from|in|on|at|with|within|is|are|be|will|would|could|may|might|should|can|if|"
    r"unless|far)\b",
    re.I,
)
"""A clause that begins so has lost its subject; it is no candidate."""


@dataclass(frozen=True)
class _Expected:
    """One expectation as a candidate, with all statements of it."""

    text: str
    statements: tuple[tuple[Document, Expectation], ...]
    relevance: float

    @property
    def rank(self) -> tuple[bool, int, float, str]:
        """Those with a stated probability first, then the most often stated, then the most fitting."""
        stated = any(e.probability is not None for _, e in self.statements)
        return (not stated, -len(self.statements), -self.relevance, self.text)


class OfflineEstimator:
    """See `agents.roles.Estimator`."""

    def __init__(self, base_rates: BaseRates) -> None:
        self._base_rates = base_rates

    async def alternatives(self, view: View, case: Case, depth: int) -> Alternatives:
        """What documents of the months before the as-of expected, and what happened among it."""
        outcome, upto = (
            case.outcomes[depth - 1],
            case.model_copy(update={"outcomes": case.outcomes[: depth - 1]}),
        )
        parent = case.parent_date(depth) or case.seed_date
        found = await self._expected(view, upto, parent)
        foretold = [e for e in found if outcome.event and same(e.text, outcome.event)]
        others = sorted((e for e in found if e not in foretold), key=lambda e: e.rank)[:MAX_ALTERNATIVES]
        listed = [_candidate(e, view, parent) for e in others]
        if outcome.event:
            statements = tuple(s for e in foretold for s in e.statements)
            listed.append(_candidate(_Expected(outcome.event, statements, 1.0), view, parent, happened=True))
        random.Random(f"{case.case_id}/{depth}").shuffle(listed)
        documents = {d.source_id: d for e in (*foretold, *others) for d, _ in e.statements}
        return Alternatives(tuple(listed), documents, _note(others, parent))

    async def estimates(self, view: View, case: Case, depth: int) -> Estimates:
        """Base rates for the candidates of one level, beside what they have."""
        outcome = case.outcomes[depth - 1]
        as_of = case.as_of(depth) or case.seed_date.end()
        options = len(outcome.candidates) + 1
        candidates = []
        for candidate in outcome.candidates:
            rate = self._base_rates.rate(candidate.text, case.domain, options, as_of)
            kept = tuple(e for e in candidate.estimates if e.method is not Method.BASE_RATE)
            if rate is not None:
                kept += (
                    Estimate(method=Method.BASE_RATE, value=rate.value, low=rate.low, high=rate.high, as_of=as_of,
                             samples=rate.listed, venue="approved cases of this store"),
                )  # fmt: skip
            candidates.append(candidate.model_copy(update={"estimates": kept}))
        return Estimates(tuple(candidates), outcome.remainder, _missing(outcome, candidates))

    async def _expected(self, view: View, upto: Case, parent: EventDate) -> list[_Expected]:
        """Expectations of the chain's subject, each once, without what had happened by then."""
        topic = Topic(upto, ())
        since = parent.first_day - timedelta(days=LOOKING_BACK_DAYS)
        found = await view.search(topic.query(), since=since, before=parent.last_day, count=DOCUMENTS)
        rarity = Rarity(found)
        affair = Affair((upto.seed_event, upto.parent_event(len(upto.outcomes) + 1), *_quoted(upto)), rarity)
        past = (upto.seed_event, *(o.event for o in upto.outcomes if o.event))
        merged: list[_Expected] = []
        for expected in _candidates(found, topic, affair, rarity, parent):
            if same_as_any(expected.text, past):
                continue
            known = next((i for i, e in enumerate(merged) if same(e.text, expected.text)), None)
            if known is None:
                merged.append(expected)
            else:
                merged[known] = replace(
                    merged[known], statements=merged[known].statements + expected.statements
                )
        return merged


def _quoted(case: Case) -> Iterator[str]:
    """What the seed is quoted by: its own words, and never a document that was written later."""
    return (item.exact for item in case.seed_evidence)


def _candidates(
    found: Sequence[Document], topic: Topic, affair: Affair, rarity: Rarity, parent: EventDate
) -> Iterator[_Expected]:
    for document in found:
        for expectation in statements(document):
            text = expected_wording(expectation)
            relevance = topic.covers(text, rarity)
            over = expectation.dates and all(m.date.last_day <= parent.first_day for m in expectation.dates)
            complete = not _UNFINISHED.match(text) and not dangling(text)
            whole = MIN_WORDS <= len(text.split()) <= MAX_WORDS and complete
            if whole and not over and relevance >= RELATED and affair.holds(text, document):
                yield _Expected(text, ((document, expectation),), relevance)


def expected_wording(expectation: Expectation) -> str:
    """The expected event as a candidate: no date, no "that" in front."""
    spans = [
        (m.start - expectation.clause_start, m.end - expectation.clause_start)
        for m in expectation.dates
        if expectation.clause_start <= m.start and m.end <= expectation.clause_end
    ]
    text = event_wording(expectation.clause, spans)
    return text[5:6].upper() + text[6:] if text.startswith("That ") else text


def _candidate(expected: _Expected, view: View, parent: EventDate, *, happened: bool = False) -> Candidate:
    evidence = tuple(
        quote(d, e.start, e.end, Role.EXPECTATION, read_until=view.limit) for d, e in expected.statements
    )
    estimates = tuple(
        stated_estimate(d, e, quoted, parent)
        for (d, e), quoted in zip(expected.statements, evidence, strict=True)
        if e.probability is not None
    )
    return Candidate(text=expected.text, happened=happened, evidence=evidence, estimates=estimates)


def stated_estimate(
    document: Document, expectation: Expectation, quoted: Evidence, parent: EventDate
) -> Estimate:
    """A stated probability, as of its publication and at the latest of the level's as-of."""
    return Estimate(
        method=expectation.kind,
        value=expectation.probability,  # the caller looked
        low=expectation.low,
        high=expectation.high,
        as_of=min(document.available_at or parent.end(), parent.end()),
        samples=expectation.samples,
        venue=expectation.holder or document.publisher,
        evidence=quoted,
        terms=document.terms,
    )


def _note(others: Sequence[_Expected], parent: EventDate) -> str:
    if others:
        return ""
    return f"No document available by {parent} says what was expected instead; the level has no alternative."


def _missing(outcome: Outcome, candidates: Sequence[Candidate]) -> str:
    """What a level without a distribution lacks, in a sentence."""
    without = sum(not c.estimates for c in candidates)
    if not without or len(outcome.candidates) < 2:
        return ""
    return f"No dated source states a probability for {without} of {len(candidates)} candidates."
