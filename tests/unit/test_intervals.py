"""Intervals: they cover what they should, know families, and are undefined where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import intervals
from corpus.intervals import (
    Interval,
    IntervalMethod,
    bootstrap,
    design_effect,
    families_to_decide,
    family_sums,
    mean_interval,
    wilson,
    wilson_by_family,
)


def test_wilson_against_published_values() -> None:
    """Newcombe (1998), table I: 81/263 and 15/148, 0/20, 1/29."""
    for hits, trials, low, high in (
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ):  # fmt: skip
        found = wilson(hits, trials)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_fifty_five_of_sixty_is_what_a_rate_over_80_percent_needs() -> None:
    assert (wilson(55, 60).low or 0) > 0.8
    assert (wilson(54, 60).low or 1) < 0.8


def test_no_interval_below_two_families() -> None:
    for values, families in (([], []), ([0.3], ["a"]), ([0.3, 0.5], ["a", "a"])):
        found = mean_interval(np.array(values), families)
        assert (found.low, found.high, found.method) == (None, None, IntervalMethod.NONE)
    assert wilson_by_family([1.0, 1.0], ["a", "a"]).low is None
    assert mean_interval(np.array([0.3]), ["a"]).value == 0.3
    assert mean_interval(np.array([]), []).value is None


def test_an_unscored_item_is_left_out_and_not_counted_as_zero() -> None:
    found = mean_interval(np.array([1.0, np.nan, 1.0, 1.0]), ["a", "b", "c", "d"])
    assert (found.value, found.items, found.families) == (1.0, 3, 3)


@pytest.mark.parametrize("size", [40, 3_000])
def test_a_mean_has_the_interval_of_theory(size: int) -> None:
    values = np.random.default_rng(1).normal(2.0, 1.0, size)
    found = mean_interval(values, list(range(size)))
    half = 1.96 * values.std(ddof=1) / np.sqrt(size)
    assert found.low == pytest.approx(values.mean() - half, abs=half * 0.15)
    assert found.high == pytest.approx(values.mean() + half, abs=half * 0.15)
    assert found.method is IntervalMethod.BCA


def test_copies_within_a_family_add_no_certainty() -> None:
    values = np.random.default_rng(2).normal(size=60)
    single = mean_interval(values, list(range(60)))
    copied = mean_interval(np.repeat(values, 5), list(np.repeat(np.arange(60), 5)))
    assert copied.low == pytest.approx(single.low)
    naive = mean_interval(np.repeat(values, 5), list(range(300)))
    assert (naive.high or 0) - (naive.low or 0) < 0.6 * ((single.high or 0) - (single.low or 0))


def test_bca_leans_the_right_way_on_a_skewed_mean() -> None:
    """Of 200 exponential samples of 25, the interval must hold the mean far more often than it misses."""
    hits, left, right = 0, 0, 0
    for seed in range(200):
        values = np.random.default_rng(seed).exponential(1.0, 25)
        found = mean_interval(values, list(range(25)), replicates=500)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1 <= found.high
        left += found.low > 1
        right += found.high < 1
    assert hits >= 176
    assert left + right <= 24


def test_the_poisson_path_agrees_with_the_multinomial_path() -> None:
    """Just below and just above the switch the same data give the same interval."""
    values = np.random.default_rng(3).exponential(1.0, intervals.POISSON_FROM)
    below = mean_interval(values[:-1], list(range(len(values) - 1)))
    above = mean_interval(values, list(range(len(values))))
    width = (below.high or 0) - (below.low or 0)
    assert above.low == pytest.approx(below.low, abs=0.08 * width)
    assert above.high == pytest.approx(below.high, abs=0.08 * width)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(4).normal(size=50)
    assert mean_interval(values, list(range(50))) == mean_interval(values, list(range(50)))


def test_a_figure_that_is_mostly_undefined_has_no_interval() -> None:
    """The second column is zero for all but one family: its mean is undefined without that family."""
    columns = np.column_stack([np.ones(20), np.eye(20)[0]])
    sums, _ = family_sums(columns, np.arange(20))
    found = bootstrap(sums, 20, lambda totals: totals[:, :1] / totals[:, 1:])
    assert found[0].value == 20.0
    assert found[0].low is None


def test_several_figures_share_one_resampling() -> None:
    values = np.random.default_rng(5).normal(size=(80, 2))
    sums, _ = family_sums(np.column_stack([values, np.ones(80)]), np.arange(80))
    one, two, gap = bootstrap(
        sums,
        80,
        lambda t: np.column_stack([t[:, 0] / t[:, 2], t[:, 1] / t[:, 2], (t[:, 0] - t[:, 1]) / t[:, 2]]),
    )
    assert gap.value == pytest.approx((one.value or 0) - (two.value or 0))
    assert all(found.defined for found in (one, two, gap))


@given(st.lists(st.integers(0, 1), min_size=2, max_size=80), st.integers(1, 10))
def test_a_share_lies_in_its_interval_and_families_never_narrow_it(hits: list[int], size: int) -> None:
    families = [i // size for i in range(len(hits))]
    found = wilson_by_family(hits, families)
    if len(set(families)) < 2:
        assert found.low is None
        return
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= sum(hits) / len(hits) + 1e-9
    assert sum(hits) / len(hits) - 1e-9 <= found.high <= 1
    alone = wilson(sum(hits), len(hits))
    assert found.high - found.low >= (alone.high or 0) - (alone.low or 0) - 1e-9


def test_design_effect_of_full_and_of_no_correlation() -> None:
    sizes = np.full(50, 4)
    alike = np.where(np.arange(50) % 2, 4.0, 0.0)
    assert design_effect(alike, sizes) == pytest.approx(4.0, abs=0.1)
    mixed = np.random.default_rng(6).binomial(4, 0.5, 50).astype(float)
    assert design_effect(mixed, sizes) < 1.6
    assert design_effect(np.full(50, 4.0), sizes) == 4.0


def test_how_many_families_would_decide() -> None:
    found = wilson_by_family([1.0] * 52 + [0.0] * 8, list(range(60)))
    needed = families_to_decide(found, 0.8)
    assert needed is not None
    share = 52 / 60
    assert (wilson(share * needed, needed).low or 0) > 0.8
    assert (wilson(share * (needed - 2), needed - 2).low or 1) <= 0.8
    assert families_to_decide(found, 52 / 60) is None
    assert families_to_decide(found, 0.5) == 60
    bare = Interval(1.0, 0.8, 1.2, 100, 100, IntervalMethod.BCA)
    assert families_to_decide(bare, 1.1) == 400
    assert families_to_decide(bare, 0.9) == 400
    assert families_to_decide(Interval(1.0, None, None, 1, 1, IntervalMethod.NONE), 0.9) is None
