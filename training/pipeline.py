"""From a snapshot to a verdict: audit, SFT, scoring, GRPO, forecasts, calibration, evaluation, comparison.

    audit.json                    the corpus audit; a FAIL stops here unless forced
    sft/  score/  grpo/           the stages' run folders
    predictions/NAME.SPLIT.jsonl  forecasts of base, sft, score and grpo on validation and test
    calibration/NAME.json         fitted on validation, applied on test
    evaluation/NAME.json, .html   figures, baselines, verdict
    result.json                   comparisons, the stage they favour, its verdict, what is proposed; written last

Each step is done once: a second call with nothing changed does nothing, an interrupted one goes on. A stage that was
paused or stopped ends the call; one that was skipped does not. The favoured stage is the last one that
`evaluation.deciding` finds better than the favoured one before it, both as they are served.

Does not cover: cost plans, remote machines, promoting what it proposes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from corpus.audit.report import audit_snapshot
from corpus.errors import InvalidInput, PsychoHistoryError
from corpus.identity import tagged_hash
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Split
from evaluation.calibrating import bent, fit_on
from evaluation.calibration import CalibrationFile, CalibratorKind, read_calibration, write_calibration
from evaluation.compare_files import compare_files
from evaluation.deciding import decisive, is_better
from evaluation.environment import environment
from evaluation.evaluate import Evaluation, Settings, evaluate
from evaluation.levels import LevelSet, levels_of
from evaluation.matching import Matcher
from evaluation.prediction import Mode, Predictions, read_predictions, write_predictions
from evaluation.report import ReportParts, write_report
from evaluation.summary import difference_json, evaluation_json
from evaluation.verdict import read_criteria
from training.bases import identity
from training.config import Experiment
from training.control import Order
from training.inference import ProbabilityTreeInference
from training.pipeline_folder import RESULT, calibration_file, enter, forecasts_file
from training.predict import Job, predictions
from training.registry.promotion import BASE
from training.registry.store import Registry
from training.runfolder import CALIBRATION, content_hash, read_json, write_json
from training.stage_job import StageName
from training.stages import run_stage
from training.trees import Effort

FORECASTERS = (BASE, *(stage.value for stage in StageName))


@dataclass(frozen=True)
class Plan:
    """What is run, where."""

    experiment: Experiment
    snapshot: Path
    out: Path
    today: date
    force: bool = False
    effort: Effort = field(default_factory=Effort)
    tell: Callable[[str], None] = field(default=lambda line: None)
    registry: Registry | None = None
    """Where the trained stages are registered; None: nowhere."""


@dataclass(frozen=True)
class _Run:
    plan: Plan
    snapshot: Snapshot
    asked: LevelSet

    def finals(self) -> dict[str, Path | None]:
        out = self.plan.out
        return {BASE: None} | {stage.value: out / stage.value / "final" for stage in StageName}


def run_pipeline(plan: Plan) -> dict[str, Any]:
    """Run what is not done yet; returns the content of `result.json`.

    Raises InvalidInput where the audit fails and nobody forces it, or the folder holds another experiment.
    """
    snapshot = read_snapshot(plan.snapshot)
    key = tagged_hash(
        "pipeline/v2", [snapshot.hash, plan.experiment.model_dump(mode="json"), asdict(plan.effort)]
    )
    stored = read_json(plan.out / RESULT)
    if stored is not None and stored["key"] == key:
        plan.tell("Nothing has changed since the last call; the result stands.")
        return stored
    plan.out.mkdir(parents=True, exist_ok=True)
    for name in ("predictions", "calibration", "evaluation"):
        (plan.out / name).mkdir(exist_ok=True)
    run = _Run(plan, snapshot, levels_of(snapshot))
    audit = _audit(run)
    _stages(run)
    found = {name: _forecasts(run, name) for name in FORECASTERS}
    evaluations = {name: _evaluated(run, name, found[name]) for name in FORECASTERS}
    result = {"key": key, "audit": audit["verdict"], "snapshot": snapshot.hash} | _judged(
        run, found, evaluations
    )
    if plan.registry is not None:
        plan.tell("Registering the stages …")
        result["proposed"] = enter(plan.registry, plan.out, plan.snapshot)
    write_json(plan.out / RESULT, result)
    return result


def _audit(run: _Run) -> dict[str, Any]:
    run.plan.tell("Auditing the snapshot …")
    report = audit_snapshot(run.plan.snapshot, run.plan.today).as_json()
    write_json(run.plan.out / "audit.json", report)
    if report["verdict"].upper() == "FAIL" and not run.plan.force:
        raise InvalidInput(
            f"The audit of {run.plan.snapshot} ends in FAIL (see {run.plan.out / 'audit.json'}); mend the corpus, "
            "or go on with --force."
        )
    return report


def _stages(run: _Run) -> None:
    parent: Path | None = None
    for stage in StageName:
        run.plan.tell(f"Stage {stage} …")
        done = run_stage(run.plan.experiment, stage, run.snapshot, run.plan.out / stage.value, parent)
        if done.metadata["status"] == "paused":
            raise PsychoHistoryError(
                f"Stage {stage} was paused; run the same command, or `training resume`, to go on."
            )
        if done.metadata["ended_by"] == Order.STOP and not done.was_finished:
            raise PsychoHistoryError(
                f"Stage {stage} was stopped with its best weights; run the same command to go on with the next step."
            )
        if done.metadata["ended_by"] and not done.was_finished:
            run.plan.tell(
                f"Stage {stage} ended early ({done.metadata['ended_by']}); its best weights are used."
            )
        parent = run.plan.out / stage.value / "final"


def _forecasts(run: _Run, name: str) -> dict[Split, Predictions]:
    """Forecasts of validation and test; the model is loaded only where a file is missing."""
    folder = run.finals()[name]
    mark = {
        "model": {"adapter": content_hash(folder)} if folder else identity(run.plan.experiment.base),
        "effort": asdict(run.plan.effort),
        "branches": run.plan.experiment.grpo.branches,
        "snapshot": run.snapshot.hash,
    }
    inference: ProbabilityTreeInference | None = None
    for split in (Split.VALIDATION, Split.TEST):
        path = forecasts_file(run.plan.out, name, split)
        if read_json(path.with_suffix(".mark.json")) == mark:
            continue
        if inference is None:
            experiment = run.plan.experiment
            inference = ProbabilityTreeInference(experiment.base, template=experiment.data.template)
            inference.load_adapter(folder, name if folder else None)
        run.plan.tell(f"Forecasting {split} with {name} …")
        job = Job(
            run.snapshot,
            split,
            (Mode.GIVEN, Mode.GENERATED),
            name,
            branches=run.plan.experiment.grpo.branches,
            effort=run.plan.effort,
            weights_hash=inference.weights_hash,
        )
        write_predictions(path, predictions(inference.engine, job))
        write_json(path.with_suffix(".mark.json"), mark)
    return {
        split: read_predictions(forecasts_file(run.plan.out, name, split))
        for split in (Split.VALIDATION, Split.TEST)
    }


def _evaluated(run: _Run, name: str, found: dict[Split, Predictions]) -> Evaluation:
    calibration = _calibrated(run, name, found[Split.VALIDATION])
    run.plan.tell(f"Evaluating {name} …")
    settings = Settings(read_criteria(), calibration=calibration)
    result = evaluate(found[Split.TEST], run.asked, settings)
    folder = run.plan.out / "evaluation"
    write_json(folder / f"{name}.json", evaluation_json(result))
    write_report(
        folder / f"{name}.html",
        result,
        ReportParts(environment(), corpus_audit=read_json(run.plan.out / "audit.json")),
    )
    return result


def _calibrated(run: _Run, name: str, found: Predictions) -> CalibrationFile:
    """Temperature: one number, which few validation cases can carry."""
    path = calibration_file(run.plan.out, name)
    write_calibration(path, fit_on(found, run.asked, Split.VALIDATION, CalibratorKind.TEMPERATURE, Matcher()))
    final = run.finals()[name]
    stored = read_calibration(path)
    if final is not None:
        write_calibration(final / CALIBRATION, stored)
    return stored


def _as_served(run: _Run, name: str, found: Predictions) -> Predictions:
    return bent(found, read_calibration(calibration_file(run.plan.out, name)))


def _judged(
    run: _Run, found: dict[str, dict[Split, Predictions]], evaluations: dict[str, Evaluation]
) -> dict[str, Any]:
    favoured, comparisons = BASE, []
    for name in FORECASTERS[1:]:
        rows = compare_files(
            _as_served(run, name, found[name][Split.TEST]),
            _as_served(run, favoured, found[favoured][Split.TEST]),
            run.asked,
            run.asked.of(Split.TEST),
            Matcher(),
        )
        told = {mode.value: [difference_json(row) for row in found_rows] for mode, found_rows in rows.items()}
        comparisons.append({"first": name, "second": favoured} | told)
        if is_better(decisive(rows)):
            favoured = name
    return {
        "comparisons": comparisons,
        "favoured": favoured,
        "verdict": evaluations[favoured].verdict.decision.value,
        "exit_code": evaluations[favoured].verdict.exit_code,
        "log_loss": {name: _log_loss(result) for name, result in evaluations.items()}
        | {score.name: score.figures["log_loss"].value for score in evaluations[BASE].baselines},
        "match_coverage": {name: _coverage(result) for name, result in evaluations.items()},
    }


def _log_loss(result: Evaluation) -> float | None:
    scores = result.of(Mode.GIVEN)
    return None if scores is None else scores.figures["log_loss"].value


def _coverage(result: Evaluation) -> float | None:
    scores = result.of(Mode.GENERATED)
    return None if scores is None else scores.figures["match_coverage"].value
