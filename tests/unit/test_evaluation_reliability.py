"""Calibration errors: judged against chance, decomposed exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import Forecasts, binary_forecasts, forecasts
from evaluation.reliability import Binning, bin_index, decompose, ece, ece_null, reliability


def calibrated(count: int, seed: int) -> Forecasts:
    """A simulated forecaster whose probabilities are true."""
    rng = np.random.default_rng(seed)
    p = rng.random(count)
    return binary_forecasts(p, rng.random(count) < p)


def test_ece_by_hand() -> None:
    found = binary_forecasts([0.1, 0.1, 0.9, 0.9], [0, 1, 1, 1])
    assert ece(found) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)
    bins = reliability(*found.pairs()[:2])
    assert bins.count_B.tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert bins.observed_B[1] == 0.5
    assert np.isnan(bins.observed_B[0])


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert bin_index(np.array([0.0, 0.999, 1.0]), Binning.EQUAL_WIDTH).tolist() == [0, 9, 9]


def test_equal_mass_bins_keep_equal_values_together() -> None:
    values = np.array([0.2] * 50 + [0.4] * 50)
    index = bin_index(values, Binning.EQUAL_MASS)
    assert len(set(index[:50])) == len(set(index[50:])) == 1
    spread = bin_index(np.linspace(0, 1, 100), Binning.EQUAL_MASS)
    assert np.bincount(spread).tolist() == [10] * 10


def test_the_null_is_what_the_design_says_at_200() -> None:
    """A perfectly calibrated forecaster with n = 200 and ten bins shows about 0.066 on average."""
    means = [ece_null(calibrated(200, seed), draws=200, seed=seed).mean for seed in range(10)]
    assert np.mean(means) == pytest.approx(0.066, abs=0.008)


@pytest.mark.parametrize("binning", list(Binning))
def test_the_null_is_exceeded_as_often_as_stated(binning: Binning) -> None:
    """At 5 %, of 300 calibrated forecasters about 15 lie above the limit; more than 27 would be one in 1,000."""
    above = 0
    for seed in range(300):
        found = calibrated(200, seed)
        null = ece_null(found, binning, draws=200, seed=seed)
        above += ece(found, binning) > null.limit
    assert 4 <= above <= 27


def test_an_overconfident_forecaster_stands_out() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200)
    sharper = truth**3 / (truth**3 + (1 - truth) ** 3)
    found = binary_forecasts(sharper, rng.random(200) < truth)
    null = ece_null(found)
    assert ece(found) > null.limit
    assert null.p_value < 0.01


def test_options_of_a_level_are_drawn_together() -> None:
    """Exactly one option happens in each draw: the counts over all bins sum to the number of levels."""
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(4), 300)
    outcomes = [int(rng.choice(4, p=row)) for row in rows]
    found = forecasts(rows, outcomes)
    null = ece_null(found, draws=100)
    bins = reliability(*found.pairs()[:2])
    inside = (bins.observed_B >= null.low_B) & (bins.observed_B <= null.high_B)
    assert inside[bins.count_B > 0].mean() >= 0.7
    assert ece(found) < null.limit * 1.5


def test_unlisted_options_are_never_drawn() -> None:
    found = forecasts([(0.5, 0.5), (0.25, 0.25, 0.25, 0.25)] * 100, [0, 3] * 100)
    assert len(found.pairs()[0]) == 600
    assert ece_null(found, draws=50).limit < 0.2


pairs = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.integers(0, 1)), min_size=1, max_size=80
)


@given(pairs)
def test_the_parts_add_up_to_the_brier_score(rows: list[tuple[float, int]]) -> None:
    p, y = np.array([p for p, _ in rows]), np.array([y for _, y in rows], dtype=float)
    parts = decompose(p, y)
    assert parts.brier == pytest.approx(((p - y) ** 2).mean(), abs=1e-9)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= -1e-12
    assert parts.values == len(set(p))
