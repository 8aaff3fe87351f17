"""Comparison: exact p-values for few families, no winner by chance, Holm by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidInput
from evaluation.compare import GIVEN_FIGURES, compare, holm, verdict_sentence
from evaluation.figures import FigureTable
from evaluation.metrics import Forecasts, forecasts
from evaluation.pairing import GivenPairs
from evaluation.scoring import given_table
from tests.evaluation_levels import level


def table(values: list[float], families: list[str] | None = None) -> FigureTable:
    made = FigureTable(np.array(families or [f"f{i}" for i in range(len(values))]))
    made.mean_of("log_loss", values)
    return made


def test_p_by_hand_for_six_families() -> None:
    """All six differences point one way: 2 of the 64 sign patterns are as extreme."""
    found = compare(table([0.1] * 6), table([0.3, 0.4, 0.5, 0.3, 0.2, 0.6]), ["log_loss"])[0]
    assert found.p_value == pytest.approx(2 / 64)
    assert found.difference.value == pytest.approx(0.1 - 2.3 / 6)
    assert found.better == "first"


def test_copies_within_a_family_do_not_make_a_difference_significant() -> None:
    apart = compare(table([0.1, 0.2] * 20), table([0.3, 0.3] * 20), ["log_loss"])[0]
    together = compare(
        table([0.1, 0.2] * 20, ["a", "b"] * 20), table([0.3, 0.3] * 20, ["a", "b"] * 20), ["log_loss"]
    )[0]
    assert apart.better == "first"
    assert together.better is None
    assert together.p_value == pytest.approx(0.5)


def test_equal_forecasters_have_no_winner_and_no_number_that_would_show_one() -> None:
    found = compare(table([0.1, 0.2, 0.5]), table([0.1, 0.2, 0.5]), ["log_loss"])[0]
    assert (found.difference.value, found.p_value, found.better, found.families_needed) == (
        0.0,
        1.0,
        None,
        None,
    )


def test_one_family_gives_neither_interval_nor_p() -> None:
    found = compare(table([0.1], ["a"]), table([0.2], ["a"]), ["log_loss"])[0]
    assert (found.difference.low, found.p_value, found.better) == (None, None, None)


def test_a_difference_by_chance_is_rarely_called_one() -> None:
    """Of 200 comparisons of equally good forecasters at most 5 % (and noise) name a winner."""
    named = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        one, two = rng.exponential(1, 40), rng.exponential(1, 40)
        named += (
            compare(table(list(one)), table(list(two)), ["log_loss"], replicates=400, permutations=400)[
                0
            ].better
            is not None
        )
    assert named <= 19


def test_the_number_of_families_that_would_show_a_difference_does() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, 60)
    found = compare(table(list(noise + 0.15)), table([0.0] * 60), ["log_loss"])[0]
    assert found.better is None
    assert found.families_needed is not None
    true = 0.0
    for seed in range(20):
        more = np.random.default_rng(seed).normal(found.difference.value, noise.std(), found.families_needed)
        again = compare(
            table(list(more)), table([0.0] * len(more)), ["log_loss"], replicates=400, permutations=400
        )[0]
        true += again.better is not None
    assert 11 <= true <= 20, "80 % of 20"
    assert "more event families" in verdict_sentence("a", "b", [found])["log_loss"]


def pairs(rows: np.ndarray, outcomes: list[int]) -> GivenPairs:
    found: Forecasts = forecasts(rows, outcomes)
    levels = tuple(level(n, outcome=o) for n, o in enumerate(outcomes))
    return GivenPairs(levels, found, (None,) * len(levels))


def test_every_figure_of_mode_given_is_compared_in_its_own_direction() -> None:
    rng = np.random.default_rng(6)
    truth = rng.dirichlet(np.ones(4), 400)
    outcomes = [int(rng.choice(4, p=row)) for row in truth]
    good = given_table(pairs(truth, outcomes), {})
    bad = given_table(pairs(np.full((400, 4), 0.25), outcomes), {})
    found = {row.figure: row for row in compare(bad, good, GIVEN_FIGURES, permutations=1_000)}
    for name in ("log_loss", "brier_binary", "brier_sum", "accuracy", "auroc"):
        assert found[name].better == "second", name
    mirrored = {row.figure: row.better for row in compare(good, bad, GIVEN_FIGURES, permutations=1_000)}
    assert set(mirrored.values()) == {"first"}


def test_the_auroc_interval_agrees_with_resampling_it_outright() -> None:
    from evaluation.metrics import auroc

    rng = np.random.default_rng(7)
    truth = rng.dirichlet(np.ones(3), 150)
    outcomes = [int(rng.choice(3, p=row)) for row in truth]
    packed = pairs(truth, outcomes)
    own = given_table(packed, {}).intervals()["auroc"]
    p, y, index = packed.forecasts.pairs()
    spread = []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(index == n) for n in rng.integers(0, 150, 150)])
        spread.append(auroc(p[rows], y[rows]))
    low, high = np.quantile(spread, [0.025, 0.975])
    assert (own.low, own.high) == pytest.approx((low, high), abs=0.012)


def test_different_levels_or_modes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="different levels"):
        compare(table([0.1, 0.2]), table([0.1]), ["log_loss"])
    with pytest.raises(InvalidInput, match="share no figure"):
        compare(table([0.1, 0.2]), table([0.1, 0.2]), ["event_loss"])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, None]) == pytest.approx([0.03, 0.06, 0.06, None])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values: list[float]) -> None:
    adjusted = [p for p in holm(values) if p is not None]
    assert all(a >= p for a, p in zip(adjusted, values, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
