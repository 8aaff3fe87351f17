"""From several estimates to one distribution over a level's candidates and Z.

The rule, fixed in the design: the values of the level's most trusted method fix their candidates (the
newest value of each; scaled down together if they exceed 1). The other candidates and Z share what is
left in proportion to their own most trusted values. A Z without a value takes what remains. A candidate
without any value leaves the level undistributed: that is a problem to be shown, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.case import FULL_BP, METHODS_BY_TRUST, Estimate, Method, Outcome


@dataclass(frozen=True)
class Pooled:
    """A distribution in basis points: one number a candidate, and Z's."""

    candidates_bp: tuple[int, ...]
    remainder_bp: int


def pool(candidates: Sequence[Sequence[Estimate]], remainder: Sequence[Estimate]) -> Pooled | None:
    """Pool the estimates of K candidates and Z; None where the level stays undistributed.

    Returns integer basis points that sum to exactly 10,000.
    """
    if not candidates or any(not estimates for estimates in candidates):
        return None
    groups = [*candidates, remainder]
    top = min((e.method for group in groups for e in group), key=METHODS_BY_TRUST.index)
    fixed = {i: _newest(group, top) for i, group in enumerate(groups)}
    shares = _distribute(groups, {i: value for i, value in fixed.items() if value is not None})
    if shares is None:
        return None
    points = largest_remainder(shares)
    return Pooled(tuple(points[:-1]), points[-1])


def _distribute(groups: Sequence[Sequence[Estimate]], fixed: dict[int, float]) -> list[float] | None:
    """Shares over all groups, the last being Z; None where nothing says how to share."""
    total = sum(fixed.values())
    z = len(groups) - 1
    scale = 1.0 / total if total > 1.0 else 1.0
    shares = [fixed.get(i, 0.0) * scale for i in range(len(groups))]
    left = max(0.0, 1.0 - sum(shares))
    own = {i: _most_trusted(group) for i, group in enumerate(groups) if i not in fixed and group}
    if z not in own and z not in fixed:
        return _with_open_remainder(shares, left, own)
    weight = sum(own.values())
    if weight > 0:
        return [share + left * own.get(i, 0.0) / weight for i, share in enumerate(shares)]
    if own and left > 0:  # the unfixed ones are all said to be impossible: Z is the only honest taker
        shares[z] += left
        return shares
    return _rescaled(shares)


def _with_open_remainder(shares: list[float], left: float, own: dict[int, float]) -> list[float]:
    """Z has no value: the others keep their own values where they fit, Z takes what remains."""
    weight = sum(own.values())
    scale = left / weight if weight > left else 1.0
    given = [share + own.get(i, 0.0) * scale for i, share in enumerate(shares)]
    given[-1] = max(0.0, 1.0 - sum(given[:-1]))
    return given


def _rescaled(shares: list[float]) -> list[float] | None:
    total = sum(shares)
    return [share / total for share in shares] if total > 0 else None


def _newest(estimates: Sequence[Estimate], method: Method) -> float | None:
    of_method = [e for e in estimates if e.method is method]
    # of equally old ones the one given last: max takes the first it meets
    return max(reversed(of_method), key=lambda e: e.as_of).value if of_method else None


def _most_trusted(estimates: Sequence[Estimate]) -> float:
    best = min(estimates, key=lambda e: METHODS_BY_TRUST.index(e.method)).method
    value = _newest(estimates, best)
    return 0.0 if value is None else value


def largest_remainder(shares: Sequence[float], total: int = FULL_BP) -> list[int]:
    """Round non-negative shares that sum to 1 to integers that sum to exactly `total` (Hamilton's method)."""
    raw = [share * total for share in shares]
    floors = [int(value + 1e-9) for value in raw]
    missing = total - sum(floors)
    order = sorted(range(len(raw)), key=lambda i: (floors[i] - raw[i], i))
    for i in order[:missing]:
        floors[i] += 1
    return floors


def pooled_outcome(outcome: Outcome) -> Outcome:
    """The same level with `probability_bp` set by `pool`, or cleared where it stays undistributed."""
    pooled = pool([c.estimates for c in outcome.candidates], outcome.remainder.estimates)
    values = pooled.candidates_bp if pooled else (None,) * len(outcome.candidates)
    candidates = tuple(
        candidate.model_copy(update={"probability_bp": value})
        for candidate, value in zip(outcome.candidates, values, strict=True)
    )
    rest = outcome.remainder.model_copy(update={"probability_bp": pooled.remainder_bp if pooled else None})
    return outcome.model_copy(update={"candidates": candidates, "remainder": rest})
