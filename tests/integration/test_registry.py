"""The registry on disk: what it takes, damage, crashes, several writers. FICTIONAL runs."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from corpus.errors import DiskFull, InvalidFile, InvalidInput, NotFound, StoreBusy
from tests.forecasts import hedging, honest, make_snapshot
from tests.registry_runs import answers, finished_run, write
from training.registry.backup import restore_backup, write_backup
from training.registry.files import check_safetensors
from training.registry.promotion import promote
from training.registry.pruning import children, parent_name, prunable, prune
from training.registry.publishing import Target, push
from training.registry.records import EventKind
from training.registry.registering import register_run
from training.registry.store import RECORD, Registry, find_model
from training.runfolder import CALIBRATION, METADATA


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_snapshot(tmp_path_factory.mktemp("snapshot") / "fictional", count=90)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_a_run_is_taken_whole_with_its_lineage_and_only_once(registry: Registry, tmp_path: Path) -> None:
    first = finished_run(tmp_path / "sft", 1)
    second = finished_run(tmp_path / "score", 2, stage="score", parent=first, temperature=1.3)
    sft, score = register_run(registry, first, "first"), register_run(registry, second)
    assert score.name.startswith("fictional-score-")
    assert (score.base, score.adapter, score.commit, score.snapshot) == (
        "Fictional/base-1B",
        True,
        "abc1234",
        "5" * 64,
    )
    assert parent_name(registry.models(), score) == "first"
    assert children(registry.models(), sft) == [score.name]
    assert parent_name(registry.models(), sft) is None
    assert [model.name for model in registry.models()] == [score.name, "first"]
    weights = registry.verified(score.name)
    assert (weights / CALIBRATION).is_file()
    before = {path: path.stat().st_mtime_ns for path in registry.folder.rglob("*") if path.is_file()}
    assert register_run(registry, second) == score
    assert before == {path: path.stat().st_mtime_ns for path in registry.folder.rglob("*") if path.is_file()}
    with pytest.raises(InvalidInput, match="stands in the registry already"):
        register_run(registry, second, "another")
    with pytest.raises(InvalidInput, match="holds another model 'first'"):
        register_run(registry, finished_run(tmp_path / "third", 3), "first")


def test_a_skipped_stage_is_not_its_own_parent(registry: Registry, tmp_path: Path) -> None:
    """Its weights are its parent's; its calibration is its own."""
    first = finished_run(tmp_path / "sft", 1, temperature=1.0)
    skipped = finished_run(tmp_path / "score", 1, stage="score", parent=first, temperature=1.1)
    register_run(registry, first, "first")
    record = register_run(registry, skipped, "skipped")
    assert record.content == registry.model("first").content
    assert parent_name(registry.models(), record) == "first"
    assert children(registry.models(), record) == []
    assert prunable(registry, 0) == registry.models()


def test_a_model_is_found_by_name_by_folder_or_as_the_one_in_use(registry: Registry, tmp_path: Path) -> None:
    run = finished_run(tmp_path / "sft", 1)
    register_run(registry, run, "first")
    assert find_model("first", registry) == registry.place("first") / "weights"
    assert find_model(str(run), registry) == run / "final"
    with pytest.raises(NotFound, match=r"No model of the registry .* was promoted yet"):
        find_model("current", registry)
    promote(registry, "first", force=True, reason="to begin with")
    assert find_model("current", registry) == find_model("first", registry)
    with pytest.raises(NotFound, match="'sceond' is neither a folder nor a model"):
        find_model("sceond", registry)
    with pytest.raises(NotFound, match=r"No model 'x' in the registry .* \(first\)"):
        registry.model("x")


def test_only_safetensors_and_texts_come_in(registry: Registry, tmp_path: Path) -> None:
    for name, content in (
        ("pytorch_model.bin", pickle.dumps([1])), ("code.py", b"print(1)"), ("more.safetensors", pickle.dumps([1]))
    ):  # fmt: skip
        run = finished_run(tmp_path / name)
        (run / "final" / name).write_bytes(content)
        with pytest.raises(InvalidFile, match=r"neither safetensors nor JSON|is no safetensors file"):
            register_run(registry, run)
    linked = finished_run(tmp_path / "linked")
    (linked / "final" / "extra.json").symlink_to("/etc/hostname")
    with pytest.raises(InvalidFile, match="is a link"):
        register_run(registry, linked)
    altered = finished_run(tmp_path / "altered")
    write(altered / "final" / "adapter_config.json", {"r": 5})
    with pytest.raises(InvalidFile, match=r"adapter_config\.json was cut or altered"):
        register_run(registry, altered)
    unfinished = finished_run(tmp_path / "unfinished")
    (unfinished / METADATA).unlink()
    with pytest.raises(InvalidInput, match="is not finished"):
        register_run(registry, unfinished)
    with pytest.raises(InvalidInput, match="holds no run"):
        register_run(registry, tmp_path)
    assert registry.models() == []


