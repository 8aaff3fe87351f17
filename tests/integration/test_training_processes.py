"""A run in two processes, as on two GPUs: here on the processor, joined by gloo. FICTIONAL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpus.snapshot import read_snapshot
from corpus.splits import Ratios
from training.config import Experiment
from training.control import CONTROL, Order
from training.runfolder import METADATA, METRICS, write_json
from training.stages import StageName, run_stage
from training.synthetic import Recipe, write_synthetic

ROOT = Path(__file__).parents[2]

DIALOGUES = 8
"""A step's, however many processes share it."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes") / "world"
    # 16 dialogues of validation: both processes have as many, and none is looked at twice
    write_synthetic(folder, Recipe(96, (1,)), Ratios(train=2 / 3, validation=1 / 6, test=1 / 6))
    return folder


def experiment(processes: int) -> Experiment:
    """The same run for one process as for several."""
    common: dict[str, Any] = {
        "batch": DIALOGUES // processes, "accumulation": 1, "evaluate_every": 3, "save_every": 3, "patience": None
    }  # fmt: skip
    return Experiment.model_validate({
        "name": "shared", "base": "tiny", "precision": "float32", "sample_trees": 1,
        "data": {"max_tokens": 1024}, "lora": {"rank": 4, "alpha": 4},
        "sft": common | {"max_steps": 6, "learning_rate": 1e-3},
        "score": common | {"max_steps": 3},
        "grpo": {"max_steps": 2, "levels": 4, "lists": 2, "batch": 4, "max_list_tokens": 40, "evaluate_every": 1,
                 "save_every": 1, "validation_levels": 4},
    })  # fmt: skip


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
COMMANDS = """
import json, sys
from training.cli import training
for words in json.loads(sys.argv[1]):
    training.main(words, standalone_mode=False)
"""


def train(folder: Path, *commands: list[object]) -> str:
    """What two processes that carry out some commands one after the other say on standard output, together."""
    script = folder / "commands.py"
    script.write_text(COMMANDS)
    words = json.dumps([[str(word) for word in command] for command in commands])
    command = [sys.executable, *TWO, script, words]
    around = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=around, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def metadata(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / METADATA).read_text()))


def test_two_processes_train_as_one_does_with_their_dialogues_together(
    tmp_path: Path, snapshot: Path
) -> None:
    """SFT in one process; in two with a pause after the first step, then the other stages."""
    alone, sft, score, grpo = (tmp_path / name for name in ("alone", "sft", "score", "grpo"))
    expected = run_stage(experiment(1), StageName.SFT, read_snapshot(snapshot), alone).metadata
    config = tmp_path / "two.yaml"
    config.write_text(yaml.safe_dump(experiment(2).model_dump(mode="json")))
    sft.mkdir()
    write_json(sft / CONTROL, {"order": Order.PAUSE.value})
    first = ["sft", snapshot, "--config", config, "--out", sft]
    said = train(tmp_path, first)
    assert said.count("sft paused after step 1") == 1, "the first process speaks, and it alone"
    said = train(
        tmp_path,
        first,
        ["score", snapshot, "--config", config, "--out", score, "--from", sft],
        ["grpo", snapshot, "--config", config, "--out", grpo, "--from", score],
    )
    assert said.count("sft finished: 6 steps") == 1
    found = metadata(sft)
    assert found["best_validation_log_loss"] == pytest.approx(expected["best_validation_log_loss"], abs=1e-4)
    assert found["train_loss"] > 0
    reports = [json.loads(line) for line in (sft / METRICS).read_text().splitlines()]
    assert [line["step"] for line in reports if "eval_log_loss" in line] == [0, 3, 6]
    assert [metadata(run)["steps"] for run in (sft, score, grpo)] == [6, 3, 2]


def test_the_pipeline_is_refused_in_two_processes(tmp_path: Path, snapshot: Path) -> None:
    command = [sys.executable, "-m", "training.cli", "export-and-train", "--snapshot", str(snapshot),
               "--out", str(tmp_path / "all")]  # fmt: skip
    around = os.environ | {"WORLD_SIZE": "2", "RANK": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=around, timeout=60, check=False)
    assert done.returncode != 0
    assert "export-and-train was started in 2 processes and works in one" in done.stderr
