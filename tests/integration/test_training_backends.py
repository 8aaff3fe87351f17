"""Runs elsewhere: bodies as processes, allowance, resume, fetching with hashes, re-attaching. FICTIONAL data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from corpus.errors import InvalidInput, PsychoHistoryError
from corpus.snapshot import read_snapshot
from corpus.splits import Split
from tests.clouds import FolderCloud
from tests.forecasts import hedging, honest, make_snapshot
from tests.registry_runs import calibration, finished_run, forecast, write
from training.backends import names
from training.backends.bodies import ATTEMPTS, FILES, RunOrder, run_order
from training.backends.kept import KEPT
from training.backends.launching import REST, Launch, Where, launch
from training.backends.modal_cloud import image, load_modal, train_function
from training.backends.remote import REMOTE, RemoteBackend
from training.backends.request import Command, Ending, Outcome, Request
from training.config import Adapt, Data, Experiment, Lora, Precision, Stage
from training.control import STAGE_FOLDERS
from training.costs import Kind, Ledger, grouped
from training.dataset import OverLength
from training.pipeline_folder import calibration_file, forecasts_file
from training.planning.limits import Allowance
from training.registry.store import Registry
from training.runfolder import read_json
from training.synthetic import Recipe, write_synthetic

ROOT = Path(__file__).parents[2]
EXPERIMENT = Experiment(
    name="try", base="tiny", precision=Precision.FLOAT32, data=Data(max_tokens=2048, over_length=OverLength.LEAVE_OUT),
    lora=Lora(adapt=Adapt.LINEAR, rank=2),
    sft=Stage(epochs=1, batch=4, accumulation=1, max_steps=2, evaluate_every=2, save_every=1),
    sample_trees=0,
)  # fmt: skip
STANDS_IN = """
import json, os, pathlib, sys, time
words = sys.argv[1:]
out = pathlib.Path(words[words.index("--out") + 1])
out.mkdir(parents=True, exist_ok=True)
(out / "words.json").write_text(json.dumps(words))
(out / "checkpoints").mkdir(exist_ok=True)
(out / "checkpoints" / "large").write_text("x")
calls = out / "calls.txt"
calls.write_text((calls.read_text() if calls.exists() else "") + "call ")
(out / "token.json").write_text(json.dumps(os.environ.get("HF_TOKEN")))
{does}
(out / "result.json").write_text(json.dumps({{"calls": calls.read_text().split()}}))
print(json.dumps({{"calls": len(calls.read_text().split()), "status": "finished"}}))
sys.exit({code})
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backends") / "world"
    write_synthetic(folder, Recipe(20, (5,), depth=1))
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Sequence[str]]:
    """A command that stands in for `training`: what it does in the middle, and its exit code."""

    def make(does: str = "", code: int = 0) -> Sequence[str]:
        path = tmp_path / "stands_in.py"
        path.write_text(STANDS_IN.format(does=does, code=code))
        return (sys.executable, str(path))

    return make


def request(world: Path, out: Path, command: Command = Command.ALL, **more: Any) -> Request:
    return Request(command, EXPERIMENT, world, read_snapshot(world).hash, out, **more)


def order(asked: Request, seconds: int = 60) -> RunOrder:
    return RunOrder(
        name=asked.name, command=asked.command, snapshot=asked.snapshot_hash,
        experiment=asked.experiment.model_dump(mode="json"), allowance_seconds=seconds,
    )  # fmt: skip


def backend(cloud: FolderCloud, seconds: int = 60, **more: Any) -> RemoteBackend:
    return RemoteBackend(cloud, "H100", Allowance(seconds, 1.0), wait=0.05, **more)


def test_a_run_is_uploaded_run_and_fetched_with_its_hashes(world: Path, tmp_path: Path, program: Any) -> None:
    told: list[str] = []
    asked = replace(request(world, tmp_path / "out", force=True), tell=told.append)
    cloud = FolderCloud(tmp_path / "volume", program("time.sleep(0.5)", code=10))
    outcome = backend(cloud).run(asked)
    assert outcome.ending is Ending.FINISHED
    assert outcome.result == {"calls": 1, "status": "finished"}
    assert read_snapshot(tmp_path / "volume" / "snapshots" / asked.snapshot_hash).hash == asked.snapshot_hash
    words = json.loads((asked.out / "words.json").read_text())
    assert words[0] == "export-and-train"
    assert {"--snapshot", "--config", "--out", "--force", "--json"} <= set(words)
    assert not (asked.out / "checkpoints").exists(), "checkpoints stay on the volume"
    assert json.loads((asked.out / "result.json").read_text())["calls"] == ["call"]
    assert any("for 60 s at most" in line for line in told)
    assert cloud.fetched[-1].endswith("result.json"), "what marks the folder complete comes last"


