"""The verdict: DEPLOY, REVIEW or FAIL, from gates that each test an interval.

A gate passes when its interval passes and fails when its interval fails; otherwise it says REVIEW and how many
event families would decide it if the figure stayed as it is. One FAIL makes the verdict FAIL, else one
REVIEW makes it REVIEW. Missing predictions, a matcher whose error nobody measured and the absence of cases
after the model's knowledge each keep the verdict from being better than REVIEW.

Does not cover: computing the figures (`evaluation.scoring`, `evaluation.generated`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus.errors import InvalidFile
from corpus.intervals import Interval, families_to_decide
from evaluation.curves import Fit, FitFinding
from evaluation.prediction import Mode, first_problem
from evaluation.reliability import Binning
from evaluation.scoring import Scores


class Decision(StrEnum):
    """The verdict, and each gate's part in it."""

    DEPLOY = "DEPLOY"
    """Every gate passed with its whole interval."""
    REVIEW = "REVIEW"
    """Nothing failed, and something is not shown yet: a person decides."""
    FAIL = "FAIL"
    """At least one gate failed with its whole interval."""


EXIT_CODES = {Decision.DEPLOY: 0, Decision.REVIEW: 10, Decision.FAIL: 20}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gate(_Frozen):
    """A figure and the side of a number on which its interval must lie."""

    name: str
    mode: Mode
    figure: str
    band: str | None = None
    """A group of depths: "1", "2-3", "4-5" or "3+"; None for all."""
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError(f"gate {self.name!r} needs either `below` or `above`")
        return self


class CalibrationGate(_Frozen):
    """How the calibration error is judged."""

    mode: Mode = Mode.GIVEN
    binning: Binning = Binning.EQUAL_MASS
    tolerance: Annotated[float, Field(gt=0)] = 0.05


class OverfittingGate(_Frozen):
    """How much validation loss may rise from its best step, as a share of it."""

    tolerance: Annotated[float, Field(ge=0)] = 0.02


class PostCutoffGate(_Frozen):
    """How many levels must have been asked after the model's knowledge ends."""

    at_least: Annotated[int, Field(ge=1)] = 1


class Criteria(_Frozen):
    """The content of `criteria.yaml`."""

    format: Annotated[int, Field(ge=1, le=1)] = 1
    min_families: Annotated[int, Field(ge=2)] = 10
    gates: tuple[Gate, ...]
    calibration: CalibrationGate | None = None
    overfitting: OverfittingGate | None = None
    post_cutoff: PostCutoffGate = PostCutoffGate()


@dataclass(frozen=True)
class GateResult:
    """What one gate says, in one sentence."""

    name: str
    decision: Decision
    sentence: str
    interval: Interval | None = None
    families_needed: int | None = None


@dataclass(frozen=True)
class Verdict:
    """The decision and the gates behind it."""

    decision: Decision
    gates: tuple[GateResult, ...]

    @property
    def exit_code(self) -> int:
        """0 DEPLOY, 10 REVIEW, 20 FAIL."""
        return EXIT_CODES[self.decision]


@dataclass(frozen=True)
class Evidence:
    """Everything a verdict looks at beside the scores."""

    after_cutoff: int | None
    """Levels asked after the model's knowledge ends; None where nobody says when it ends."""
    coverage: Mapping[str, Interval]
    """Match coverage (`all` or a group of depths) widened by the matcher's own error; empty if not measured."""
    fit: Fit | None = None
    """What the run's learning curve shows; None where there is none."""


def read_criteria(path: Path | None = None) -> Criteria:
    """The shipped criteria, or those of a file; raises InvalidFile naming the field."""
    source = resources.files("evaluation").joinpath("criteria.yaml") if path is None else path
    try:
        return Criteria.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except OSError as fault:
        raise InvalidFile(f"{source} cannot be read: {fault.strerror}.") from fault
    except yaml.YAMLError as fault:
        raise InvalidFile(f"{source} is not YAML: {' '.join(str(fault).split())}.") from fault
    except ValidationError as fault:
        raise InvalidFile(f"{source}: {first_problem(fault)}") from fault


def judge(criteria: Criteria, scores: Sequence[Scores], evidence: Evidence) -> Verdict:
    """The verdict on one model."""
    by_mode = {found.mode: found for found in scores}
    results = [_gate(gate, by_mode.get(gate.mode), criteria, evidence) for gate in criteria.gates]
    if criteria.calibration:
        results.append(_calibration(criteria.calibration, by_mode.get(criteria.calibration.mode)))
    if criteria.overfitting:
        results.append(_overfitting(evidence.fit))
    results += [_post_cutoff(criteria.post_cutoff, evidence.after_cutoff), _complete(scores)]
    decisions = {result.decision for result in results}
    worst = next(d for d in (Decision.FAIL, Decision.REVIEW, Decision.DEPLOY) if d in decisions)
    return Verdict(worst, tuple(results))


