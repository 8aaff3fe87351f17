"""Baselines: fitted on the past alone, and counting what they say they count."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from corpus.errors import InvalidInput
from corpus.splits import Split
from evaluation.baselines import (
    SMOOTHING,
    BaselineName,
    BaseRate,
    TfidfLogistic,
    as_predictions,
    baselines,
    uniform_shares,
)
from evaluation.levels import Level, LevelSet
from evaluation.pairing import pair_given
from evaluation.prediction import check_predictions
from tests.evaluation_levels import level

KINDS = ("raises the salt tax by 3 percent", "opens a canal", "bans grain exports")
TOWNS = ("Arvenia", "Borduria", "Caldoria", "Drusland")


def listed(number: int, outcome: int, as_of: str = "2010-01-01") -> Level:
    """A level whose options are of three kinds, each with the town's name."""
    texts = tuple(f"{TOWNS[number % 4]} {text}" for text in KINDS)
    event = texts[outcome] if outcome < len(texts) else None
    return replace(level(number, as_of=as_of, outcome=outcome), options=texts, event=event)


def past(count: int, outcome: int = 0) -> list[Level]:
    return [listed(n, outcome) for n in range(count)]


def test_base_rate_counts_kinds_across_names_numbers_and_dates() -> None:
    rate = BaseRate(past(8))
    target = replace(
        listed(99, 0),
        options=(
            "Elbonia raises the salt tax by 9 percent in May 2021",
            "A comet falls",
            "Elbonia opens a canal",
        ),
    )
    shares = rate.shares_of([target])[0]
    smooth = SMOOTHING * 0.25
    raw = np.array([(8 + smooth) / (8 + SMOOTHING), 0.25, smooth / (8 + SMOOTHING), smooth / (8 + SMOOTHING)])
    assert shares == pytest.approx(raw / raw.sum())


def test_a_kind_never_seen_is_uniform() -> None:
    strange = replace(listed(1, 0), options=("A comet falls", "Locusts arrive"))
    earlier = [replace(level, outcome=None) for level in past(1)]
    first, second, _ = BaseRate(earlier).shares_of([strange])[0]
    assert first == second


def test_without_a_past_there_is_no_base_rate_and_no_tfidf() -> None:
    with pytest.raises(InvalidInput, match="no base rate"):
        BaseRate([])
    with pytest.raises(InvalidInput, match="TF-IDF needs 20 options in 5 families"):
        TfidfLogistic(past(2))


def test_tfidf_learns_which_words_come_true() -> None:
    rng = np.random.default_rng(0)
    earlier = [listed(n, 1 if rng.random() < 0.8 else 2) for n in range(60)]
    shares = np.array(TfidfLogistic(earlier).shares_of([listed(77, 0), listed(78, 0)]))
    assert shares.sum(axis=1) == pytest.approx([1, 1])
    assert (shares[:, 1] > 0.5).all()


def made_set(earlier: list[Level], targets: list[Level]) -> LevelSet:
    return LevelSet("h", "FICTIONAL", {Split.TRAIN: tuple(earlier), Split.TEST: tuple(targets)})


def test_only_what_was_answered_before_the_first_target_is_learnt_from() -> None:
    target = listed(99, 0, "2012-06-01")
    answered_late = replace(listed(1, 0, "2012-05-01"), resolved=target.as_of.date() + timedelta(days=1))
    same_family = replace(listed(2, 0), family=target.family)
    good = listed(3, 0)
    asked = made_set([answered_late, same_family, good], [target])
    assert asked.earlier_than([target]) == [good]


def test_all_baselines_answer_every_target_or_say_why_not() -> None:
    targets = [listed(n, n % 3, "2015-01-01") for n in range(100, 104)]
    found = {b.name: b for b in baselines(made_set(past(40), targets), targets)}
    assert set(found) == set(BaselineName)
    for name in (BaselineName.UNIFORM, BaselineName.BASE_RATE):
        rows = check_predictions(as_predictions(found[name], targets, "h")).rows
        assert pair_given(rows, targets).missing == 0
    assert found[BaselineName.UNIFORM].shares[0] == uniform_shares(targets[0]) == (0.25,) * 4
    assert "no crowd" in found[BaselineName.CROWD].missing


def test_the_crowd_answers_where_there_is_one() -> None:
    asked = [replace(level(1, options=1, outcome=0), crowd=0.7, binary=True, options=("yes",))]
    found = {b.name: b for b in baselines(made_set([], asked), asked)}
    assert found[BaselineName.CROWD].shares[0] == pytest.approx((0.7, 0.3))
    assert "no base rate" in found[BaselineName.BASE_RATE].missing
