"""Calibrators: probabilities bent so that they mean what they say. Plain JSON, fitted on an earlier split.

Four kinds: temperature (one number), sigmoid (two numbers, the default), isotonic (a staircase, from about
1,000 options), and the shift of Z for a model's own lists, fitted on how often those lists miss. A
calibrator remembers until when its levels were answered, and refuses to be used on a level that was asked
earlier: a calibrator that has seen the future is worthless.

Does not cover: calibration by domain or depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, logit

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import write_atomically
from evaluation.levels import Level
from evaluation.metrics import Floats, Forecasts
from evaluation.prediction import Prediction, first_problem

ISOTONIC_FROM = 1_000
_EDGE = 1e-6
"""Probabilities are kept this far from 0 and 1 before a logit is taken."""


class CalibratorKind(StrEnum):
    """How probabilities are bent."""

    TEMPERATURE = "temperature"
    """All logits divided by one number: sharper or flatter."""
    SIGMOID = "sigmoid"
    """Platt's two numbers on each option's logit, then scaled to sum to 1."""
    ISOTONIC = "isotonic"
    """A rising staircase, then scaled to sum to 1."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TemperatureCalibrator(_Frozen):
    """p^(1/T), scaled to sum to 1. Guo et al. (2017)."""

    kind: Literal["temperature"] = "temperature"
    temperature: Annotated[float, Field(gt=0)]

    @classmethod
    def fit_levels(cls, found: Forecasts) -> TemperatureCalibrator:
        """The temperature with the least log loss, between 1/20 and 20."""

        def loss(log_t: float) -> float:
            bent = cls(temperature=float(np.exp(log_t))).apply_levels(found)
            return float(-np.log(np.maximum(bent.on_outcome_N, _EDGE)).mean())

        best = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x
        return cls(temperature=round(float(np.exp(best)), 6))

    def apply_levels(self, found: Forecasts) -> Forecasts:
        """Bent distributions of the same levels."""
        logs = np.log(np.maximum(found.probability_NK, _EDGE)) / self.temperature
        logs = np.where(found.listed_NK, logs, -np.inf)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return _scaled(found, shares)


class SigmoidCalibrator(_Frozen):
    """σ(slope · logit p + shift). Platt (1999), with his smoothed targets."""

    kind: Literal["sigmoid"] = "sigmoid"
    slope: float
    shift: float

    @classmethod
    def fit(cls, probability_P: npt.ArrayLike, outcome_P: npt.ArrayLike) -> SigmoidCalibrator:
        """Fit by scikit-learn's logistic regression on the logit, hardly penalised."""
        from sklearn.linear_model import LogisticRegression

        x, y = _logit(probability_P), np.asarray(outcome_P, dtype=int)
        if y.min() == y.max():
            raise InvalidInput(
                "A sigmoid needs options that happened and options that did not; there is one kind."
            )
        weights = np.concatenate([_platt_weight(y), _platt_weight(y, other=True)])
        model = LogisticRegression(C=1e4, max_iter=1_000)
        model.fit(np.concatenate([x, x])[:, None], np.concatenate([y, 1 - y]), sample_weight=weights)
        return cls(slope=round(float(model.coef_[0, 0]), 6), shift=round(float(model.intercept_[0]), 6))

    def apply(self, probability_P: npt.ArrayLike) -> Floats:
        """Bent probabilities (P,)."""
        return np.asarray(expit(self.slope * _logit(probability_P) + self.shift))

    @classmethod
    def fit_levels(cls, found: Forecasts) -> SigmoidCalibrator:
        """Fit on every option as a yes/no question."""
        p, y, _ = found.pairs()
        return cls.fit(p, y)

    def apply_levels(self, found: Forecasts) -> Forecasts:
        """Bent distributions of the same levels."""
        return _applied(self.apply, found)


class IsotonicCalibrator(_Frozen):
    """A staircase by pool-adjacent-violators; straight between its corners. Zadrozny and Elkan (2002)."""

    kind: Literal["isotonic"] = "isotonic"
    forecast: tuple[float, ...]
    observed: tuple[float, ...]

    @classmethod
    def fit(cls, probability_P: npt.ArrayLike, outcome_P: npt.ArrayLike) -> IsotonicCalibrator:
        """Fit by scikit-learn; refuses fewer than 1,000 options, where the staircase follows noise."""
        from sklearn.isotonic import IsotonicRegression

        p, y = np.asarray(probability_P, dtype=float), np.asarray(outcome_P, dtype=float)
        if len(p) < ISOTONIC_FROM:
            raise InvalidInput(f"Isotonic needs {ISOTONIC_FROM} options, there are {len(p)}; use sigmoid.")
        model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, y)
        return cls(
            forecast=tuple(round(float(x), 6) for x in model.X_thresholds_),
            observed=tuple(round(float(x), 6) for x in model.y_thresholds_),
        )

    def apply(self, probability_P: npt.ArrayLike) -> Floats:
        """Bent probabilities (P,)."""
        return np.asarray(np.interp(np.asarray(probability_P, dtype=float), self.forecast, self.observed))

    @classmethod
    def fit_levels(cls, found: Forecasts) -> IsotonicCalibrator:
        """Fit on every option as a yes/no question."""
        p, y, _ = found.pairs()
        return cls.fit(p, y)

    def apply_levels(self, found: Forecasts) -> Forecasts:
        """Bent distributions of the same levels."""
        return _applied(self.apply, found)


