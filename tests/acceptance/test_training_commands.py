"""`training` as a user types it: help, synthetic data, a look at dialogues, a forecast. FICTIONAL data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from training.cli import _TABLE, SPINS, training
from training.synthetic import Recipe, write_synthetic

ROOT = Path(__file__).parents[2]


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own, without a network."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "training.cli", *words],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip


def test_help_is_quick_and_loads_no_torch() -> None:
    code = (
        "import sys, training.cli; training.cli.training.main(['--help'], standalone_mode=False); "
        "print(sorted({'torch', 'transformers', 'trl', 'peft', 'modal', 'langgraph', 'sqlmodel'} & set(sys.modules)))"
    )
    used = []
    for _ in range(3):
        before = os.times()
        answer = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        after = os.times()
        used.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    assert answer.stdout.strip().endswith("[]")
    assert min(used) < 0.5, f"processor seconds {used}"


@pytest.mark.parametrize(("own", "seen"), [(None, SPINS), ("7", "7")])
def test_threads_are_told_to_wait_briefly_unless_the_user_says_otherwise(own: str | None, seen: str) -> None:
    code = (
        "import os, sys, training.cli; sys.argv = ['training', '--version']\n"
        "try: training.cli.main()\n"
        "finally: print('torch' in sys.modules, os.environ['GOMP_SPINCOUNT'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {"GOMP_SPINCOUNT": own} if own else {}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.stdout.splitlines()[-1] == f"False {seen}", answer.stderr


@pytest.mark.parametrize("name", list(_TABLE))
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = training.get_command(
        training.make_context("training", [name, "--help"], resilient_parsing=True), name
    )
    assert command is not None
    assert (command.help or "").strip()
    assert f"Example: training {name}" in (command.epilog or "")


def test_synthetic_data_can_be_made_and_looked_at(tmp_path: Path) -> None:
    made = run("synth", "world", "--cases", "30", "--world", "3", "--world", "4", "--json", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    manifest = json.loads(made.stdout)
    assert manifest["synthetic"] is True
    assert manifest["cases"] == 30
    again = run("synth", "world", cwd=tmp_path)
    assert again.returncode != 0
    assert "world exists already" in again.stderr
    looked = run("data", "world", "--base", "tiny", "--json", cwd=tmp_path)
    assert looked.returncode == 0, looked.stderr
    splits = json.loads(looked.stdout)["splits"]
    assert sum(counts["cases"] for counts in splits.values()) <= 30
    assert splits["train"]["tokens_longest"] > splits["train"]["tokens_median"] > 50


def test_a_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("lerning_rate: 1")
    answer = run("sft", "nowhere", "--config", "e.yaml", "--out", "run", cwd=tmp_path)
    assert answer.returncode == 2
    assert (
        answer.stderr
        == "Error: e.yaml: lerning_rate: no such setting; see docs/training.md for those there are.\n"
    )


WITHOUT_TORCH = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])
sys.meta_path.insert(0, Missing())
import training.cli
training.cli.main()
"""


@pytest.mark.parametrize("words", [["data", "world", "--base", "tiny"], ["ask", "x", "--base", "tiny"],
                                   ["models", "merge", "x", "--out", "y"]])  # fmt: skip
def test_a_part_that_is_not_installed_is_one_sentence(words: list[str], tmp_path: Path) -> None:
    write_synthetic(tmp_path / "world", Recipe(6, (3,)))
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    assert re.fullmatch(
        r"Error: training needs (torch|transformers), which is not installed; "
        r"type: pip install 'psychohistory\[training\]'\n",
        answer.stderr,
    ), answer.stderr


def test_a_missing_snapshot_is_named_before_any_model(tmp_path: Path) -> None:
    answer = run("data", "nope", cwd=tmp_path)
    assert (
        answer.stderr == "Error: nope holds no manifest.json: it is not a snapshot, or was never finished.\n"
    )


def test_the_tiny_model_answers_and_says_what_it_is(tmp_path: Path) -> None:
    answer = run(
        "ask", "Brexit vote passes", "--context", "52% leave", "--as-of", "2016-06-24", "--base", "tiny",
        "--depth", "2", "--branches", "3", "--orders", "2", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "forecasts nothing" in answer.stderr
    tree = json.loads(answer.stdout)
    assert tree["as_of"].startswith("2016-06-24")
    assert sum(branch["probability"] for branch in tree["branches"]) + tree["remainder"] == pytest.approx(1)


def test_rewards_are_linted_and_a_bad_weighting_ends_with_code_20(tmp_path: Path) -> None:
    good = run("lint-rewards", "--json", cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    report = json.loads(good.stdout)
    assert report["exploits"] == []
    assert len(report["findings"]) > 30
    (tmp_path / "e.yaml").write_text("grpo: {rewards: {calibration: 0, sharpness: 0}}")
    bad = run("lint-rewards", "--config", "e.yaml", "--levels", "10", cwd=tmp_path)
    assert bad.returncode == 20
    assert "FAIL: 'one-hot: only the likeliest' earns at least as much as an honest answer" in bad.stdout
    assert "EXPLOIT" in bad.stdout


def test_a_run_is_looked_at_and_told_to_skip(tmp_path: Path) -> None:
    stage = tmp_path / "all" / "grpo"
    stage.mkdir(parents=True)
    (stage / "config.lock.json").write_text(json.dumps({"stage": "grpo"}))
    (stage / "metrics.jsonl").write_text('{"step": 3, "reward": 1.25, "kl": 0.01}\n{"step": 4, "rew')
    alarm = {
        "step": 3,
        "alarm": "clipped",
        "action": "warn",
        "message": "60% of the lists or updates are clipped",
    }
    (stage / "alarms.jsonl").write_text(json.dumps(alarm) + "\n")
    tree = {"seed": "FICTIONAL strike", "branches": [{"event": "It ends", "probability": 0.8}]}
    samples = [{"step": 3, "case_id": "c1", "tree": tree, "problem": None},
               {"step": 3, "case_id": "c2", "tree": None, "problem": "nothing proposed"}]  # fmt: skip
    (stage / "samples.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    assert run("skip-stage", "all", cwd=tmp_path).returncode == 0
    told = run("status", "all", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    for words in ("grpo: unfinished, last report at step 3", "reward 1.25", "ALARM at step 3 (warn): 60%",
                  "FICTIONAL strike → 80% It ends", "c2: nothing proposed", "skip waits to be obeyed"):  # fmt: skip
        assert words in told.stdout
    assert json.loads(run("status", "all", "--json", cwd=tmp_path).stdout)["ordered"] == "skip"
