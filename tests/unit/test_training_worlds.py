"""Synthetic worlds: the stored probabilities are those by which cases are drawn. FICTIONAL."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from corpus.dates import EventDate, months_between
from training.dialogue import when_index, when_steps
from training.synthetic import Recipe, synthetic_cases
from training.worlds import days_within, draw, make_world, probabilities, when_probabilities


def test_a_seed_gives_one_world_and_another_seed_another() -> None:
    assert make_world(4) == make_world(4)
    assert make_world(4).forks != make_world(5).forks


def test_draws_follow_the_stated_probabilities() -> None:
    fork, rng, n = make_world(2).fork(0, 1, 2), np.random.default_rng(0), 20_000
    true, none = probabilities(fork, 730)
    assert sum(true) + none == pytest.approx(1.0)
    drawn = [draw(rng, fork, 730) for _ in range(n)]
    shares = [sum(d is not None and d[0] == k for d in drawn) / n for k in range(len(true))]
    for share, p in zip([*shares, sum(d is None for d in drawn) / n], [*true, none], strict=True):
        assert abs(share - p) < 5 * (p * (1 - p) / n) ** 0.5 + 1e-4


def test_the_stated_months_are_those_of_the_drawn_dates() -> None:
    parent, hazard = date(1931, 5, 17), 0.004
    true = when_probabilities(hazard, parent, 24)
    assert sum(true) == pytest.approx(1.0)
    rng, counts = np.random.default_rng(1), np.zeros(len(when_steps(24)))
    for day in rng.geometric(hazard, 30_000):
        if day <= days_within(parent, 24):
            when = EventDate(date.fromordinal(parent.toordinal() + int(day)))
            counts[when_index(months_between(EventDate(parent), when), 24)] += 1
    assert counts / counts.sum() == pytest.approx(true, abs=0.015)


def test_cases_carry_true_probabilities_that_sum_to_one() -> None:
    for case in synthetic_cases(Recipe(40, (1, 2), seed=9)):
        assert case.provenance.origin == "synthetic"
        for outcome in case.outcomes:
            total = sum(c.true_probability or 0.0 for c in outcome.candidates)
            assert total + (outcome.remainder.true_probability or 0.0) == pytest.approx(1.0)
            assert (outcome.event is None) == (not any(c.happened for c in outcome.candidates))


def test_a_recipe_gives_the_same_cases_again() -> None:
    assert list(synthetic_cases(Recipe(5, seed=3))) == list(synthetic_cases(Recipe(5, seed=3)))
    assert list(synthetic_cases(Recipe(5, seed=3))) != list(synthetic_cases(Recipe(5, seed=4)))
