"""Metrics: golden values worked out by hand, and the properties that make a score proper."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from corpus.errors import InvalidInput
from evaluation import metrics
from evaluation.metrics import Forecasts, binary_forecasts, forecasts

TWO = forecasts([(0.5, 0.3, 0.2), (0.1, 0.9)], [0, 0])
"""Level 1: 0.5 on what happened, of three options; level 2: 0.1, of two."""


def test_golden_values_of_mode_given() -> None:
    assert metrics.log_loss(TWO) == pytest.approx([0.693147, 2.302585], abs=1e-6)
    assert metrics.log_score(TWO) == pytest.approx([-0.693147, -2.302585], abs=1e-6)
    assert metrics.brier_sum(TWO) == pytest.approx([0.25 + 0.09 + 0.04, 0.81 + 0.81])
    assert metrics.brier_binary(TWO) == pytest.approx((0.38 + 1.62) / 5)
    assert metrics.top_accuracy(TWO) == pytest.approx([1.0, 0.0])
    assert metrics.perplexity(math.log(4)) == pytest.approx(4.0)


def test_uniform_over_six_scores_what_the_design_says() -> None:
    six = forecasts([[1 / 6] * 6], [2])
    assert metrics.brier_binary(six) == pytest.approx(0.13889, abs=1e-5)
    assert metrics.sharpness(six) == pytest.approx([0.0])
    assert metrics.top_accuracy(six) == pytest.approx([1 / 6])
    assert metrics.perplexity(float(metrics.log_loss(six)[0])) == pytest.approx(6.0)


def test_a_yes_no_question_has_the_usual_brier_score() -> None:
    p, y = [0.9, 0.2, 0.6], [1, 0, 0]
    found = binary_forecasts(p, y)
    assert metrics.brier_binary(found) == pytest.approx(brier_score_loss(y, p))
    assert len(found.pairs()[0]) == 3


def test_zero_and_one_are_legal_and_their_effect_is_as_stated() -> None:
    sure = forecasts([(1.0, 0.0), (0.0, 1.0)], [0, 0])
    assert metrics.log_loss(sure).tolist() == [0.0, math.inf]
    assert metrics.log_loss(sure, metrics.LOG_FLOOR)[1] == pytest.approx(-math.log(0.5e-4))
    assert metrics.brier_sum(sure).tolist() == [0.0, 2.0]
    assert metrics.sharpness(sure).tolist() == [1.0, 1.0]


def test_golden_values_of_mode_generated() -> None:
    assert metrics.event_loss([0.5, 0.0, 0.004, 1.0]) == pytest.approx(
        [0.693147, 4.605170, 4.605170, 0.0], abs=1e-6
    )
    assert metrics.generated_brier_sum([0.7, 0.2], [True, False]) == pytest.approx(0.09 + 0.04)
    assert metrics.generated_brier_sum([0.7, 0.2], [False, False]) == pytest.approx(1 + 0.49 + 0.04)
    assert metrics.generated_brier_sum([0.4, 0.3, 0.2], [True, True, False]) == pytest.approx(0.09 + 0.04)
    assert metrics.generated_brier_sum([], []) == 1.0


def test_golden_values_of_the_others() -> None:
    assert metrics.token_perplexity([-2.0, -4.0], [2, 1]) == pytest.approx(math.exp(2))
    assert metrics.token_perplexity([], []) is None
    assert metrics.skill(0.1, 0.2) == pytest.approx(0.5)
    assert metrics.skill(0.1, 0.0) is None
    assert metrics.pooled_distance([0.2, 0.6], [0.3, 0.3]) == pytest.approx((0.2, math.sqrt(0.05)))
    assert metrics.pooled_distance([], []) is None
    assert metrics.auroc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0]) == pytest.approx(3.5 / 4)
    assert metrics.auroc([0.9, 0.4], [1, 1]) is None


@pytest.mark.parametrize(
    ("months", "wanted"),
    [
        (1, ((0.2 - 1) ** 2 + (0.7 - 1) ** 2) / 2),
        (3, (0.2**2 + (0.7 - 1) ** 2) / 2),
        (20, (0.2**2 + 0.7**2) / 2),
    ],
)
def test_ranked_probability_score_by_hand(months: int, wanted: float) -> None:
    assert metrics.ranked_probability_score([1, 3, 12], [0.2, 0.5, 0.3], months) == pytest.approx(wanted)
    assert metrics.ranked_probability_score([12], [1.0], months) == 0.0


def test_impossible_probabilities_are_refused() -> None:
    for rows in ([(0.5, math.nan)], [(1.2, -0.2)], [(0.5, 0.4)]):
        with pytest.raises(InvalidInput):
            forecasts(rows, [0])
    with pytest.raises(InvalidInput, match="no option"):
        forecasts([(0.5, 0.5)], [2])
    with pytest.raises(InvalidInput, match="do not fit"):
        forecasts([(0.5, 0.5)], [0, 1])


simplex = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6).map(lambda xs: [x / sum(xs) for x in xs])


@given(simplex, st.data())
def test_proper_scores_are_best_at_the_truth(truth: list[float], data: st.DataObject) -> None:
    """The expected score of any other forecast is no better than that of the true probabilities."""
    raw = data.draw(st.lists(st.floats(0.01, 1.0), min_size=len(truth), max_size=len(truth)))
    other = [x / sum(raw) for x in raw]

    def expected(score, forecast: list[float]) -> float:
        each = score(forecasts([forecast] * len(truth), list(range(len(truth)))))
        return float(each @ np.array(truth))

    for score in (metrics.log_loss, metrics.brier_sum):
        assert expected(score, truth) <= expected(score, other) + 1e-9


@given(simplex, st.integers(1, 40))
def test_the_ranked_score_is_best_at_the_truth(truth: list[float], seed: int) -> None:
    edges = [1, 3, 6, 12, 24, 36][: len(truth)]
    other = np.random.default_rng(seed).dirichlet(np.ones(len(truth)))

    def expected(shares: list[float]) -> float:
        return sum(
            p * metrics.ranked_probability_score(edges, shares, edge)
            for p, edge in zip(truth, edges, strict=True)
        )

    assert expected(truth) <= expected(list(other)) + 1e-9


@given(simplex, st.randoms(use_true_random=False))
def test_order_of_the_options_does_not_matter(shares: list[float], random) -> None:
    order = list(range(len(shares)))
    random.shuffle(order)
    here, there = forecasts([shares], [0]), forecasts([[shares[i] for i in order]], [order.index(0)])
    for score in (metrics.log_loss, metrics.brier_sum, metrics.top_accuracy, metrics.sharpness):
        assert score(here) == pytest.approx(score(there))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=60))
def test_auroc_equals_the_reference_and_its_placements(pairs: list[tuple[float, bool]]) -> None:
    p, y = np.array([p for p, _ in pairs]), np.array([float(y) for _, y in pairs])
    assume(0 < y.sum() < len(y))
    found = metrics.auroc(p, y)
    assert found == pytest.approx(roc_auc_score(y, p))
    placed = metrics.placements(p, y)
    assert placed[y == 1].mean() == pytest.approx(found)
    assert placed[y == 0].mean() == pytest.approx(found)


@given(st.floats(0, 1))
def test_event_loss_falls_with_probability_and_never_exceeds_its_floor(p: float) -> None:
    low, high = metrics.event_loss([p, min(1.0, p + 0.01)])
    assert high <= low <= -math.log(0.01) + 1e-12


def test_scores_do_not_depend_on_how_levels_are_batched() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.dirichlet(np.ones(k)) for k in rng.integers(2, 6, 50)]
    outcomes = [int(rng.integers(len(row))) for row in rows]
    together = metrics.brier_sum(forecasts(rows, outcomes))
    apart = [float(metrics.brier_sum(forecasts([r], [o]))[0]) for r, o in zip(rows, outcomes, strict=True)]
    assert together == pytest.approx(apart)
    assert isinstance(forecasts(rows, outcomes).at(np.array([3, 1])), Forecasts)


def test_uniform_is_spread_over_the_listed_options_only() -> None:
    even = metrics.uniform(TWO)
    assert even.probability_NK.tolist()[1] == [0.5, 0.5, 0.0]
    assert all(a >= b for a, b in pairwise([even.options_N[0], even.options_N[1]]))
