"""Learning curves: what a run's losses say about when to stop, and what more cases would bring.

Reads `metrics.jsonl`, one JSON object a line with `step` and any of `loss` (training) and `eval_log_loss`
or `eval_loss` (validation).

The rule. Validation losses are averaged over three neighbours. Their noise is read off the median of the third
differences, which a steep start does not disturb. The rise from the best average to the last one has an
interval of ± z standard errors, z corrected for having picked the best of n (Bonferroni). Wholly above 0 and
more than the tolerance is overfitting; at its best and still falling (by more than the noise and 1 % over
the last quarter) is underfitting; reaching above the tolerance is undecided; the rest is sound. Fewer than
five validations decide nothing.

Does not cover: training itself; comparing runs with different validation sets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import ndtri

from corpus.errors import InvalidFile, InvalidInput
from evaluation.metrics import Floats

FEWEST = 5
NORMAL_MEDIAN = 0.6745
"""Median of |x| for a standard normal x."""
WINDOW = 3
CLOSE = 0.01
"""The recommended stop is the earliest step whose validation loss is within this share of the best."""
TOLERANCE = 0.02


class FitFinding(StrEnum):
    """What a curve shows."""

    OVERFITTING = "overfitting"
    """Validation loss rose from its best step by more than noise and tolerance."""
    UNDERFITTING = "underfitting"
    """Validation loss was still falling when the run ended."""
    SOUND = "sound"
    """Neither."""
    UNDECIDED = "undecided"
    """Too few validations, or too noisy."""


@dataclass(frozen=True)
class Curve:
    """Training and validation losses by step."""

    train: tuple[tuple[int, float], ...]
    validation: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Fit:
    """What a curve says, with the numbers behind it."""

    finding: FitFinding
    sentence: str
    best_step: int | None = None
    best_loss: float | None = None
    recommended_stop: int | None = None
    rise: float | None = None
    rise_low: float | None = None
    rise_high: float | None = None


@dataclass(frozen=True)
class DataGain:
    """Loss as floor + scale · cases^(−power), and what it promises."""

    floor: float
    scale: float
    power: float
    at_double: float
    at_tenfold: float


def read_curve(path: Path) -> Curve:
    """Read a `metrics.jsonl`; raises InvalidFile naming the line."""
    if not path.is_file():
        raise InvalidFile(f"{path} does not exist; name a run's metrics.jsonl.")
    train: list[tuple[int, float]] = []
    validation: list[tuple[int, float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        row = _row(line, f"{path}:{number}")
        step = row.get("step")
        if not isinstance(step, int):
            continue
        held = row.get("eval_log_loss", row.get("eval_loss"))
        for value, kept in ((row.get("loss"), train), (held, validation)):
            if isinstance(value, int | float):
                kept.append((step, float(value)))
    if not train and not validation:
        raise InvalidFile(f"{path} holds neither `loss` nor `eval_log_loss` with a `step`.")
    return Curve(tuple(train), tuple(validation))


def _row(line: str, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as fault:
        raise InvalidFile(f"{where}: not JSON ({fault.msg}).") from fault
    if not isinstance(row, dict):
        raise InvalidFile(f"{where}: no JSON object.")
    bad = next((k for k, v in row.items() if isinstance(v, float) and not math.isfinite(v)), None)
    if bad:
        raise InvalidFile(f"{where}: {bad} is {row[bad]}; the run diverged, or the file is damaged.")
    return row


def diagnose(curve: Curve, tolerance: float = TOLERANCE) -> Fit:
    """Overfitting, underfitting or neither, by the rule of this module."""
    steps = [step for step, _ in curve.validation]
    losses = np.array([loss for _, loss in curve.validation])
    if len(losses) < FEWEST:
        return Fit(FitFinding.UNDECIDED, f"{len(losses)} validations; the rule needs {FEWEST}")
    smooth = np.convolve(losses, np.ones(WINDOW) / WINDOW, mode="valid")
    lowest = int(smooth.argmin())
    noise = float(np.median(np.abs(np.diff(losses, n=3)))) / (NORMAL_MEDIAN * math.sqrt(20))
    reach = float(ndtri(1 - 0.025 / len(smooth)))
    half = reach * noise * math.sqrt(2 / WINDOW)
    rise, limit = float(smooth[-1] - smooth[lowest]), tolerance * abs(float(smooth[lowest]))
    best = lowest + WINDOW // 2
    stop = next(s for s, loss in zip(steps, losses, strict=True) if loss <= losses[best] * (1 + CLOSE))
    finding, sentence = _finding(smooth, lowest, rise, half, limit)
    return Fit(finding, sentence, steps[best], float(losses[best]), stop, rise, rise - half, rise + half)


def _finding(smooth: Floats, lowest: int, rise: float, half: float, limit: float) -> tuple[FitFinding, str]:
    shown = f"validation loss rose by {rise:.4f} ± {half:.4f} from its best step"
    if rise - half > 0 and rise > limit:
        return FitFinding.OVERFITTING, f"{shown}, more than {limit:.4f}"
    quarter = smooth[-max(2, len(smooth) // 4) :]
    falling = quarter[0] - quarter[-1] > max(half, CLOSE * abs(float(smooth[lowest])))
    if lowest == len(smooth) - 1 and falling:
        return FitFinding.UNDERFITTING, "validation loss was at its best and still falling when the run ended"
    if rise + half > limit:
        return FitFinding.UNDECIDED, f"{shown}; {limit:.4f} lies within the noise"
    return FitFinding.SOUND, shown


def gain_of_data(points: Sequence[tuple[int, float]]) -> DataGain:
    """Fit loss = floor + scale · n^(−power) to (cases, loss) of three or more sizes.

    The power law of learning curves: Hestness et al. (2017). An extrapolation, not a measurement.
    """
    sizes = np.array([n for n, _ in points], dtype=float)
    losses = np.array([loss for _, loss in points], dtype=float)
    if len(set(sizes.tolist())) < 3:
        raise InvalidInput(
            f"A data curve needs three sizes, there are {len(set(sizes.tolist()))}; train on more parts."
        )

    def law(n: Floats, floor: float, scale: float, power: float) -> Floats:
        return np.asarray(floor + scale * (n / sizes.min()) ** -power)

    bounds = ([0, 0, 0.01], [np.inf, np.inf, 3.0])
    start = (float(losses.min()) * 0.9, max(1e-6, float(np.ptp(losses))), 0.5)
    try:
        found, _ = curve_fit(law, sizes, losses, p0=start, bounds=bounds, max_nfev=20_000)
    except RuntimeError as fault:
        raise InvalidInput(f"No falling curve fits these {len(points)} points: {fault}") from fault
    floor, scale, power = (float(value) for value in found)
    largest = np.array([sizes.max() * 2, sizes.max() * 10])
    double, tenfold = (float(value) for value in law(largest, floor, scale, power))
    return DataGain(floor, scale * float(sizes.min()) ** power, power, double, tenfold)