def _gate(gate: Gate, scores: Scores | None, criteria: Criteria, evidence: Evidence) -> GateResult:
    if scores is None:
        return GateResult(gate.name, Decision.REVIEW, f"no prediction in mode {gate.mode}")
    found = _figure(gate, scores)
    if found is None:
        return GateResult(gate.name, Decision.REVIEW, _absent(gate))
    result = decide(gate, found, criteria.min_families)
    if gate.figure != "match_coverage" or result.decision is not Decision.DEPLOY:
        return result
    widened = evidence.coverage.get(gate.band or "all")
    if widened is None:
        return GateResult(
            gate.name,
            Decision.REVIEW,
            f"{result.sentence}; the matcher's own error is not measured (evaluation audit-matcher)",
            found,
        )
    return decide(gate, widened, criteria.min_families)


def _figure(gate: Gate, scores: Scores) -> Interval | None:
    if gate.band is None:
        return scores.figures.get(gate.figure)
    group = scores.group("band", gate.band)
    return group.figures.get(gate.figure) if group else None


def _absent(gate: Gate) -> str:
    where = f" at depths {gate.band}" if gate.band else ""
    return f"{gate.figure}{where} is not scored: there is no such level"


def decide(gate: Gate, found: Interval, min_families: int) -> GateResult:
    """PASS, FAIL or REVIEW of one figure against one number."""
    if found.low is None or found.high is None:
        sentence = f"{_shown(found)}: no interval with {found.families} event families"
        return GateResult(gate.name, Decision.REVIEW, sentence, found)
    target, under = (gate.below, True) if gate.below is not None else (gate.above or 0.0, False)
    wanted = f"{'below' if under else 'above'} {target:g}"
    passes = found.high < target if under else found.low > target
    fails = found.low >= target if under else found.high <= target
    if (passes or fails) and found.families < min_families:
        sentence = (
            f"{_shown(found)}, wanted {wanted}: {found.families} event families, {min_families} are asked for"
        )
        return GateResult(gate.name, Decision.REVIEW, sentence, found, min_families)
    if passes or fails:
        decision = Decision.DEPLOY if passes else Decision.FAIL
        return GateResult(gate.name, decision, f"{_shown(found)}, wanted {wanted}", found)
    needed = families_to_decide(found, target)
    more = (
        "no number of cases would decide it"
        if needed is None
        else f"about {needed} event families would decide it"
    )
    return GateResult(gate.name, Decision.REVIEW, f"{_shown(found)}, wanted {wanted}; {more}", found, needed)


def _shown(found: Interval) -> str:
    value = "not scored" if found.value is None else f"{found.value:.3f}"
    bounds = "" if found.low is None or found.high is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return value + bounds


def _calibration(gate: CalibrationGate, scores: Scores | None) -> GateResult:
    """FAIL where chance does not explain the error; PASS where an error of the tolerance would have shown."""
    name = "calibration"
    found = scores.calibration.get(gate.binning.value) if scores else None
    if scores is None or found is None:
        return GateResult(name, Decision.REVIEW, f"no prediction in mode {gate.mode}")
    interval = scores.figures.get(f"ece_{gate.binning}")
    null, error = found.null, found.bins.ece
    sentence = f"error {error:.3f}; a perfectly calibrated forecaster stays below {null.limit:.3f} here"
    if error > null.limit:
        small = interval is not None and interval.high is not None and interval.high < gate.tolerance
        decision = Decision.DEPLOY if small else Decision.FAIL
        note = f", though the whole interval is below {gate.tolerance:g}" if small else ""
        return GateResult(name, decision, sentence + note, interval)
    if null.limit <= gate.tolerance:
        return GateResult(name, Decision.DEPLOY, sentence, interval)
    needed = math.ceil(scores.families * (null.limit / gate.tolerance) ** 2)
    return GateResult(
        name,
        Decision.REVIEW,
        f"{sentence}; about {needed} event families would show an error of {gate.tolerance:g}",
        interval,
        needed,
    )


def _overfitting(fit: Fit | None) -> GateResult:
    name = "no overfitting"
    if fit is None:
        return GateResult(name, Decision.REVIEW, "no learning curve given (--curve metrics.jsonl)")
    decision = {
        FitFinding.OVERFITTING: Decision.FAIL,
        FitFinding.UNDECIDED: Decision.REVIEW,
    }.get(fit.finding, Decision.DEPLOY)
    return GateResult(name, decision, fit.sentence)


def _post_cutoff(gate: PostCutoffGate, after: int | None) -> GateResult:
    name = "cases after the model's knowledge"
    if after is None:
        return GateResult(
            name, Decision.REVIEW, "nobody says when the model's knowledge ends (knowledge_cutoff is empty)"
        )
    enough = after >= gate.at_least
    sentence = f"{after} levels were asked after it, at least {gate.at_least} wanted"
    return GateResult(name, Decision.DEPLOY if enough else Decision.REVIEW, sentence)


def _complete(scores: Sequence[Scores]) -> GateResult:
    name = "complete predictions"
    missing = {found.mode: found.missing for found in scores if found.missing}
    if not missing:
        return GateResult(name, Decision.DEPLOY, "every level is answered")
    listed = ", ".join(f"{count} in mode {mode}" for mode, count in missing.items())
    return GateResult(
        name, Decision.REVIEW, f"missing: {listed}; scored as knowing nothing (uniform, or no match)"
    )
