"""The verdict: gates test intervals; honest forecasters are not failed by chance, dishonest ones do not pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidFile
from corpus.intervals import Interval, IntervalMethod
from evaluation.curves import Fit, FitFinding
from evaluation.metrics import forecasts, uniform
from evaluation.pairing import GivenPairs
from evaluation.prediction import Mode
from evaluation.scoring import Scores, score_given
from evaluation.verdict import Criteria, Decision, Evidence, Gate, decide, judge, read_criteria
from tests.evaluation_levels import level

BELOW = Gate(name="g", mode=Mode.GIVEN, figure="brier_binary", below=0.15)
ABOVE = Gate(name="g", mode=Mode.GIVEN, figure="accuracy", above=0.8)


def interval(value: float, low: float | None, high: float | None, families: int = 50) -> Interval:
    return Interval(value, low, high, families, families, IntervalMethod.BCA)


@pytest.mark.parametrize(
    ("gate", "found", "decision"),
    [
        (BELOW, interval(0.1, 0.08, 0.12), Decision.DEPLOY),
        (BELOW, interval(0.1, 0.08, 0.151), Decision.REVIEW),
        (BELOW, interval(0.16, 0.149, 0.2), Decision.REVIEW),
        (BELOW, interval(0.2, 0.15, 0.25), Decision.FAIL),
        (BELOW, interval(0.1, 0.08, 0.12, families=9), Decision.REVIEW),
        (BELOW, interval(0.3, 0.2, 0.4, families=9), Decision.REVIEW),
        (BELOW, interval(0.1, None, None), Decision.REVIEW),
        (ABOVE, interval(0.9, 0.81, 0.97), Decision.DEPLOY),
        (ABOVE, interval(0.9, 0.79, 0.97), Decision.REVIEW),
        (ABOVE, interval(0.6, 0.5, 0.8), Decision.FAIL),
    ],
)
def test_a_gate_goes_by_its_whole_interval(gate: Gate, found: Interval, decision: Decision) -> None:
    result = decide(gate, found, min_families=10)
    assert result.decision is decision
    assert "\n" not in result.sentence


@given(st.floats(0, 0.5), st.floats(0, 0.3), st.floats(0, 0.3))
def test_a_wider_interval_never_decides_more(value: float, left: float, right: float) -> None:
    narrow = decide(BELOW, interval(value, value - left, value + right), 10).decision
    wide = decide(BELOW, interval(value, value - left - 0.05, value + right + 0.05), 10).decision
    assert wide is narrow or wide is Decision.REVIEW


def test_review_says_how_many_families_would_decide() -> None:
    result = decide(BELOW, interval(0.14, 0.12, 0.16, families=40), 10)
    assert result.families_needed == 160
    assert "about 160 event families would decide it" in result.sentence


ONLY_GIVEN = Criteria(
    gates=(
        BELOW,
        Gate(name="skill", mode=Mode.GIVEN, figure="skill_over_uniform", above=0.0),
    ),
    calibration=read_criteria().calibration,
)


def scored(rows: np.ndarray, outcomes: list[int], replicates: int = 400) -> Scores:
    levels = tuple(level(n, options=rows.shape[1] - 1, outcome=o) for n, o in enumerate(outcomes))
    pairs = GivenPairs(levels, forecasts(rows, outcomes), (None,) * len(levels))
    answered = score_given("FICTIONAL", pairs, {"base_rate": uniform(pairs.forecasts)}, replicates=replicates)
    return replace(answered, missing=0)


def gate(scores: Scores, name: str) -> Decision:
    found = judge(ONLY_GIVEN, [scores], Evidence(None, {}))
    return next(result.decision for result in found.gates if result.name == name)


def draws(count: int, seed: int, options: int = 4) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.ones(options), count)
    return truth, [int(rng.choice(options, p=row)) for row in truth]


def test_a_calibrated_forecaster_is_not_failed_more_often_than_stated() -> None:
    """n = 200, 100 forecasters whose probabilities are true: 5 % may fail; 12 or more would be one in 250."""
    failed = sum(
        gate(scored(*draws(200, seed), replicates=100), "calibration") is Decision.FAIL for seed in range(100)
    )
    assert failed < 12


def test_an_overconfident_forecaster_fails_the_calibration_gate() -> None:
    for seed in range(5):
        truth, outcomes = draws(200, seed)
        sharp = truth**3 / (truth**3).sum(axis=1, keepdims=True)
        assert gate(scored(sharp, outcomes), "calibration") is Decision.FAIL


def test_a_hedger_does_not_pass_although_its_brier_is_low() -> None:
    """Uniform over six options scores 0.139, under the 0.15 of the target, and shows no skill."""
    _, outcomes = draws(400, 1, options=6)
    hedger = scored(np.full((400, 6), 1 / 6), outcomes)
    assert gate(hedger, "g") is Decision.DEPLOY
    assert gate(hedger, "skill") is Decision.FAIL
    assert judge(ONLY_GIVEN, [hedger], Evidence(100, {})).decision is Decision.FAIL


FIT = Fit(FitFinding.SOUND, "sound")


def test_deploy_needs_everything_and_each_gap_alone_makes_it_review() -> None:
    rng = np.random.default_rng(2)
    outcomes = [int(o) for o in rng.integers(0, 3, 2_000)]
    rows = np.full((2_000, 4), 0.02)
    rows[np.arange(2_000), outcomes] = 0.94
    flip = rng.random(2_000) < 0.06
    told = [(o + 1) % 3 if f else o for o, f in zip(outcomes, flip, strict=True)]
    good = scored(rows, told)
    criteria = ONLY_GIVEN.model_copy(update={"overfitting": read_criteria().overfitting})
    assert judge(criteria, [good], Evidence(5, {}, FIT)).decision is Decision.DEPLOY
    assert judge(criteria, [good], Evidence(5, {}, FIT)).exit_code == 0
    for scores, evidence in (
        (replace(good, missing=1), Evidence(5, {}, FIT)),
        (good, Evidence(0, {}, FIT)),
        (good, Evidence(None, {}, FIT)),
        (good, Evidence(5, {}, None)),
    ):
        assert judge(criteria, [scores], evidence).decision is Decision.REVIEW
    bad = Evidence(5, {}, Fit(FitFinding.OVERFITTING, "rose"))
    assert judge(criteria, [good], bad).exit_code == 20
    assert judge(criteria, [], Evidence(5, {}, FIT)).exit_code == 10


def test_the_match_gate_needs_the_matchers_own_error() -> None:
    criteria = Criteria(gates=(Gate(name="m", mode=Mode.GENERATED, figure="match_coverage", above=0.8),))
    found = interval(0.92, 0.88, 0.95)
    scores = Scores("x", Mode.GENERATED, 60, 50, 0, {"match_coverage": found})
    unmeasured = judge(criteria, [scores], Evidence(5, {}))
    assert unmeasured.decision is Decision.REVIEW
    assert "audit-matcher" in unmeasured.gates[0].sentence
    assert judge(criteria, [scores], Evidence(5, {"all": found})).decision is Decision.DEPLOY
    widened = replace(found, low=0.7)
    assert judge(criteria, [scores], Evidence(5, {"all": widened})).decision is Decision.REVIEW


def test_the_shipped_criteria_are_the_seeds_targets() -> None:
    found = {(g.mode.value, g.figure, g.band): (g.below, g.above) for g in read_criteria().gates}
    assert found == {
        ("generated", "event_perplexity", None): (2.5, None),
        ("given", "brier_binary", None): (0.15, None),
        ("given", "skill_over_uniform", None): (None, 0.0),
        ("given", "skill_over_base_rate", None): (None, 0.0),
        ("generated", "match_coverage", None): (None, 0.8),
        ("generated", "match_coverage", "3+"): (None, 0.7),
        ("given", "accuracy", "1"): (None, 0.9),
        ("given", "accuracy", "2-3"): (None, 0.7),
        ("given", "accuracy", "4-5"): (None, 0.5),
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gates: [{name: x, mode: given, figure: f}]", "needs either `below` or `above`"),
        ("gates: [{name: x, mode: guess, figure: f, below: 1}]", "mode"),
        ("gates: []\ncolour: 1", "colour"),
        ("gates: [", "is not YAML"),
    ],
)
def test_faulty_criteria_are_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "criteria.yaml"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=sentence) as fault:
        read_criteria(path)
    assert "\n" not in str(fault.value)
