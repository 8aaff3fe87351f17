"""FICTIONAL finished runs, as training leaves them, made without training; and forecasts of any quality."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from corpus.splits import Split
from evaluation.levels import LevelSet, open_snapshot
from evaluation.prediction import write_predictions
from tests.forecasts import Rule, generated, given
from training.config import Experiment
from training.dialogue import TEMPLATE_VERSION
from training.registry.registering import Answers
from training.runfolder import CALIBRATION, LOCK, MANIFEST, METADATA, content_hash, folder_hashes

BASE = "Fictional/base-1B"


def finished_run(
    folder: Path,
    seed: int = 0,
    *,
    stage: str = "sft",
    parent: Path | None = None,
    temperature: float | None = None,
    base: Mapping[str, str] | None = None,
) -> Path:
    """A run's folder with a small random adapter; `parent` is the run that it began from."""
    final = folder / "final"
    final.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    save_file({"lora_A": rng.normal(size=(4, 8)).astype(np.float32)}, final / "adapter_model.safetensors")
    known = dict(base or {"name": BASE, "hash": ""})
    write(final / "adapter_config.json", {"base_model_name_or_path": known["name"], "r": 4})
    write(final / "tokenizer.json", {"version": "1.0"})
    if parent is not None:
        known |= {"adapter": content_hash(parent / "final")}
    return close_run(folder, known, stage, temperature)


def close_run(
    folder: Path, parent: Mapping[str, str], stage: str = "sft", temperature: float | None = None
) -> Path:
    """Write what makes a folder with weights in `final` a finished run."""
    final = folder / "final"
    write(final / MANIFEST, {"template": TEMPLATE_VERSION, "files": folder_hashes(final)})
    if temperature is not None:
        write(final / CALIBRATION, calibration(temperature))
    lock = {
        "config": Experiment(name="fictional", base=parent["name"]).model_dump(mode="json"), "stage": stage,
        "snapshot": "5" * 64, "parent": dict(parent), "code": "c" * 64, "commit": "abc1234",
        "packages": {"torch": "2.13.0"},
    }  # fmt: skip
    write(folder / LOCK, lock)
    write(
        folder / METADATA, {"status": "finished", "stage": stage, "steps": 12, "final": content_hash(final)}
    )
    return folder


def calibration(temperature: float) -> dict[str, Any]:
    """A stored calibration; temperature 1 leaves forecasts as they are."""
    return {
        "format": 1, "calibrator": {"kind": "temperature", "temperature": temperature}, "remainder": None,
        "model": "FICTIONAL", "snapshot_hash": "5" * 64, "split": "validation", "levels": 40,
        "answered_until": "1970-01-01",
    }  # fmt: skip


def write(path: Path, value: Any) -> None:
    """One JSON file."""
    path.write_text(json.dumps(value))


def forecast(snapshot: Path, path: Path, rule: Rule, share: float | None = None) -> Path:
    """A prediction file for the test split; with own lists, `share` of which hold what happened."""
    asked: LevelSet = open_snapshot(snapshot)
    levels = asked.of(Split.TEST)
    rows = given(levels, rule, asked.hash)
    if share is not None:
        rows += generated(levels, lambda n: n % 10 < share * 10, asked.hash)
    write_predictions(path, rows)
    return path


def answers(
    snapshot: Path, folder: Path, rule: Rule, base: Rule | None = None, share: float | None = None
) -> Answers:
    """Forecasts by a rule, and the base's by another."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = None if base is None else forecast(snapshot, folder / "base.jsonl", base)
    return Answers(snapshot, forecast(snapshot, folder / "test.jsonl", rule, share), beside)
