"""A case without the values whose terms forbid training.

Values that somebody published (a market, a survey, an expert) count as free only where their terms are known
to be open or to allow quotation; values of the project's own making (a base rate, a model, a curator) are
dropped only where they are tagged as restricted. What is left is pooled anew. Sources, quotations and texts
are not touched: a quotation is no training value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from corpus.case import Candidate, Case, ClaimCheck, Estimate, Method, Outcome, Terms
from corpus.pooling import pooled_outcome

RESTRICTED = frozenset({Terms.NO_TRAINING, Terms.NON_COMMERCIAL})
PUBLISHED = frozenset({Method.MARKET, Method.SURVEY, Method.EXPERT})
_ESTIMATE = re.compile(r"^(outcomes\[(\d+)\]\.(?:candidates\[\d+\]|remainder))\.estimates\[(\d+)\](.*)$")
_LEVEL = re.compile(r"^outcomes\[(\d+)\]")


@dataclass(frozen=True)
class Freed:
    """What is left of a case, and what was taken from it."""

    case: Case
    values_dropped: int = 0
    levels_cut: int = 0
    """Levels from the first one on that lost its distribution; a chain never has a gap."""


def is_free(estimate: Estimate) -> bool:
    """Whether a value may be trained on."""
    unknown = estimate.terms is Terms.UNKNOWN and estimate.method in PUBLISHED
    return estimate.terms not in RESTRICTED and not unknown


def with_free_values(case: Case) -> Freed:
    """The case with its free values alone, pooled anew, its chain cut where a level has no distribution left."""
    work = _Freeing()
    outcomes = [work.level(i, outcome) for i, outcome in enumerate(case.outcomes)]
    if not work.dropped:
        return Freed(case)
    kept = next((i for i, level in enumerate(outcomes) if _undistributed(level)), len(outcomes))
    checks = tuple(moved for check in case.verification if (moved := work.moved(check, kept)))
    left = case.model_copy(update={"outcomes": tuple(outcomes[:kept]), "verification": checks})
    return replace(Freed(left, work.dropped), levels_cut=len(outcomes) - kept)


def _undistributed(outcome: Outcome) -> bool:
    return bool(outcome.candidates) and outcome.remainder.probability_bp is None


class _Freeing:
    """Drops values level by level and remembers where the others went."""

    def __init__(self) -> None:
        self.dropped = 0
        self._places: dict[str, dict[int, int]] = {}

    def level(self, i: int, outcome: Outcome) -> Outcome:
        before = self.dropped
        candidates = tuple(
            self._candidate(f"outcomes[{i}].candidates[{k}]", candidate)
            for k, candidate in enumerate(outcome.candidates)
        )
        rest = self._free(f"outcomes[{i}].remainder", outcome.remainder.estimates)
        if self.dropped == before:
            return outcome
        remainder = outcome.remainder.model_copy(update={"estimates": rest})
        return pooled_outcome(outcome.model_copy(update={"candidates": candidates, "remainder": remainder}))

    def _candidate(self, path: str, candidate: Candidate) -> Candidate:
        return candidate.model_copy(update={"estimates": self._free(path, candidate.estimates)})

    def _free(self, path: str, estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
        places = [j for j, estimate in enumerate(estimates) if is_free(estimate)]
        self._places[path] = {old: new for new, old in enumerate(places)}
        self.dropped += len(estimates) - len(places)
        return tuple(estimates[j] for j in places)

    def moved(self, check: ClaimCheck, kept: int) -> ClaimCheck | None:
        """The check at its new place; None where what it checked is gone."""
        level = _LEVEL.match(check.path)
        if level and int(level[1]) >= kept:
            return None
        found = _ESTIMATE.match(check.path)
        if not found:
            return check
        place = self._places[found[1]].get(int(found[3]))
        if place is None:
            return None
        return check.model_copy(update={"path": f"{found[1]}.estimates[{place}]{found[4]}"})
