"""The figures of a calibration with their intervals, and PASS, REVIEW or FAIL.

Each gate tests its whole 95 % interval: PASS on the right side of the target, FAIL on the wrong side, REVIEW
where the interval holds the target. With 50 items most gates of a middling model say REVIEW, which is honest.
The calibration gate holds the error against what a perfectly calibrated model shows at the same forecasts.
A figure that cannot be computed (no crowd, no price) is not scored and gates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from agents.calibration.asking import Asked
from corpus.intervals import Floats, Interval, mean_interval, wilson_by_family
from evaluation.metrics import LOG_FLOOR, Forecasts, brier_sum, forecasts, log_loss, uniform
from evaluation.reliability import Binning
from evaluation.scoring import Calibration, calibrations

BINNING = Binning.EQUAL_MASS
CLEARLY = 0.001
"""Chance below which a calibration error is no accident: FAIL; between it and 5 %: REVIEW."""


class Verdict(StrEnum):
    """Whether to pay for a batch with this model and these prompts."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    """Every gate passed with its whole interval."""
    REVIEW = "REVIEW"
    """Nothing failed and something is not shown: a larger sample or a person decides."""
    FAIL = "FAIL"
    """A gate failed with its whole interval."""


EXIT_CODES = {Verdict.PASS: 0, Verdict.REVIEW: 10, Verdict.FAIL: 20}


@dataclass(frozen=True)
class Gate:
    """One figure against one target."""

    figure: str
    target: float
    above: bool
    why: str


GATES = (
    Gate("answered", 0.85, True, "share of items with a usable answer"),
    Gate("gain_over_uniform", 0.0, True, "log loss of knowing nothing minus the model's, in nats"),
    Gate("distance_to_crowd", 0.25, False, "mean absolute difference to the crowd's probabilities"),
    Gate("recall_share", 0.5, False, "share of items at which a probe without evidence was confident"),
)


@dataclass(frozen=True)
class GateResult:
    """One gate's part in the verdict."""

    figure: str
    verdict: Verdict
    sentence: str


@dataclass(frozen=True)
class Judged:
    """All that a calibration found."""

    verdict: Verdict
    gates: tuple[GateResult, ...]
    figures: dict[str, Interval]
    calibration: Calibration | None
    """None where no item was answered."""


def judge(asked: Sequence[Asked]) -> Judged:
    """Figures and verdict over all items; those without an answer count in `answered` alone."""
    answered = [row for row in asked if row.distribution is not None]
    families = [row.item.family for row in asked]
    figures = {"answered": wilson_by_family([row.distribution is not None for row in asked], families)}
    calibration = None
    if answered:
        found = _forecasts(answered)
        figures |= _figures(found, answered)
        calibration = calibrations(found)[BINNING.value]
    gates = [_gate(gate, figures[gate.figure]) for gate in GATES if gate.figure in figures]
    gates += [_calibrated(calibration)] if calibration else []
    return Judged(_worst([gate.verdict for gate in gates]), tuple(gates), figures, calibration)


def _forecasts(rows: Sequence[Asked]) -> Forecasts:
    binary = all(len(row.item.candidates) == 1 for row in rows)
    given = [_scaled(row.distribution or ()) for row in rows]
    return forecasts(given, [row.item.outcome for row in rows], binary=binary)


def _scaled(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def _figures(found: Forecasts, rows: Sequence[Asked]) -> dict[str, Interval]:
    families = [row.item.family for row in rows]
    loss, nothing = log_loss(found, LOG_FLOOR), log_loss(uniform(found), LOG_FLOOR)
    per_item = brier_sum(found) / found.options_N
    figures = {
        "log_loss": mean_interval(loss, families),
        "brier_binary": mean_interval(per_item, families),
        "gain_over_uniform": mean_interval(nothing - loss, families),
        "recall_share": wilson_by_family([row.recall_risk for row in rows], families),
    }
    crowd = [row for row in rows if row.item.crowd is not None]
    if crowd:
        own = [row.item.family for row in crowd]
        figures["distance_to_crowd"] = mean_interval(_distances(crowd), own)
        losses = log_loss(_forecasts(crowd), LOG_FLOOR) - log_loss(_crowd_forecasts(crowd), LOG_FLOOR)
        figures["log_loss_above_crowd"] = mean_interval(losses, own)
    return figures


def _distances(rows: Sequence[Asked]) -> Floats:
    """Mean absolute difference to the crowd over an item's options; a yes/no question counts its "yes"."""
    pairs = ((np.asarray(_scaled(row.distribution or ())), np.asarray(row.item.crowd)) for row in rows)
    return np.asarray([float(np.abs(own - crowd).mean()) for own, crowd in pairs])


def _crowd_forecasts(rows: Sequence[Asked]) -> Forecasts:
    return forecasts([_scaled(row.item.crowd or ()) for row in rows], [row.item.outcome for row in rows])


def _gate(gate: Gate, found: Interval) -> GateResult:
    wanted = f"{'above' if gate.above else 'below'} {gate.target:g}"
    if found.low is None or found.high is None:
        return GateResult(gate.figure, Verdict.REVIEW, f"{gate.why}: no interval, wanted {wanted}")
    said = f"{gate.why}: {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], wanted {wanted}"
    right, wrong = (found.low > gate.target, found.high <= gate.target) if gate.above else (
        found.high < gate.target, found.low >= gate.target)  # fmt: skip
    return GateResult(gate.figure, Verdict.PASS if right else Verdict.FAIL if wrong else Verdict.REVIEW, said)


def _calibrated(found: Calibration) -> GateResult:
    error, null = found.bins.ece, found.null
    said = f"calibration error {error:.3f}; a perfectly calibrated model stays below {null.limit:.3f} here"
    if error <= null.limit:
        return GateResult("calibration", Verdict.PASS, said)
    return GateResult("calibration", Verdict.FAIL if null.p_value <= CLEARLY else Verdict.REVIEW, said)


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    for verdict in (Verdict.FAIL, Verdict.REVIEW):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS if verdicts else Verdict.REVIEW
