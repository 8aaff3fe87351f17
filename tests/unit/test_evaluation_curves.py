"""Learning curves: overfitting, underfitting, neither or undecided by the stated rule."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import InvalidFile, InvalidInput
from evaluation.curves import Curve, FitFinding, diagnose, gain_of_data, read_curve

STEPS = np.arange(0, 1_250, 50)
FALL = 0.8 + 1.2 * np.exp(-STEPS / 150)


def curve(losses: np.ndarray, noise: float = 0.003, seed: int = 0) -> Curve:
    noisy = losses + np.random.default_rng(seed).normal(0, noise, len(losses))
    return Curve((), tuple((int(s), float(v)) for s, v in zip(STEPS, noisy, strict=False)))


@pytest.mark.parametrize("seed", range(5))
def test_the_four_findings(seed: int) -> None:
    turned = FALL + np.maximum(0, STEPS - 500) * 0.0004
    falling = 2.0 - STEPS * 0.001
    assert diagnose(curve(turned, seed=seed)).finding is FitFinding.OVERFITTING
    assert diagnose(curve(FALL, 0.001, seed=seed)).finding is FitFinding.SOUND
    assert diagnose(curve(falling, seed=seed)).finding is FitFinding.UNDERFITTING
    assert diagnose(curve(FALL, 0.05, seed=seed)).finding is FitFinding.UNDECIDED


def test_noise_is_rarely_called_overfitting() -> None:
    """Of 200 sound but noisy runs at most one in twenty."""
    found = [diagnose(curve(FALL, 0.03, seed=seed)).finding for seed in range(200)]
    assert found.count(FitFinding.OVERFITTING) <= 10


def test_best_step_and_recommended_stop() -> None:
    found = diagnose(curve(FALL + np.maximum(0, STEPS - 500) * 0.0004, 0.0))
    assert found.best_step is not None
    assert abs(found.best_step - 500) <= 100
    assert found.recommended_stop is not None
    assert found.recommended_stop <= found.best_step
    assert found.rise is not None
    assert found.rise_low is not None
    assert found.rise_low <= found.rise


def test_too_few_validations_decide_nothing() -> None:
    assert diagnose(Curve((), ((1, 0.5), (2, 0.4)))).finding is FitFinding.UNDECIDED


def test_more_data_follows_a_power_law() -> None:
    points = [(n, 0.5 + 3.0 * n**-0.5) for n in (50, 100, 200, 400, 800)]
    found = gain_of_data(points)
    assert (found.floor, found.power) == pytest.approx((0.5, 0.5), abs=0.02)
    assert found.at_double == pytest.approx(0.5 + 3 / 40, abs=0.005)
    assert found.at_tenfold == pytest.approx(0.5 + 3 / np.sqrt(8_000), abs=0.01)
    with pytest.raises(InvalidInput, match="three sizes, there are 2"):
        gain_of_data(points[:2])


def test_files_are_read_and_faults_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [
        {"step": 1, "loss": 2.0},
        {"step": 2, "eval_loss": 1.5},
        {"step": 3, "eval_log_loss": 1.2},
        {"lr": 1},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert read_curve(path) == Curve(((1, 2.0),), ((2, 1.5), (3, 1.2)))
    for text, sentence in (
        ('{"step": 1, "loss": NaN}', ":1: loss is nan"),
        ("nonsense", ":1: not JSON"),
        ("[1]", ":1: no JSON object"),
        ('{"epoch": 1}', "holds neither"),
    ):
        path.write_text(text)
        with pytest.raises(InvalidFile, match=sentence):
            read_curve(path)
    with pytest.raises(InvalidFile, match="does not exist"):
        read_curve(tmp_path / "none.jsonl")