class RemainderShift(_Frozen):
    """A shift of Z's logit for a model's own lists; the branches share what is left as before."""

    shift: float
    misses: int
    lists: int

    @classmethod
    def fit(cls, remainder_N: npt.ArrayLike, missed_N: npt.ArrayLike) -> RemainderShift:
        """The shift at which the mean of Z equals the share of lists that miss, (misses + ½)/(lists + 1)."""
        z, missed = _logit(remainder_N), np.asarray(missed_N, dtype=bool)
        if not len(z):
            raise InvalidInput("There is no generated list to fit Z on.")
        target = (float(missed.sum()) + 0.5) / (len(z) + 1)

        def away(shift: float) -> float:
            return float(expit(z + shift).mean()) - target

        return cls(shift=round(float(brentq(away, -40, 40)), 6), misses=int(missed.sum()), lists=len(z))

    def apply(self, shares: Sequence[float], remainder: float) -> tuple[list[float], float]:
        """Branches and Z after the shift; a list without mass keeps it all in Z."""
        z = float(expit(_logit(remainder) + self.shift))
        mass = sum(shares)
        return ([share * (1 - z) / mass for share in shares], z) if mass > 0 else (list(shares), 1.0)

    def shifted(self, row: Prediction) -> Prediction:
        """A generated list after the shift."""
        shares, z = self.apply([candidate.probability for candidate in row.candidates], row.remainder)
        bent = tuple(
            candidate.model_copy(update={"probability": share})
            for candidate, share in zip(row.candidates, shares, strict=True)
        )
        return row.model_copy(update={"candidates": bent, "remainder": z})


AnyCalibrator = Annotated[
    TemperatureCalibrator | SigmoidCalibrator | IsotonicCalibrator, Field(discriminator="kind")
]


class CalibrationFile(_Frozen):
    """What is stored: the calibrator, what it was fitted on, and Z's shift where lists were at hand."""

    format: Literal[1] = 1
    calibrator: AnyCalibrator | None = None
    remainder: RemainderShift | None = None
    model: str
    snapshot_hash: str
    split: str
    levels: int
    answered_until: date
    """The day on which the last of its levels was answered."""

    def check_later(self, levels: Sequence[Level]) -> None:
        """Refuse levels asked before the fit's last answer was known."""
        first = min((level.as_of.date() for level in levels), default=None)
        if first is not None and first < self.answered_until:
            raise InvalidInput(
                f"The calibrator was fitted on answers up to {self.answered_until}, but a level asked on {first} "
                "is to be calibrated; fit it on an earlier split."
            )


def fit_calibrator(kind: CalibratorKind, found: Forecasts) -> AnyCalibrator:
    """Fit one kind on N levels."""
    match kind:
        case CalibratorKind.TEMPERATURE:
            return TemperatureCalibrator.fit_levels(found)
        case CalibratorKind.SIGMOID:
            return SigmoidCalibrator.fit_levels(found)
        case CalibratorKind.ISOTONIC:
            return IsotonicCalibrator.fit_levels(found)


def read_calibration(path: Path) -> CalibrationFile:
    """Read a stored calibrator; raises InvalidFile naming the field."""
    try:
        return TypeAdapter(CalibrationFile).validate_json(path.read_bytes())
    except OSError as fault:
        raise InvalidFile(f"{path} cannot be read: {fault.strerror}.") from fault
    except ValidationError as fault:
        raise InvalidFile(f"{path} is no calibrator: {first_problem(fault)}") from fault


def write_calibration(path: Path, stored: CalibrationFile) -> None:
    """Write a calibrator by way of a temporary file."""
    write_atomically(path, [stored.model_dump_json(indent=1)])


def _logit(probability: Any) -> Floats:
    return np.asarray(logit(np.clip(np.asarray(probability, dtype=float), _EDGE, 1 - _EDGE)))


def _platt_weight(y: npt.NDArray[np.int_], *, other: bool = False) -> Floats:
    """Platt's smoothed targets as weights: (n₊+1)/(n₊+2) for what happened, 1/(n₋+2) for the rest."""
    positives, negatives = int(y.sum()), int((1 - y).sum())
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 - 1 / (negatives + 2))
    return 1 - target if other else target


def _applied(bend: Any, found: Forecasts) -> Forecasts:
    if found.binary:
        yes = bend(found.probability_NK[:, 0])
        return Forecasts(np.column_stack([yes, 1 - yes]), found.listed_NK, found.outcome_N, True)
    return _scaled(found, np.where(found.listed_NK, bend(found.probability_NK), 0.0))


def _scaled(found: Forecasts, shares: Floats) -> Forecasts:
    total = shares.sum(axis=1, keepdims=True)
    even = found.listed_NK / found.listed_NK.sum(axis=1, keepdims=True)
    scaled = np.where(total > 0, shares / np.where(total > 0, total, 1.0), even)
    return Forecasts(scaled, found.listed_NK, found.outcome_N, found.binary)
