"""Calibrators: they mend what they can, keep order, and never see the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidFile, InvalidInput
from evaluation import metrics
from evaluation.calibration import (
    CalibrationFile,
    CalibratorKind,
    IsotonicCalibrator,
    RemainderShift,
    SigmoidCalibrator,
    TemperatureCalibrator,
    fit_calibrator,
    read_calibration,
    write_calibration,
)
from evaluation.metrics import Forecasts, binary_forecasts, forecasts
from evaluation.reliability import ece
from tests.evaluation_levels import level


def overconfident(count: int, seed: int, power: float = 3.0) -> Forecasts:
    """Levels whose true distributions are flatter than the forecasts, p ∝ truth^power."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.ones(4) * 2, count)
    said = truth**power / (truth**power).sum(axis=1, keepdims=True)
    return forecasts(said, [int(rng.choice(4, p=row)) for row in truth])


@pytest.mark.parametrize("kind", list(CalibratorKind))
def test_each_kind_mends_overconfidence_on_later_levels(kind: CalibratorKind) -> None:
    calibrator = fit_calibrator(kind, overconfident(1_500, 0))
    later = overconfident(1_500, 1)
    bent = calibrator.apply_levels(later)
    assert metrics.log_loss(bent, 1e-6).mean() < metrics.log_loss(later, 1e-6).mean() - 0.05
    assert ece(bent) < 0.5 * ece(later)
    assert bent.probability_NK.sum(axis=1) == pytest.approx(np.ones(1_500))


def test_the_temperature_is_the_power_that_was_applied() -> None:
    assert TemperatureCalibrator.fit_levels(overconfident(4_000, 2)).temperature == pytest.approx(
        3.0, rel=0.12
    )
    assert TemperatureCalibrator.fit_levels(overconfident(4_000, 3, 1.0)).temperature == pytest.approx(
        1.0, rel=0.12
    )


def test_a_sigmoid_leaves_a_calibrated_forecaster_alone() -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(0.02, 0.98, 5_000)
    found = SigmoidCalibrator.fit(p, rng.random(5_000) < p)
    assert (found.slope, found.shift) == pytest.approx((1.0, 0.0), abs=0.08)


def test_isotonic_needs_a_thousand_and_a_sigmoid_needs_both_outcomes() -> None:
    with pytest.raises(InvalidInput, match="Isotonic needs 1000 options, there are 12; use sigmoid"):
        IsotonicCalibrator.fit(np.full(12, 0.5), np.ones(12))
    with pytest.raises(InvalidInput, match="there is one kind"):
        SigmoidCalibrator.fit(np.array([0.4, 0.6]), np.array([1, 1]))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0.1, 4), st.floats(-2, 2))
def test_a_sigmoid_keeps_the_order(values: list[float], slope: float, shift: float) -> None:
    bent = SigmoidCalibrator(slope=slope, shift=shift).apply(sorted(values))
    assert (np.diff(bent) >= 0).all()
    assert ((bent >= 0) & (bent <= 1)).all()


def test_zeros_and_ones_pass_through_every_calibrator() -> None:
    sure = forecasts([(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)], [0, 1])
    for calibrator in (TemperatureCalibrator(temperature=2.0), SigmoidCalibrator(slope=0.5, shift=-1.0)):
        bent = calibrator.apply_levels(sure).probability_NK
        assert np.isfinite(bent).all()
        assert bent.sum(axis=1) == pytest.approx([1, 1])


def test_a_yes_no_forecast_keeps_its_two_sides() -> None:
    bent = SigmoidCalibrator(slope=1.0, shift=1.0).apply_levels(binary_forecasts([0.2, 0.8], [1, 0]))
    assert bent.binary
    assert bent.probability_NK[:, 0] == pytest.approx([0.404, 0.916], abs=1e-3)


def test_z_is_fitted_on_the_miss_rate() -> None:
    rng = np.random.default_rng(5)
    z, missed = rng.uniform(0.02, 0.2, 400), rng.random(400) < 0.45
    shift = RemainderShift.fit(z, missed)
    after = np.array([shift.apply([1 - x], float(x))[1] for x in z])
    assert after.mean() == pytest.approx((missed.sum() + 0.5) / 401, abs=1e-4)
    shares, remainder = shift.apply([0.6, 0.3], 0.1)
    assert sum(shares) + remainder == pytest.approx(1.0)
    assert shares[0] / shares[1] == pytest.approx(2.0)
    assert shift.apply([0.0], 1.0)[1] == 1.0
    assert RemainderShift.fit([0.1, 0.1], [True, True]).shift < 40
    with pytest.raises(InvalidInput, match="no generated list"):
        RemainderShift.fit([], [])


def stored(**changes: object) -> CalibrationFile:
    return CalibrationFile(
        calibrator=SigmoidCalibrator(slope=0.7, shift=0.1), model="m", snapshot_hash="h", split="validation",
        levels=40, answered_until=date(2020, 5, 1),
    ).model_copy(update=changes)  # fmt: skip


def test_a_calibrator_refuses_levels_asked_before_its_fit_was_answered() -> None:
    asked = level(as_of="2020-04-30")
    with pytest.raises(InvalidInput, match=r"answers up to 2020-05-01, but a level asked on 2020-04-30"):
        stored().check_later([level(as_of="2021-01-01"), asked])
    stored().check_later([replace(asked, as_of=level(as_of="2020-05-01").as_of)])


def test_a_file_is_read_as_it_was_written_and_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    full = stored(remainder=RemainderShift(shift=0.4, misses=3, lists=9))
    write_calibration(path, full)
    assert read_calibration(path) == full
    path.write_text('{"format": 1, "calibrator": {"kind": "magic"}}')
    with pytest.raises(InvalidFile, match="is no calibrator: calibrator"):
        read_calibration(path)
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_calibration(tmp_path / "none.json")
