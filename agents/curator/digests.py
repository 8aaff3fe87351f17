"""What the queue and the overview need to know of a case beyond its row, read once for each revision.

A digest is some hundred bytes and is kept in memory by case and revision; a revision never changes, so it is
never out of date. Reading 1,000 cases takes about 2 s, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from agents.state import PROVIDERS
from corpus.case import Availability, Case, CheckKind, CheckResult, Method, Outcome
from db.mapping import CaseSummary
from db.repository import Cases

FIRST_ORIGIN = "first_origin"
"""Setting in which an edit keeps who made the case at first."""
WIDE = 0.5
"""Spread between two estimates of one candidate that counts as full disagreement."""
WEIGHTS = (0.5, 0.3, 0.2)
"""Of weak evidence, disagreement and few publishers in the value of a look; chosen, not fitted."""


_ASKED = (Method.MARKET, Method.SURVEY)


class Flag(StrEnum):
    """What a curator should know of a case before opening it, beside the rules it breaks."""

    RECALL_RISK = "recall_risk"
    """A model may have remembered the outcome."""
    UNDATED = "undated"
    """A source whose availability nothing proves."""
    CHECK_FAILED = "check_failed"
    """The Verifier's check of a claim failed."""
    DISAGREEMENT = "disagreement"
    """Two estimates of one candidate lie far apart."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The look-worthiness of one revision and what the overview counts."""

    weakness: float
    """Share of outcomes with fewer than two publishers."""
    disagreement: float
    """Widest spread between estimates of one candidate, 0..1."""
    publishers: int
    distributed: bool
    verified: bool
    models: tuple[str, ...]
    providers: tuple[str, ...]
    flags: frozenset[Flag]

    @property
    def value(self) -> float:
        """What a look is worth, 0..1: high where evidence is weak, estimates differ and sources are few."""
        weak, wide, few = WEIGHTS
        return (
            weak * self.weakness + wide * min(1.0, self.disagreement / WIDE) + few / max(1, self.publishers)
        )


class Digests:
    """Digests by case and revision."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._known: dict[tuple[str, int], Digest] = {}
        self._lock = Lock()

    def of(self, summary: CaseSummary) -> Digest:
        """The digest of a listed revision."""
        key = (summary.case_id, summary.revision)
        found = self._known.get(key)
        if found is None:
            found = digest(self._cases.get(*key).case)
            with self._lock:
                self._known[key] = found
        return found


def digest(case: Case) -> Digest:
    """The digest of a case."""
    happened = [outcome for outcome in case.outcomes if outcome.event is not None]
    weak = sum(len(case.publishers(outcome.evidence)) < 2 for outcome in happened)
    spread = max((_spread(outcome) for outcome in case.outcomes), default=0.0)
    settings = case.provenance.settings
    return Digest(
        weakness=weak / len(happened) if happened else 1.0,
        disagreement=spread,
        publishers=len({source.publisher for source in case.sources}),
        distributed=bool(case.outcomes)
        and all(o.remainder.probability_bp is not None for o in case.outcomes),
        verified=_verified(case),
        models=tuple(sorted({model for model in case.provenance.models.values() if model}))
        or (_without_model(case),),
        providers=_providers(case)
        or (f"not recorded ({settings.get(FIRST_ORIGIN, case.provenance.origin)})",),
        flags=frozenset(_flags(case, spread)),
    )


def _without_model(case: Case) -> str:
    """What made a case that no model had a part in."""
    origin = case.provenance.settings.get(FIRST_ORIGIN, case.provenance.origin)
    return "offline rules" if origin == "agents" else f"no model ({origin})"


def _providers(case: Case) -> tuple[str, ...]:
    """Who supplied the evidence, as the run noted it, and the markets and surveys that were asked directly.

    A market's or survey's value that rests on a quotation was read on a page, which somebody else supplied.
    """
    noted = str(case.provenance.settings.get(PROVIDERS, "")).split(",")
    groups = [c.estimates for o in case.outcomes for c in o.candidates]
    groups += [o.remainder.estimates for o in case.outcomes]
    asked = [e.venue for g in groups for e in g if e.method in _ASKED and e.evidence is None]
    return tuple(sorted({name for name in (*noted, *asked) if name}))


def _spread(outcome: Outcome) -> float:
    groups = [candidate.estimates for candidate in outcome.candidates] + [outcome.remainder.estimates]
    return max((max(e.value for e in g) - min(e.value for e in g) for g in groups if g), default=0.0)


def _verified(case: Case) -> bool:
    results = {check.result for check in case.verification if check.check is CheckKind.QUOTE_IN_TEXT}
    failed = any(check.result is CheckResult.FAILED for check in case.verification)
    return CheckResult.PASSED in results and not failed


def _flags(case: Case, spread: float) -> Iterable[Flag]:
    if any(e.recall_risk for o in case.outcomes for c in o.candidates for e in c.estimates):
        yield Flag.RECALL_RISK
    if any(source.availability is Availability.UNDATED for source in case.sources):
        yield Flag.UNDATED
    if any(check.result is CheckResult.FAILED for check in case.verification):
        yield Flag.CHECK_FAILED
    if spread >= WIDE:
        yield Flag.DISAGREEMENT
