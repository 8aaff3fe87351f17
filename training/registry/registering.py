"""Taking a finished run into the registry, and forecasts with their figures beside it.

What is copied is checked against the run's own manifest; the copy appears under its name whole. Forecasts that name
other weights than the model's are refused; those that name none (made elsewhere, or by a server) are believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import file_sha256, sync_folder, write_atomically
from corpus.identity import tagged_hash
from evaluation.calibration import CalibrationFile, read_calibration
from evaluation.evaluate import Evaluation, Settings, evaluate
from evaluation.levels import LevelSet, open_snapshot
from evaluation.model_card import CardInfo, card_text
from evaluation.pairing import check_same_set
from evaluation.prediction import Prediction, read_predictions
from evaluation.summary import evaluation_json
from evaluation.verdict import read_criteria
from training.registry.files import Advance, copy_files, model_files, quiet
from training.registry.records import EvaluationRecord, EventKind, ModelRecord, check_name
from training.registry.store import (
    BASE_CALIBRATION,
    BASE_PREDICTIONS,
    CARD,
    EVALUATION_RECORD,
    EVALUATIONS,
    FIGURES,
    MODELS,
    PREDICTIONS,
    RECORD,
    WEIGHTS_FOLDER,
    Registry,
)
from training.runfolder import CALIBRATION, LOCK, MANIFEST, METADATA, read_json, require_finished, write_json

ADAPTER = "adapter_config.json"


@dataclass(frozen=True)
class Answers:
    """Forecasts of the test split of a snapshot: the model's, and the base's where they are at hand."""

    snapshot: Path
    predictions: Path
    base_predictions: Path | None = None
    base_calibration: Path | None = None


def register_run(
    registry: Registry,
    run: Path,
    name: str | None = None,
    answers: Answers | None = None,
    advance: Advance = quiet,
) -> ModelRecord:
    """Add a finished run (its folder, not `final` alone); one that stands there already is left as it is.

    Raises InvalidInput where the run is not finished or the name is taken, InvalidFile where a file was altered
    or is of a kind that the registry does not take.
    """
    lock, metadata = _ended(run)
    weights = require_finished(run)
    files = model_files(weights)
    hashes = {path: file_sha256(file) for path, file in files.items()}
    _check_manifest(weights, hashes)
    record = _record(name, lock, metadata, hashes)
    with registry.writing():
        known = next((one for one in registry.models() if one.files == hashes), None)
        if known is None:
            _check_free(registry, record.name)
            _install(registry, record, files, advance)
    if known is not None and name not in (None, known.name):
        raise InvalidInput(f"{run} stands in the registry already, as {known.name}; use that name.")
    if answers is not None:
        add_evaluation(registry, (known or record).name, answers)
    return known or record


def _ended(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    lock, metadata = read_json(run / LOCK), read_json(run / METADATA)
    if lock is None:
        raise InvalidInput(
            f"{run} holds no run (no {LOCK}), so nothing says where its weights come from; name a run's folder."
        )
    if (metadata or {}).get("status") != "finished":
        raise InvalidInput(f"The run in {run} is not finished; run its command again to go on.")
    return lock, metadata or {}


def _check_manifest(weights: Path, hashes: Mapping[str, str]) -> None:
    """The files must be those that the run wrote."""
    stated = (read_json(weights / MANIFEST) or {}).get("files", {})
    for name in stated.keys() | hashes.keys() - {MANIFEST, CALIBRATION}:
        if stated.get(name) != hashes.get(name):
            raise InvalidFile(
                f"{weights / name} is not what the run wrote (see {weights / MANIFEST}); run the stage again."
            )


def _record(
    name: str | None, lock: Mapping[str, Any], metadata: Mapping[str, Any], hashes: Mapping[str, str]
) -> ModelRecord:
    parent, stage = lock["parent"], lock["stage"]
    own = f"{lock['config']['name'][:40]}-{stage}-{tagged_hash('model/v1', dict(hashes))[:8]}"
    return ModelRecord(
        name=check_name(name or own),
        added_at=datetime.now(UTC),
        stage=stage,
        base=parent["name"],
        base_hash=parent.get("hash", ""),
        adapter=ADAPTER in hashes,
        parent=parent.get("adapter", ""),
        snapshot=lock["snapshot"],
        config=lock["config"],
        code=lock["code"],
        commit=lock["commit"],
        packages=lock["packages"],
        training=dict(metadata),
        content=metadata["final"],
        files=dict(hashes),
    )


def _check_free(registry: Registry, name: str) -> None:
    if registry.place(name).exists():
        raise InvalidInput(f"The registry holds another model {name!r}; choose another --name.")
    if any(event.model == name and event.kind is EventKind.REMOVED for event in registry.history()):
        raise InvalidInput(f"{name!r} was the name of a model that was removed; choose another --name.")


def _install(registry: Registry, record: ModelRecord, files: Mapping[str, Path], advance: Advance) -> None:
    """Copy under a hidden name, the record last; then the folder gets its name."""
    models = registry.folder / MODELS
    partial = models / f".{record.name}"
    weights = partial / WEIGHTS_FOLDER
    weights.mkdir(parents=True)
    if copy_files(files, weights, advance) != record.files:
        raise InvalidFile(f"Files of {record.name} changed while they were copied; add the run again.")
    write_json(partial / RECORD, record.model_dump(mode="json"))
    sync_folder(partial)
    partial.rename(models / record.name)
    sync_folder(models)


def add_evaluation(registry: Registry, name: str, answers: Answers) -> EvaluationRecord:
    """Store forecasts of a snapshot's test split with their figures; the same ones again change nothing.

    Raises InvalidInput where they answer another snapshot, were made by other weights, or the calibration is younger
    than a question.
    """
    record = registry.model(name)
    _check_weights(record, answers)
    asked = open_snapshot(answers.snapshot)
    files = _sources(answers)
    found = _evaluated(registry, record, asked, answers)
    with registry.writing():
        stored = next((e for e in registry.evaluations(record.name) if e.snapshot == asked.hash), None)
        if stored is None:
            return _store(registry, record, asked, answers, found)
    place = registry.checked_evaluation(record.name, stored)
    for file, path in files.items():
        if file not in stored.files or not _same(place / file, path):
            raise InvalidInput(
                f"{record.name} has other forecasts of snapshot {asked.hash[:12]}… already, and they are never "
                "replaced; add the model under another --name to use these."
            )
    return stored


def _check_weights(record: ModelRecord, answers: Answers) -> None:
    """Forecasts must be those of the weights that they are stored beside."""
    for path, weights, whose in (
        (answers.predictions, record.content, record.name),
        (answers.base_predictions, record.base_hash, f"the base {record.base}"),
    ):
        stated = "" if path is None else read_predictions(path).weights_hash
        if stated and weights and stated != weights:
            raise InvalidInput(
                f"{path} was forecast by the weights {stated[:12]}…, not by {whose} ({weights[:12]}…); name its own "
                "forecasts."
            )


def _same(kept: Path, given: Path) -> bool:
    """Whether two files say the same; how long a forecast took does not count."""
    if file_sha256(kept) == file_sha256(given):
        return True
    return kept.suffix == ".jsonl" and _untimed(kept) == _untimed(given)


def _untimed(path: Path) -> list[Prediction]:
    return [row.model_copy(update={"seconds": None}) for row in read_predictions(path).rows]


def _sources(answers: Answers) -> dict[str, Path]:
    given = {
        PREDICTIONS: answers.predictions,
        BASE_PREDICTIONS: answers.base_predictions,
        BASE_CALIBRATION: answers.base_calibration,
    }
    return {place: path for place, path in given.items() if path is not None}


def _evaluated(registry: Registry, record: ModelRecord, asked: LevelSet, answers: Answers) -> Evaluation:
    if answers.base_predictions is not None:
        check_same_set(read_predictions(answers.base_predictions), asked)
    if answers.base_calibration is not None:
        read_calibration(answers.base_calibration)
    settings = Settings(read_criteria(), calibration=calibration_of(registry.verified(record.name)))
    found = evaluate(read_predictions(answers.predictions), asked, settings)
    return replace(found, model=record.name, origin=PREDICTIONS)


def calibration_of(weights: Path) -> CalibrationFile | None:
    """The calibration beside weights; None where none was fitted."""
    path = weights / CALIBRATION
    return read_calibration(path) if path.is_file() else None


def _store(
    registry: Registry, record: ModelRecord, asked: LevelSet, answers: Answers, found: Evaluation
) -> EvaluationRecord:
    place = registry.evaluation_place(record.name, asked.hash)
    partial = place.with_name(f".{place.name}")
    partial.mkdir(parents=True)
    hashes = copy_files(_sources(answers), partial)
    write_json(partial / FIGURES, evaluation_json(found))
    write_atomically(partial / CARD, [card_text(found, card_info(record))])
    hashes |= {name: file_sha256(partial / name) for name in (FIGURES, CARD)}
    stored = EvaluationRecord(
        added_at=datetime.now(UTC),
        snapshot=asked.hash,
        snapshot_folder=str(answers.snapshot.resolve()),
        files=hashes,
    )
    write_json(partial / EVALUATION_RECORD, stored.model_dump(mode="json"))
    partial.rename(place)
    sync_folder(registry.place(record.name) / EVALUATIONS)
    return stored


def card_info(record: ModelRecord) -> CardInfo:
    """What the card says of the model itself; a folder's name is nobody else's business."""
    base = "" if record.base_hash else record.base
    return CardInfo(base_model=base, library="peft" if record.adapter else "transformers")
