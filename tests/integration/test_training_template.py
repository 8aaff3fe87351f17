"""A model's own chat template through training and inference, on a tiny random model. FICTIONAL."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import InvalidInput
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Ratios, Split
from evaluation.prediction import Mode
from tests.chat_templates import CHATML, THINKING, chat_tokenizer
from tests.tiny_models import random_model
from training.config import Data, Experiment, Grpo, Lora, Precision, Scoring, Stage
from training.engine import Sampling
from training.inference import ProbabilityTreeInference
from training.local_engine import TransformersEngine
from training.predict import Job, predictions
from training.runfolder import MANIFEST, read_json
from training.stage_job import StageName
from training.stages import run_stage
from training.synthetic import Recipe, write_synthetic
from training.template import OWN_VERSION, PLAIN, TemplateChoice
from training.trees import Effort

EFFORT = Effort(orders=2, sampling=Sampling(lists=2, max_characters=10))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("synthetic") / "world"
    write_synthetic(folder, Recipe(24, (5,), depth=2), Ratios(train=0.7, validation=0.15, test=0.15))
    return read_snapshot(folder)


def base(folder: Path, template: str) -> str:
    tokenizer = chat_tokenizer(template)
    random_model("llama", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def experiment(base: str, template: TemplateChoice = TemplateChoice.AUTO) -> Experiment:
    common: dict[str, Any] = {
        "epochs": 1, "batch": 2, "accumulation": 1, "max_steps": 2, "evaluate_every": 2, "learning_rate": 1e-2
    }  # fmt: skip
    return Experiment(
        base=base, precision=Precision.FLOAT32, data=Data(max_tokens=1000, template=template), lora=Lora(rank=4),
        sft=Stage(**common), score=Scoring(**common), sample_trees=1,
        grpo=Grpo(max_steps=1, levels=2, lists=2, batch=4, max_list_tokens=16, validation_levels=2, orders=1),
    )  # fmt: skip


def test_training_and_forecasts_use_the_models_own_template(snapshot: Snapshot, tmp_path: Path) -> None:
    settings = experiment(base(tmp_path / "base", CHATML))
    sft = run_stage(settings, StageName.SFT, snapshot, tmp_path / "sft")
    assert sft.metadata["template"] == {"version": OWN_VERSION, "reason": ""}
    final = sft.folder.final
    assert (read_json(final / MANIFEST) or {})["template"] == OWN_VERSION
    inference = ProbabilityTreeInference()
    inference.load_adapter(final)
    assert inference.engine.encoder.template.is_own
    tree = inference.generate_tree("Arvenia opens a canal", as_of=date(2024, 1, 1), depth=2, effort=EFFORT)
    assert tree.branches
    job = Job(snapshot, Split.TEST, (Mode.GIVEN, Mode.GENERATED), "m", effort=EFFORT)
    assert {row.prompt_version for row in predictions(inference.engine, job)} == {OWN_VERSION}
    coder = inference.engine.encoder
    uncached = TransformersEngine(inference.engine.model, coder.tokenizer, 0, coder.template)  # type: ignore[attr-defined]
    plain = ProbabilityTreeInference("m", engine=uncached).generate_tree(
        "Arvenia opens a canal", as_of=date(2024, 1, 1), depth=2, effort=EFFORT
    )
    for cached, read in zip(tree.branches, plain.branches, strict=True):
        assert cached.event == read.event
        assert cached.probability == pytest.approx(read.probability, abs=1e-5)
    grpo = run_stage(settings, StageName.GRPO, snapshot, tmp_path / "grpo", final)
    assert grpo.metadata["status"] == "finished"
    with pytest.raises(
        InvalidInput, match=r"trained in the template 'dialogue/1\+own', .* go on in 'dialogue/1'; set"
    ):
        run_stage(
            experiment(settings.base, TemplateChoice.PLAIN),
            StageName.SCORE,
            snapshot,
            tmp_path / "score",
            final,
        )


def test_a_template_that_changes_earlier_turns_is_not_trained_in(snapshot: Snapshot, tmp_path: Path) -> None:
    settings = experiment(base(tmp_path / "base", THINKING))
    with pytest.raises(InvalidInput, match="it changes earlier turns as a dialogue grows; set"):
        run_stage(experiment(settings.base, TemplateChoice.OWN), StageName.SFT, snapshot, tmp_path / "own")
    sft = run_stage(settings, StageName.SFT, snapshot, tmp_path / "sft")
    assert sft.metadata["template"]["reason"] == "it changes earlier turns as a dialogue grows"
    inference = ProbabilityTreeInference(settings.base)
    for folder in (sft.folder.final, None):
        inference.load_adapter(folder)
        assert inference.engine.encoder.template.version == PLAIN.version