def test_a_second_call_does_nothing_and_another_machine_fetches(
    world: Path, tmp_path: Path, program: Any
) -> None:
    cloud = FolderCloud(tmp_path / "volume", program())
    here = request(world, tmp_path / "here")
    backend(cloud).run(here)
    put = list(cloud.put_paths)
    assert backend(cloud).run(here).result["calls"] == 1
    elsewhere = request(world, tmp_path / "elsewhere")
    assert backend(cloud).run(elsewhere).result["calls"] == 1
    assert len(cloud.started) == 1
    assert cloud.put_paths == put, "nothing is uploaded twice"
    assert (elsewhere.out / "result.json").read_bytes() == (here.out / "result.json").read_bytes()


def test_a_fetched_pipeline_enters_this_machines_registry(tmp_path: Path, program: Any) -> None:
    made, snapshot = tmp_path / "made", make_snapshot(tmp_path / "snapshot", count=90)
    parent: Path | None = None
    for number, stage in enumerate(STAGE_FOLDERS):
        parent = finished_run(made / stage, number, stage=stage, parent=parent)
    for name, rule in (("base", hedging), ("sft", honest), ("score", honest), ("grpo", hedging)):
        forecasts_file(made, name, Split.TEST).parent.mkdir(parents=True, exist_ok=True)
        forecast(snapshot, forecasts_file(made, name, Split.TEST), rule)
    calibration_file(made, "base").parent.mkdir()
    write(calibration_file(made, "base"), calibration(1.0))
    write(made / "result.json", {"favoured": "sft", "proposed": {"model": "of-the-container"}})
    does = f"import shutil; shutil.copytree({str(made)!r}, out, dirs_exist_ok=True); "
    cloud = FolderCloud(
        tmp_path / "volume", program(does + 'print((out / "result.json").read_text()); sys.exit(10)')
    )
    asked, registry = request(snapshot, tmp_path / "out"), Registry(tmp_path / "models")
    backend(cloud).run(replace(asked, out=tmp_path / "unregistered"))
    assert registry.models() == []
    outcome = backend(cloud).run(replace(asked, registry=registry))
    found = {record.stage: record for record in registry.models()}
    assert list(found) == list(reversed(STAGE_FOLDERS))
    assert found["score"].parent == found["sft"].content
    assert all(len(registry.evaluations(record.name)) == 1 for record in found.values())
    assert outcome.result["proposed"]["model"] == found["sft"].name
    assert (read_json(asked.out / "result.json") or {})["proposed"] == outcome.result["proposed"]
    again = backend(cloud).run(replace(asked, registry=registry))
    assert again.result == outcome.result
    assert len(registry.models()) == len(STAGE_FOLDERS)


def test_detached_runs_are_found_again(world: Path, tmp_path: Path, program: Any) -> None:
    cloud = FolderCloud(tmp_path / "volume", program("time.sleep(0.6)"))
    asked = request(world, tmp_path / "out")
    assert backend(cloud, detach=True).run(asked) == Outcome(Ending.RUNNING)
    assert (read_json(asked.out / REMOTE) or {})["call"] == "fc-1"
    assert not (asked.out / "result.json").exists()
    assert backend(cloud).run(asked).ending is Ending.FINISHED
    assert len(cloud.started) == 1


def test_a_lost_container_is_one_sentence_and_the_next_call_goes_on(
    world: Path, tmp_path: Path, program: Any
) -> None:
    cloud = FolderCloud(tmp_path / "volume", program(), fault="FunctionTimeoutError")
    asked = request(world, tmp_path / "out")
    with pytest.raises(PsychoHistoryError, match="run the same command to go on"):
        backend(cloud).run(asked)
    cloud.fault = ""
    assert backend(cloud).run(asked).ending is Ending.FINISHED
    assert len(cloud.started) == 2


def test_an_error_is_an_answer_and_is_not_tried_again(world: Path, tmp_path: Path, program: Any) -> None:
    cloud = FolderCloud(tmp_path / "volume", program("sys.exit('Error: the audit ends in FAIL')"))
    outcome = backend(cloud).run(request(world, tmp_path / "out"))
    assert outcome.ending is Ending.FAILED
    assert outcome.why == "Error: the audit ends in FAIL"


