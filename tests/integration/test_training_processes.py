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

from corpus.splits import Ratios
from training.control import CONTROL, Order
from training.runfolder import METADATA, METRICS, write_json
from training.synthetic import Recipe, write_synthetic

DIALOGUES = 8
"""A step's, however many processes share it."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes") / "world"
    # 16 dialogues of validation: both processes have as many, and none is looked at twice
    write_synthetic(folder, Recipe(96, (1,)), Ratios(train=2 / 3, validation=1 / 6, test=1 / 6))
    return folder


def experiment(folder: Path, processes: int, patience: int | None = None) -> Path:
    common: dict[str, Any] = {
        "batch": DIALOGUES // processes, "accumulation": 1, "evaluate_every": 3, "save_every": 3
    }  # fmt: skip
    chosen = {
        "name": "shared", "base": "tiny", "precision": "float32", "sample_trees": 1,
        "data": {"max_tokens": 1024}, "lora": {"rank": 4, "alpha": 4},
        "sft": common | {"max_steps": 6, "learning_rate": 1e-3, "patience": patience},
        "score": common | {"max_steps": 3, "patience": patience},
        "grpo": {"max_steps": 2, "levels": 4, "lists": 2, "batch": 4, "max_list_tokens": 40, "evaluate_every": 1,
                 "save_every": 1, "validation_levels": 4},
    }  # fmt: skip
    path = folder / f"{processes}.yaml"
    path.write_text(yaml.safe_dump(chosen))
    return path


def train(processes: int, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [
        sys.executable,
        *(several if processes > 1 else []),
        "-m",
        "training.cli",
        *map(str, arguments),
    ]
    around = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=around, timeout=300, check=False)
    assert not check or done.returncode == 0, done.stderr[-3000:]
    return done


def metadata(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / METADATA).read_text()))


def test_two_processes_train_as_one_does_with_their_dialogues_together(
    tmp_path: Path, snapshot: Path
) -> None:
    for processes in (1, 2):
        done = train(processes, "sft", snapshot, "--config", experiment(tmp_path, processes),
                     "--out", tmp_path / f"sft-{processes}")  # fmt: skip
        assert done.stdout.count("sft finished: 6 steps") == 1, "the first process speaks, and it alone"
    one, two = (metadata(tmp_path / f"sft-{n}") for n in (1, 2))
    assert two["best_validation_log_loss"] == pytest.approx(one["best_validation_log_loss"], abs=1e-4)
    assert two["train_loss"] == pytest.approx(one["train_loss"], abs=1e-4)
    reports = [json.loads(line) for line in (tmp_path / "sft-2" / METRICS).read_text().splitlines()]
    assert [line["step"] for line in reports if "eval_log_loss" in line] == [0, 3, 6]


def test_all_stages_run_in_two_processes_and_go_on_after_a_pause(tmp_path: Path, snapshot: Path) -> None:
    config = experiment(tmp_path, 2)
    sft, score, grpo = (tmp_path / name for name in ("sft", "score", "grpo"))
    sft.mkdir()
    write_json(sft / CONTROL, {"order": Order.PAUSE.value})
    paused = train(2, "sft", snapshot, "--config", config, "--out", sft)
    assert "sft paused after step 1" in paused.stdout
    train(2, "sft", snapshot, "--config", config, "--out", sft)
    train(2, "score", snapshot, "--config", config, "--out", score, "--from", sft)
    train(2, "grpo", snapshot, "--config", config, "--out", grpo, "--from", score)
    assert [metadata(run)["status"] for run in (sft, score, grpo)] == ["finished"] * 3
    assert [metadata(run)["steps"] for run in (sft, score, grpo)] == [6, 3, 2]


def test_the_pipeline_is_refused_in_two_processes(tmp_path: Path, snapshot: Path) -> None:
    config = experiment(tmp_path, 2)
    done = train(2, "export-and-train", "--snapshot", snapshot, "--config", config, "--out", tmp_path / "all",
                 check=False)  # fmt: skip
    assert done.returncode != 0
    assert "export-and-train was started in 2 processes and works in one" in done.stderr
