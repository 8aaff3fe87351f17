"""export-and-train from a snapshot to a verdict, on a tiny random model and FICTIONAL synthetic cases."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import InvalidInput, PsychoHistoryError
from corpus.snapshot import SnapshotInfo, write_snapshot
from corpus.splits import Ratios
from evaluation.deciding import DECISIVE
from tests.tiny_models import encoder, random_model
from training.config import Data, Experiment, Grpo, Lora, Precision, Scoring, Stage
from training.control import CONTROL
from training.engine import Sampling
from training.pipeline import FORECASTERS, RESULT, Plan, run_pipeline
from training.registry.store import Registry
from training.runfolder import METADATA, content_hash, read_json, write_json
from training.synthetic import Recipe, synthetic_cases, write_synthetic
from training.trees import Effort

EFFORT = Effort(orders=2, sampling=Sampling(lists=1, max_characters=10))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("pipeline")
    write_synthetic(folder / "world", Recipe(24, (5,), depth=1), Ratios(train=0.6, validation=0.2, test=0.2))
    random_model("llama").save_pretrained(folder / "base")
    encoder().tokenizer.save_pretrained(folder / "base")
    common: dict[str, Any] = {
        "epochs": 1, "batch": 4, "accumulation": 1, "save_every": 50, "evaluate_every": 2, "learning_rate": 1e-2
    }  # fmt: skip
    experiment = Experiment(
        base=str(folder / "base"), precision=Precision.FLOAT32, data=Data(max_tokens=1000),
        lora=Lora(rank=4), sft=Stage(**common), score=Scoring(**common), sample_trees=0,
        grpo=Grpo(max_steps=2, levels=2, lists=2, batch=4, max_list_tokens=16, validation_levels=2, orders=1,
                  branches=2),
    )  # fmt: skip
    registry = Registry(folder / "models")
    out, today = folder / "out", date(2024, 1, 1)
    return Plan(experiment, folder / "world", out, today, effort=EFFORT, registry=registry)


def test_an_audit_that_fails_stops_a_synthetic_snapshot_too(plan: Plan, tmp_path: Path) -> None:
    cases = list(synthetic_cases(Recipe(24, (5,), depth=1)))
    twin = cases[0].model_copy(update={"case_id": "c000000000000001"})
    write_snapshot(tmp_path / "twins", [*cases, twin], SnapshotInfo(query={}, program="test", synthetic=True))
    with pytest.raises(InvalidInput, match=r"ends in FAIL .*; mend the corpus, or go on with --force"):
        run_pipeline(replace(plan, snapshot=tmp_path / "twins", out=tmp_path / "out"))
    assert not (tmp_path / "out" / "sft").exists()


def ended_by(plan: Plan, stage: str) -> str | None:
    found: str | None = (read_json(plan.out / stage / METADATA) or {})["ended_by"]
    return found


def test_a_snapshot_becomes_a_verdict_and_a_second_call_does_nothing(plan: Plan) -> None:
    for stage, order in (("sft", "stop"), ("score", "skip")):
        (plan.out / stage).mkdir(parents=True)
        write_json(plan.out / stage / CONTROL, {"order": order})
    with pytest.raises(PsychoHistoryError, match="Stage sft was stopped with its best weights"):
        run_pipeline(plan)
    assert not (plan.out / RESULT).exists()
    result = run_pipeline(plan)
    assert [ended_by(plan, stage) for stage in FORECASTERS[1:]] == ["stop", "skip", None]
    assert [row["first"] for row in result["comparisons"]] == ["sft", "score", "grpo"]
    for row in result["comparisons"]:
        assert {mode.value for mode in DECISIVE} <= set(row)
    assert result["verdict"] in ("REVIEW", "FAIL")
    assert result["favoured"] in FORECASTERS
    assert {"base", "sft", "score", "grpo", "uniform", "base_rate"} <= set(result["log_loss"])
    assert set(result["match_coverage"]) == set(FORECASTERS)
    assert all(value is None or value > 0 for value in result["log_loss"].values())
    for name in FORECASTERS:
        assert json.loads((plan.out / "evaluation" / f"{name}.json").read_text())["verdict"]["decision"]
        assert (plan.out / "evaluation" / f"{name}.html").stat().st_size > 1000
    assert plan.registry is not None
    models = plan.registry.models()
    finals = {content_hash(plan.out / stage / "final") for stage in FORECASTERS[1:]}
    assert {model.content for model in models} == finals
    assert all(plan.registry.evaluations(model.name) for model in models)
    assert result["proposed"]["model"] in {None, *(model.name for model in models)}
    assert result["proposed"]["against"] == "base"
    assert plan.registry.current is None
    stamps = {path: path.stat().st_mtime_ns for path in plan.out.rglob("*") if path.is_file()}
    assert run_pipeline(plan) == result
    assert stamps == {path: path.stat().st_mtime_ns for path in plan.out.rglob("*") if path.is_file()}
    (plan.out / RESULT).unlink()
    assert run_pipeline(plan) == result
    kept = ("predictions", "sft", "score", "grpo")
    changed = [p for p, at in stamps.items() if p.exists() and p.stat().st_mtime_ns != at]
    assert not [
        path for path in changed if path.relative_to(plan.out).parts[0] in kept and path.suffix != ".json"
    ]