def test_the_allowance_holds_over_all_attempts(world: Path, tmp_path: Path, program: Any) -> None:
    asked = request(world, tmp_path / "out")
    slow = program("time.sleep(60)")
    first = run_order(order(asked, 1), tmp_path, lambda: None, slow, beat=0.2)
    assert first["ending"] == Ending.OUT_OF_TIME
    assert 1 <= first["seconds"] < 10
    again = run_order(order(asked, 1), tmp_path, lambda: None, slow, beat=0.2)
    assert again["ending"] == Ending.OUT_OF_TIME
    folder = tmp_path / "models" / asked.name
    assert (folder / "out" / "calls.txt").read_text() == "call ", "no second process was begun"
    more = run_order(order(asked, 60), tmp_path, lambda: None, program(), beat=0.2)
    assert more["ending"] == Ending.FINISHED
    assert more["result"]["calls"] == 2
    assert more["seconds"] == pytest.approx(sum((read_json(folder / ATTEMPTS) or {})["seconds"]), abs=0.5)


def test_a_container_that_is_killed_is_started_again_on_the_same_order(
    world: Path, tmp_path: Path, program: Any
) -> None:
    asked = request(world, tmp_path / "out")
    fails_once = (
        "import signal\nif len(calls.read_text().split()) == 1: os.kill(os.getppid(), signal.SIGKILL)"
    )
    body = (
        "import sys, pathlib; from training.backends.bodies import RunOrder, run_order; "
        "order = RunOrder.model_validate_json(sys.argv[1]); "
        "print(run_order(order, pathlib.Path(sys.argv[2]), lambda: None, sys.argv[3:], 0.1)['ending'])"
    )
    words = [sys.executable, "-c", body, order(asked).model_dump_json(), str(tmp_path), *program(fails_once)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    killed = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "models" / asked.name / FILES).exists()
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert again.stdout.strip() == "finished"
    assert len((read_json(tmp_path / "models" / asked.name / ATTEMPTS) or {})["seconds"]) == 2


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_either_name_of_the_hubs_token_is_read(name: str, world: Path, tmp_path: Path, program: Any) -> None:
    from training.backends.bodies import _environment

    assert _environment({name: "hf_x"})["HF_TOKEN"] == "hf_x"
    assert "HF_TOKEN" not in _environment({})


def test_a_file_that_arrives_altered_is_not_kept(world: Path, tmp_path: Path, program: Any) -> None:
    cloud = FolderCloud(tmp_path / "volume", program())
    asked = request(world, tmp_path / "out")
    backend(cloud, detach=True).run(asked)
    cloud.threads["fc-1"].join()
    victim = tmp_path / "volume" / "models" / asked.name / "out" / "result.json"
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-3])
    with pytest.raises(PsychoHistoryError, match=r"result\.json .* arrived altered"):
        backend(cloud).run(asked)
    assert not (asked.out / "result.json").exists()
    victim.write_bytes(whole)
    fetched = len(cloud.fetched)
    assert backend(cloud).run(asked).ending is Ending.FINISHED
    assert len(cloud.fetched) == fetched + 1, "what lies here already is not fetched again"


def test_a_volume_cannot_write_outside_the_runs_folder(world: Path, tmp_path: Path, program: Any) -> None:
    cloud = FolderCloud(tmp_path / "volume", program())
    asked = request(world, tmp_path / "out")
    backend(cloud, detach=True).run(asked)
    cloud.threads["fc-1"].join()
    listed = tmp_path / "volume" / "models" / asked.name / FILES
    listed.write_text(json.dumps({"../../escaped": "0" * 64}))
    with pytest.raises(PsychoHistoryError, match="outside"):
        backend(cloud).run(asked)


def test_a_base_in_a_folder_of_this_machine_is_refused(world: Path, tmp_path: Path, program: Any) -> None:
    local = replace(
        request(world, tmp_path / "out"), experiment=EXPERIMENT.model_copy(update={"base": str(tmp_path)})
    )
    with pytest.raises(InvalidInput, match="a folder of this machine"):
        backend(FolderCloud(tmp_path / "volume", program())).run(local)