@settings(max_examples=40)
@drawn(st.data())
def test_a_safetensors_file_cut_anywhere_is_seen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    whole = finished_run(folder / "run") / "final" / "adapter_model.safetensors"
    check_safetensors(whole)
    content = whole.read_bytes()
    part = folder / "part.safetensors"
    part.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(InvalidFile, match=r"was cut|is no safetensors"):
        check_safetensors(part)


def test_damage_is_named_before_the_model_is_used(registry: Registry, tmp_path: Path) -> None:
    register_run(registry, finished_run(tmp_path / "run"), "first")
    promote(registry, "first", force=True, reason="to begin with")
    path = registry.place("first") / "weights" / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for use in (
        lambda: find_model("current", registry),
        lambda: write_backup(registry, tmp_path / "backup.zip"),
        lambda: promote(registry, "first"),
    ):
        with pytest.raises(InvalidFile, match=r"adapter_model\.safetensors was altered or cut"):
            use()
    assert not (tmp_path / "backup.zip").exists()
    (registry.place("first") / RECORD).write_text("{}")
    with pytest.raises(InvalidFile, match=r"model\.json is damaged"):
        registry.models()


def test_prune_spares_the_newest_the_promoted_and_their_ancestors(registry: Registry, tmp_path: Path) -> None:
    runs: dict[str, Path] = {}
    for k, (name, parent) in enumerate(
        {"root": None, "mid": "root", "leaf": "mid", "old": None, "new": None}.items()
    ):
        runs[name] = finished_run(tmp_path / name, k, parent=runs.get(parent or ""))
        register_run(registry, runs[name], name)
    assert [model.name for model in prunable(registry, 1)] == ["old", "leaf", "mid", "root"]
    promote(registry, "leaf", force=True, reason="trial")
    assert [model.name for model in prunable(registry, 1)] == ["old"]
    assert [model.name for model in prune(registry, 1)] == ["old"]
    assert {model.name for model in registry.models()} == {"root", "mid", "leaf", "new"}
    assert (registry.history()[-1].kind, registry.history()[-1].model) == (EventKind.REMOVED, "old")
    assert registry.current == "leaf"
    with pytest.raises(InvalidInput, match="was the name of a model that was removed"):
        register_run(registry, runs["old"], "old")


def test_a_backup_brings_everything_back(registry: Registry, snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing to back up"):
        write_backup(registry, tmp_path / "b.zip")
    register_run(
        registry, finished_run(tmp_path / "a"), "a", answers(snapshot, tmp_path / "of_a", honest, hedging)
    )
    promote(registry, "a")
    assert write_backup(registry, tmp_path / "b.zip") == 1
    with pytest.raises(InvalidInput, match="exists already"):
        write_backup(registry, tmp_path / "b.zip")
    back = Registry(tmp_path / "back")
    assert restore_backup(tmp_path / "b.zip", back) == 1
    assert back.models() == registry.models()
    assert back.history() == registry.history()
    assert back.verified("current").is_dir()
    assert back.checked_evaluation("a", back.evaluations("a")[0])
    with pytest.raises(InvalidInput, match="is not empty"):
        restore_backup(tmp_path / "b.zip", back)


def test_a_backup_that_was_cut_altered_or_made_to_escape_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    register_run(registry, finished_run(tmp_path / "a"), "a")
    write_backup(registry, tmp_path / "b.zip")
    content = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    altered = content.replace(b"Fictional/base-1B", b"Fictional/base-9B", 1)
    (tmp_path / "altered.zip").write_bytes(altered)
    for name, place in (("escape", "../../escaped"), ("absolute", "/tmp/escaped"), ("foreign", "etc/x")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as made:
            made.writestr(place, "x")
            made.writestr("manifest.json", json.dumps({"files": {place: "0"}}))
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as made:
        made.writestr("x", "x")
    for name in ("cut", "altered", "escape", "absolute", "foreign", "empty", "missing"):
        with pytest.raises(InvalidFile, match=f"{name}.zip"):
            restore_backup(tmp_path / f"{name}.zip", Registry(tmp_path / "back"))
        assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".back*"))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInput, match=r"file.* cannot be written \("):
            register_run(Registry(place), finished_run(tmp_path / f"run{place.name}"))


