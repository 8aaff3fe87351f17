"""Pooling: exact sums, trust before numbers, no guesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.case import FULL_BP, Estimate, Method
from corpus.pooling import largest_remainder, pool
from tests.builders import estimate

DAY = "2019-03-10"


def one(value: float, method: Method = Method.RETROSPECTIVE, day: str = DAY) -> Estimate:
    return estimate(value, day, method)


values = st.floats(0, 1, allow_nan=False)
estimates = st.lists(st.builds(one, values, st.sampled_from(Method)), min_size=1, max_size=3)


@given(st.lists(estimates, min_size=1, max_size=5), st.one_of(st.just([]), estimates))
def test_a_distribution_sums_to_exactly_one(candidates: list[list[Estimate]], rest: list[Estimate]) -> None:
    pooled = pool(candidates, rest)
    if pooled is not None:
        assert sum(pooled.candidates_bp) + pooled.remainder_bp == FULL_BP
        assert min(pooled.candidates_bp) >= 0
        assert pooled.remainder_bp >= 0


@given(st.lists(estimates, min_size=2, max_size=4), estimates, st.randoms(use_true_random=False))
def test_order_of_candidates_does_not_matter(candidates, rest, random) -> None:  # type: ignore[no-untyped-def]
    pooled = pool(candidates, rest)
    order = list(range(len(candidates)))
    random.shuffle(order)
    other = pool([candidates[i] for i in order], rest)
    if pooled is None or other is None:
        assert pooled is other
        return
    for place, i in enumerate(order):
        assert abs(other.candidates_bp[place] - pooled.candidates_bp[i]) <= 1


def test_the_most_trusted_method_fixes_its_candidates_and_the_others_share_the_rest() -> None:
    pooled = pool([[one(0.63, Method.MARKET), one(0.2)], [one(0.3)], [one(0.1)]], [one(0.1)])
    assert pooled is not None
    assert pooled.candidates_bp == (6300, 2220, 740)
    assert pooled.remainder_bp == 740


def test_the_newest_value_of_a_method_counts() -> None:
    pooled = pool([[one(0.2, Method.MARKET, "2019-03-01"), one(0.4, Method.MARKET, "2019-03-09")]], [])
    assert pooled is not None
    assert pooled.candidates_bp == (4000,)
    assert pooled.remainder_bp == 6000


def test_values_beyond_one_are_scaled_down_together() -> None:
    pooled = pool([[one(0.9, Method.SURVEY)], [one(0.6, Method.SURVEY)]], [])
    assert pooled is not None
    assert pooled.candidates_bp == (6000, 4000)
    assert pooled.remainder_bp == 0


def test_a_candidate_without_any_value_leaves_the_level_undistributed() -> None:
    assert pool([[one(0.5)], []], [one(0.5)]) is None
    assert pool([], [one(1.0)]) is None


def test_the_seeds_brexit_level_keeps_its_085() -> None:
    pooled = pool([[one(0.85)]], [])
    assert pooled is not None
    assert (pooled.candidates_bp, pooled.remainder_bp) == ((8500,), 1500)


@pytest.mark.parametrize(("shares", "points"), [([1 / 3] * 3, [3334, 3333, 3333]), ([1.0], [10000])])
def test_largest_remainder(shares: list[float], points: list[int]) -> None:
    assert largest_remainder(shares) == points
