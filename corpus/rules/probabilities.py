"""Rules on probabilities: exact sums, intervals, the as-of, and nothing uniform."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.case import FULL_BP, Availability, Case, Estimate, Method, Outcome
from corpus.problems import Code, Problem, error, warning

UNIFORM_FROM = 3
"""Options (Z included) from which equal probabilities are suspicious."""


def check_probabilities(case: Case) -> Iterator[Problem]:
    """All findings on distributions and estimates of one case."""
    for i, outcome in enumerate(case.outcomes):
        path = f"outcomes[{i}]"
        yield from _distribution(outcome, path)
        for k, candidate in enumerate(outcome.candidates):
            for j, estimate in enumerate(candidate.estimates):
                yield from _estimate(case, outcome, estimate, f"{path}.candidates[{k}].estimates[{j}]")
        for j, estimate in enumerate(outcome.remainder.estimates):
            yield from _estimate(case, outcome, estimate, f"{path}.remainder.estimates[{j}]")


def _distribution(outcome: Outcome, path: str) -> Iterator[Problem]:
    values = [c.probability_bp for c in outcome.candidates] + [outcome.remainder.probability_bp]
    known = [value for value in values if value is not None]
    if not outcome.candidates:
        return
    if len(known) < len(values):
        missing = [c.text for c in outcome.candidates if c.probability_bp is None]
        named = missing[0] if missing else "Z"
        yield error(
            Code.UNDISTRIBUTED, path, f"{len(missing)} without a value",
            f"the level has no distribution: nothing says how likely {named!r} looked.",
        )  # fmt: skip
    elif sum(known) != FULL_BP:
        yield error(
            Code.SUM, path, sum(known) / FULL_BP,
            f"the probabilities sum to {sum(known) / 100:.2f} %, not to 100 %.",
        )  # fmt: skip
    elif len(known) >= UNIFORM_FROM and max(known) - min(known) <= 1:
        yield warning(Code.UNIFORM, path, known[0] / FULL_BP, f"all {len(known)} probabilities are equal.")


def _estimate(case: Case, outcome: Outcome, estimate: Estimate, path: str) -> Iterator[Problem]:
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    if not low <= estimate.value <= high:
        yield error(
            Code.INTERVAL,
            path,
            estimate.value,
            f"{estimate.value} lies outside its interval {low} to {high}.",
        )
    as_of = case.as_of(outcome.depth)
    if as_of is not None and estimate.as_of > as_of:
        yield error(
            Code.ESTIMATE_TOO_LATE, f"{path}.as_of", estimate.as_of.isoformat(),
            f"the estimate is as of {estimate.as_of:%Y-%m-%d}, after the level's as-of {as_of:%Y-%m-%d}.",
        )  # fmt: skip
    if estimate.method is not Method.RETROSPECTIVE:
        yield from _leak(case, outcome, estimate, path)


def _leak(case: Case, outcome: Outcome, estimate: Estimate, path: str) -> Iterator[Problem]:
    """What an estimate rests on must have been available before the outcome could have happened."""
    limit = case.reading_limit(outcome.depth)
    source = case.source(estimate.evidence.source_id) if estimate.evidence else None
    if source is None or limit is None or source.available_by(limit):
        return
    shown = "is undated"
    if source.availability is not Availability.UNDATED and source.available_at:
        shown = f"was available from {source.available_at:%Y-%m-%d} on"
    yield error(
        Code.ESTIMATE_LEAKS, f"{path}.evidence", source.url,
        f"{source.url} {shown}; an estimate may rest only on what could be read by {limit:%Y-%m-%d}.",
    )  # fmt: skip