def test_a_full_disk_leaves_everything_as_it_was(registry: Registry, tmp_path: Path) -> None:
    """/dev/full answers every write with "no space left on device"."""
    register_run(registry, finished_run(tmp_path / "run"), "a")
    (registry.folder / "history.jsonl.partial").symlink_to("/dev/full")
    (tmp_path / "b.zip.partial").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"No space is left where .*models lies; nothing was changed"):
        promote(registry, "a", force=True, reason="trial")
    with pytest.raises(DiskFull, match="No space is left"):
        write_backup(registry, tmp_path / "b.zip")
    (registry.folder / "history.jsonl.partial").unlink()
    assert registry.history() == []
    assert not (tmp_path / "b.zip").exists()
    assert promote(registry, "a", force=True, reason="trial").model == "a"


def test_an_adapter_on_a_folder_of_this_machine_is_not_published(
    registry: Registry, snapshot: Path, tmp_path: Path
) -> None:
    here = finished_run(tmp_path / "here", base={"name": "/home/ada/base", "hash": "b" * 64})
    register_run(registry, here, "here")
    register_run(registry, finished_run(tmp_path / "hub", 1), "hub")
    with pytest.raises(InvalidInput, match="on this machine only; merge it"):
        push(registry, "here", Target("ada/x", "hf_FICTIONAL"))
    with pytest.raises(InvalidInput, match="no model card; add its forecasts"):
        push(registry, "hub", Target("ada/x", "hf_FICTIONAL"))


ROOT = Path(__file__).parents[2]


def python(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


ADD = """
import sys
from pathlib import Path
from training.registry.registering import register_run
from training.registry.promotion import promote
from training.registry.store import Registry
registry = Registry(Path(sys.argv[1]))
for run in sys.argv[2:]:
    name = Path(run).name
    register_run(registry, Path(run), name)
    promote(registry, name, force=True, reason="trial")
"""


def test_several_writers_lose_nothing(registry: Registry, tmp_path: Path) -> None:
    runs = [str(finished_run(tmp_path / f"run{k}", k)) for k in range(12)]
    writers = [python(ADD, str(registry.folder), *runs[k::3]) for k in range(3)]
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 0, said
    assert {model.name for model in registry.models()} == {Path(run).name for run in runs}
    assert sorted(event.model for event in registry.history()) == sorted(Path(run).name for run in runs)
    assert [event.number for event in registry.history()] == list(range(1, 13))


HOLD = """
import sys, time
from pathlib import Path
from training.registry.store import Registry
with Registry(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_writer_that_waits_too_long_says_so_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    register_run(Registry(tmp_path / "models"), finished_run(tmp_path / "a"), "a")
    holder = python(HOLD, str(tmp_path / "models"))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    hasty = Registry(tmp_path / "models", wait_s=0.1)
    with pytest.raises(StoreBusy, match="held by another process"):
        promote(hasty, "a", force=True, reason="trial")
    assert [model.name for model in hasty.models()] == ["a"]
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert promote(hasty, "a", force=True, reason="trial").model == "a"


SLOW = """
import sys, time
from pathlib import Path
from training.registry.registering import register_run
from training.registry.store import Registry
def advance(count):
    print("copying", flush=True)
    time.sleep(30)
register_run(Registry(Path(sys.argv[1])), Path(sys.argv[2]), "a", advance=advance)
"""


def test_killed_while_copying_leaves_no_model_and_the_next_writer_sweeps(
    registry: Registry, tmp_path: Path
) -> None:
    run = finished_run(tmp_path / "run")
    writer = python(SLOW, str(registry.folder), str(run))
    assert writer.stdout is not None
    assert writer.stdout.readline() == "copying\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    assert registry.models() == []
    assert list((registry.folder / "models").glob(".a"))
    began = time.monotonic()
    assert register_run(registry, run, "a").name == "a"
    assert time.monotonic() - began < 5
    assert [path.name for path in (registry.folder / "models").iterdir()] == ["a"]
