"""`training pause` and `resume` from other terminals, and two processes on one run. FICTIONAL."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from corpus.errors import InvalidInput
from corpus.snapshot import read_snapshot
from corpus.splits import Ratios
from tests.commands import run as command
from tests.tiny_models import encoder, random_model
from training.backends.kept import KEPT
from training.cli import training
from training.config import Data, Experiment, Lora, Precision, Stage
from training.control import CONTROL, RunState, status_of
from training.runfolder import LOCK, METADATA, RunFolder, read_json, write_json
from training.stage_job import StageName
from training.stages import run_stage
from training.synthetic import Recipe, write_synthetic

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Experiment:
    write_synthetic(
        tmp_path / "world", Recipe(24, (5,), depth=1), Ratios(train=0.7, validation=0.15, test=0.15)
    )
    random_model("llama").save_pretrained(tmp_path / "base")
    encoder().tokenizer.save_pretrained(tmp_path / "base")
    stage = Stage(epochs=1, batch=4, accumulation=1, evaluate_every=50, learning_rate=1e-2)
    made = Experiment(
        base=str(tmp_path / "base"), precision=Precision.FLOAT32, data=Data(max_tokens=1000), lora=Lora(rank=4),
        sft=stage, sample_trees=0,
    )  # fmt: skip
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(made.model_dump(mode="json")))
    return made


def test_a_paused_run_is_resumed_without_its_command(settings: Experiment, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write_json(tmp_path / "run" / CONTROL, {"order": "pause"})
    world, run = (os.path.relpath(tmp_path / name, ROOT) for name in ("world", "run"))
    words = ("training", "sft", world, "--config", str(tmp_path / "e.yaml"), "--out", run)
    paused = command(tmp_path, *words, OMP_NUM_THREADS="1")
    assert paused.out == f"sft paused after step 1; go on with: training resume {run}\n", paused.err
    kept = read_json(tmp_path / "run" / KEPT) or {}
    assert (kept["snapshot"], kept["out"]) == (str(tmp_path / "world"), str(tmp_path / "run"))
    resumed = command(tmp_path, "training", "resume", str(tmp_path / "run"), "--json", OMP_NUM_THREADS="1")
    assert resumed.code == 0, resumed.err
    assert (resumed.json["status"], resumed.json["was_finished"]) == ("finished", False)
    whole = run_stage(settings, StageName.SFT, read_snapshot(tmp_path / "world"), tmp_path / "whole")
    assert resumed.json["final"] == whole.metadata["final"], "as without the pause, bit for bit"
    assert read_json(tmp_path / "run" / METADATA) == {
        name: value for name, value in resumed.json.items() if name != "was_finished"
    }


def test_two_processes_do_not_work_on_one_run(settings: Experiment, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        with pytest.raises(InvalidInput, match="Another process works on the run in"):
            run_stage(settings, StageName.SFT, read_snapshot(tmp_path / "world"), folder.path)
        write_json(folder.path / LOCK, {"stage": "sft"})
        write_json(folder.path / KEPT, {"name": "run"})
        assert status_of(folder.path).state is RunState.RUNNING
        words = ["resume", str(folder.path)]
        assert CliRunner().invoke(training, words).output == f"{folder.path}: it is running.\n"
        told = CliRunner().invoke(training, ["pause", str(folder.path), "--json"])
        assert json.loads(told.output) == {"run": str(folder.path), "ordered": "pause"}
        said = CliRunner().invoke(training, words).output
        assert said == f"{folder.path}: its pause was withdrawn, and it goes on.\n"
        assert not (folder.path / CONTROL).exists()
    assert status_of(folder.path).state is RunState.UNFINISHED


def test_a_run_whose_command_is_not_known_says_so(tmp_path: Path) -> None:
    ended = command(tmp_path, "training", "resume", "nowhere")
    assert (ended.code, ended.err) == (
        1,
        "Error: nowhere does not say by which command it was begun (no command.json); type that command again.\n",
    )