def test_launching_plans_caps_and_notes_costs(world: Path, tmp_path: Path, program: Any) -> None:
    ledger = Ledger(tmp_path / "costs.jsonl")
    cloud = FolderCloud(tmp_path / "volume", program())
    asked = request(world, tmp_path / "out")
    with pytest.raises(InvalidInput, match=r"--max-usd is 0\.001"):
        launch(asked, Launch(Where.MODAL, ledger, max_usd=0.001), cloud)
    assert not cloud.started
    with pytest.raises(InvalidInput, match="T4 is refused"):
        launch(asked, Launch(Where.MODAL, ledger, gpu="T4"), cloud)
    outcome = launch(asked, Launch(Where.MODAL, ledger, gpu="L4", max_usd=2.0), cloud)
    assert outcome.ending is Ending.FINISHED
    assert cloud.gpus == ["L4"]
    assert cloud.started[0].allowance_seconds * 0.000222 < 2.0
    entries = ledger.read().entries
    assert {one.stage for one in entries if one.kind is Kind.ESTIMATE} == {
        "sft",
        "score",
        "grpo",
        "forecasts",
        REST,
    }
    assert all(one.usd > 0 for one in entries if one.kind is Kind.ESTIMATE)
    count = len(entries)
    launch(asked, Launch(Where.MODAL, ledger, gpu="L4", max_usd=2.0), cloud)
    assert len(ledger.read().entries) == count, "the same plan and the same seconds are noted once"


def test_options_of_modal_are_refused_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--max-usd is for --backend modal"):
        Launch(Where.LOCAL, Ledger(tmp_path / "costs.jsonl"), max_usd=1.0)


def test_sft_runs_in_a_container_as_it_does_here(world: Path, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "costs.jsonl")
    # sums over another number of threads round otherwise, and other tests set this process's own
    threads = f"OMP_NUM_THREADS={torch.get_num_threads()}"
    cloud = FolderCloud(tmp_path / "volume", ("env", threads, sys.executable, "-m", "training.cli"), beat=5)
    there, here = (
        request(world, tmp_path / "there", Command.SFT),
        request(world, tmp_path / "here", Command.SFT),
    )
    remote = launch(there, Launch(Where.MODAL, ledger, gpu="L4"), cloud)
    local = launch(here, Launch(Where.LOCAL, ledger))
    assert remote.result["final"] == local.result["final"], "bit-equal weights"
    kept = read_json(there.out / KEPT) or {}
    assert (kept["backend"], kept["gpu"], kept["out"]) == ("modal", "L4", str(there.out)), (
        "not the container's"
    )
    assert (there.out / "final" / "manifest.json").read_bytes() == (
        here.out / "final" / "manifest.json"
    ).read_bytes()
    by_backend = grouped(ledger.read().entries, "backend")
    assert by_backend["modal"].actual_usd
    assert by_backend["local"].actual_usd == 0.0
    stages = {(one.backend, one.stage) for one in ledger.read().entries if one.kind is Kind.ACTUAL}
    assert {("modal", "sft"), ("local", "sft")} <= stages, "each of two equal runs is noted"
    assert launch(here, Launch(Where.LOCAL, ledger)).result["was_finished"] is True


def test_the_function_that_modal_gets_runs_by_local(world: Path, tmp_path: Path) -> None:
    modal = load_modal()
    _, function = train_function(modal, "H100", 600, [])
    asked = request(world, tmp_path / "out", Command.SFT)
    done = order(asked, 1).model_copy(update={"name": "done"})
    folder = tmp_path / "models" / "done"
    folder.mkdir(parents=True)
    (folder / ATTEMPTS).write_text('{"seconds": [5.0]}')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # modal's: no volume is mounted by .local()
        answer = function.local(done.model_dump_json(), str(tmp_path))
    assert answer["ending"] == "out_of_time"


def test_the_image_is_made_from_the_lock_and_torch_is_the_makefiles() -> None:
    modal = load_modal()
    assert image(modal) is not None
    makefile = (ROOT / "Makefile").read_text()
    assert f"TORCH := {names.TORCH}\n" in makefile
    locked = {
        line.split("==")[0].lower()
        for line in (ROOT / names.LOCK_FILE).read_text().splitlines()
        if "==" in line
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["training"]]
    missing = [one for one in wanted if re.split(r"[\[<>=]", one)[0].lower().replace("_", "-") not in locked]
    assert not missing, "make lock-training"


def test_bodies_and_requests_load_no_modal_and_no_torch() -> None:
    code = (
        "import sys, training.backends.bodies, training.backends.functions, training.backends.remote, "
        "training.backends.launching; print({'modal', 'torch', 'transformers'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_credentials_that_cannot_be_ones_are_told_at_once(tmp_path: Path) -> None:
    code = "from training.backends.modal_cloud import token_problem; print(token_problem())"
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    cases = {
        "token_id is not configured": {},
        "token_id does not begin with 'ak-'": {"MODAL_TOKEN_ID": "made-up", "MODAL_TOKEN_SECRET": "as-x"},
        "token_secret is not configured": {"MODAL_TOKEN_ID": "ak-x"},
    }
    for expected, more in cases.items():
        answer = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=bare | more,
            capture_output=True,
            text=True,
            check=True,
        )
        assert expected in answer.stdout
