"""What a stage leaves in memory: nothing, or the next one would need twice what the plan says. FICTIONAL data."""

from __future__ import annotations

import gc
from pathlib import Path

from transformers import LlamaForCausalLM

from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Ratios, Split
from evaluation.prediction import Mode
from training.config import Experiment, Grpo, Precision, Scoring, Stage
from training.inference import ProbabilityTreeInference
from training.models import load_base
from training.predict import Job, predictions
from training.stage_job import StageName
from training.stages import run_stage
from training.synthetic import Recipe, write_synthetic


def models_alive() -> int:
    """Models of this process, those included that only wait for the collector."""
    return sum(issubclass(type(found), LlamaForCausalLM) for found in gc.get_objects())


def test_a_model_is_alone_when_the_next_is_loaded(tmp_path: Path) -> None:
    write_synthetic(
        tmp_path / "world", Recipe(24, (5,), depth=2), Ratios(train=0.7, validation=0.15, test=0.15)
    )
    snapshot = read_snapshot(tmp_path / "world")
    short = {"batch": 2, "accumulation": 1, "max_steps": 2, "evaluate_every": 2}
    experiment = Experiment(
        name="test", base="tiny", precision=Precision.FLOAT32, sample_trees=1, sft=Stage(**short),  # type: ignore[arg-type]
        score=Scoring(**short), grpo=Grpo(max_steps=1, evaluate_every=1, validation_levels=1),  # type: ignore[arg-type]
    )  # fmt: skip
    gc.collect()
    before, parent = models_alive(), None
    for stage in StageName:
        run_stage(experiment, stage, snapshot, tmp_path / stage.value, parent)
        parent = tmp_path / stage.value / "final"
        assert alone(before), f"{stage} leaves a model behind"
    forecast(snapshot, parent)
    assert alone(before), "forecasts leave a model behind"


def alone(before: int) -> bool:
    """Whether a freshly loaded model is the only one more than before; the test itself collects nothing."""
    gc.disable()
    try:
        model = load_base("tiny")
        return models_alive() == before + 1 and model is not None
    finally:
        gc.enable()


def forecast(snapshot: Snapshot, adapter: Path | None) -> None:
    inference = ProbabilityTreeInference("tiny")
    inference.load_adapter(adapter)
    assert list(predictions(inference.engine, Job(snapshot, Split.TEST, (Mode.GIVEN,), "x")))
