"""Stages on a tiny random model: exact resume, early stopping, damage, disks, other bases. FICTIONAL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from corpus.errors import DiskFull, InvalidFile, InvalidInput, NotFound, SnapshotError
from corpus.snapshot import Snapshot, SnapshotInfo, read_snapshot, write_snapshot
from corpus.splits import Ratios
from tests.tiny_models import encoder, random_model
from training.config import Adapt, Data, Experiment, Lora, Precision, Scoring, Stage
from training.control import CONTROL, Order, RunState, give_order, status_of
from training.forecasting import start, weigh
from training.inference import ProbabilityTreeInference
from training.models import load_base, with_adapter
from training.runfolder import COMPLETE, METADATA, METRICS, RunFolder, require_finished, write_json
from training.stage_job import StageName
from training.stages import disk_is_full, run_stage
from training.synthetic import Recipe, synthetic_cases, write_synthetic

RATIOS = Ratios(train=0.7, validation=0.15, test=0.15)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("synthetic") / "world"
    write_synthetic(folder, Recipe(24, (5,), depth=2), RATIOS)
    return read_snapshot(folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("base")
    random_model("llama").save_pretrained(folder)
    encoder().tokenizer.save_pretrained(folder)
    return str(folder)


def experiment(base: str, **stage: object) -> Experiment:
    fields = {"epochs": 2, "batch": 2, "accumulation": 2, "save_every": 3, "evaluate_every": 3,
              "learning_rate": 1e-2} | stage  # fmt: skip
    return Experiment(
        name="test", base=base, precision=Precision.FLOAT32, data=Data(max_tokens=1000), sample_trees=0,
        lora=Lora(rank=4, alpha=8), sft=Stage(**fields),  # type: ignore[arg-type]
        score=Scoring(epochs=1, batch=2, accumulation=1, save_every=50, evaluate_every=4, learning_rate=1e-2),
    )  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "final" / "adapter_model.safetensors")


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def test_a_stage_leaves_a_whole_folder_and_a_second_call_does_nothing(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    out = tmp_path / "sft"
    first = run_stage(experiment(base), StageName.SFT, snapshot, out)
    assert first.metadata["status"] == "finished"
    assert first.metadata["splits"]["train"]["cases"] == len(snapshot.splits.train)
    names = {key for line in lines(out) for key in line}
    assert {"propose_loss", "weigh_loss", "when_loss", "eval_log_loss", "eval_when_loss"} <= names
    losses = [line["eval_log_loss"] for line in lines(out) if "eval_log_loss" in line]
    assert min(losses) == pytest.approx(first.metadata["best_validation_log_loss"])
    assert not [path for path in (out / "final").iterdir() if path.suffix in (".bin", ".pt", ".pth")]
    changed = (out / METADATA).stat().st_mtime_ns
    again = run_stage(experiment(base), StageName.SFT, snapshot, out)
    assert again.was_finished
    assert (out / METADATA).stat().st_mtime_ns == changed
    with pytest.raises(InvalidInput, match="another config"):
        run_stage(experiment(base, epochs=1), StageName.SFT, snapshot, out)
    scored = run_stage(experiment(base), StageName.SCORE, snapshot, tmp_path / "score", require_finished(out))
    assert set(weights(tmp_path / "score")) == set(weights(out))
    assert scored.metadata["steps"] > 0


def test_an_adapter_goes_on_without_its_base_being_looked_up(snapshot: Snapshot, tmp_path: Path) -> None:
    """peft asks the hub whether `tiny` has the vocabulary it had; offline it warns, and a warning is an error here."""
    settings = experiment("tiny", epochs=1, max_steps=1, evaluate_every=1)
    first = run_stage(settings, StageName.SFT, snapshot, tmp_path / "sft").folder
    settings = settings.model_copy(update={"score": settings.sft})
    scored = run_stage(settings, StageName.SCORE, snapshot, tmp_path / "score", first.final).folder
    named = json.loads((scored.final / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == "tiny"


def stage_command(
    stage: StageName, config: Path, data: Path, out: Path, *more: str
) -> subprocess.Popen[bytes]:
    """`training sft` or `score` as a user types it."""
    words = [stage.value, str(data), "--config", str(config), "--out", str(out), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "training.cli", *words],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("stage", [StageName.SFT, StageName.SCORE])
def test_killed_and_resumed_ends_with_the_same_weights(
    stage: StageName, snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    """kill -9 after a checkpoint; the same settings go on to bit-equal weights and the same reports."""
    settings = experiment(base, epochs=6, save_every=4, evaluate_every=8)
    settings = settings.model_copy(
        update={"score": settings.sft.model_copy(update={"loss": settings.score.loss})}
    )
    parent, more = None, []
    if stage is StageName.SCORE:
        short = experiment(base, max_steps=2)
        parent = run_stage(short, StageName.SFT, snapshot, tmp_path / "parent").folder.final
        more = ["--from", str(parent)]
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    killed = RunFolder(tmp_path / "killed")
    process = stage_command(stage, tmp_path / "test.yaml", snapshot.folder, killed.path, *more)
    while process.poll() is None and not (killed.checkpoints / "checkpoint-4" / COMPLETE).exists():
        time.sleep(0.02)
    process.kill()
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()[-2000:]
    assert not (killed.path / METADATA).exists()
    resumed = run_stage(settings, stage, snapshot, killed.path, parent)
    whole = run_stage(settings, stage, snapshot, tmp_path / "whole", parent)
    assert resumed.metadata["best_validation_log_loss"] == whole.metadata["best_validation_log_loss"]
    a, b = weights(tmp_path / "whole"), weights(killed.path)
    assert all(torch.equal(a[name], b[name]) for name in a)
    validations = [
        [(line["step"], line["eval_log_loss"]) for line in lines(folder) if "eval_log_loss" in line]
        for folder in (tmp_path / "whole", killed.path)
    ]
    assert validations[0] == validations[1]


def test_a_damaged_checkpoint_is_named_and_an_unmarked_one_does_not_count(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    settings = experiment(base, max_steps=6, evaluate_every=6)
    run_stage(settings, StageName.SFT, snapshot, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    (folder.path / METADATA).unlink()
    newest = folder.newest_checkpoint()
    assert newest is not None
    assert newest.name == "checkpoint-6"
    shutil.copytree(newest, folder.checkpoints / "checkpoint-9")
    (folder.checkpoints / "checkpoint-9" / COMPLETE).unlink()
    assert folder.newest_checkpoint() == newest
    cut = newest / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:100])
    with pytest.raises(InvalidFile, match=r"checkpoint-6/adapter_model.safetensors was cut or altered"):
        run_stage(settings, StageName.SFT, snapshot, folder.path)


def test_training_stops_when_validation_no_longer_improves(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    settings = experiment(base, epochs=8, learning_rate=2.0, evaluate_every=1, patience=2, save_every=50)
    result = run_stage(settings, StageName.SFT, snapshot, tmp_path / "run")
    assert result.metadata["steps"] == result.metadata["best_step"] + 2
    assert result.metadata["steps"] < 8 * 4


def test_a_full_disk_ends_in_one_sentence(snapshot: Snapshot, base: str, tmp_path: Path) -> None:
    """/dev/full answers every write with "no space left on device"."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / METRICS).symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"No space is left where .* goes on from the last checkpoint"):
        run_stage(experiment(base), StageName.SFT, snapshot, tmp_path / "run")


def test_a_full_disk_is_known_by_what_each_writer_says(tmp_path: Path) -> None:
    """safetensors' message as it was seen on a full disk; PyTorch's from a file that takes nothing."""
    said = "Error while serializing: I/O error: No space left on device (os error 28)"
    assert disk_is_full(SafetensorError(said), 1 << 30)
    (tmp_path / "optimizer.pt").symlink_to("/dev/full")
    with pytest.raises(RuntimeError) as cut:
        torch.save({"state": torch.zeros(100_000)}, tmp_path / "optimizer.pt")
    assert disk_is_full(cut.value, 4096)
    assert not disk_is_full(cut.value, 1 << 30)
    assert not disk_is_full(ValueError("a wrong shape"), 0)


def test_a_truncated_final_model_is_refused(snapshot: Snapshot, base: str, tmp_path: Path) -> None:
    run_stage(experiment(base, max_steps=1), StageName.SFT, snapshot, tmp_path / "run")
    cut = tmp_path / "run" / "final" / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:50])
    with pytest.raises(InvalidFile, match=r"adapter_model.safetensors was cut or altered .*; train it anew"):
        require_finished(tmp_path / "run")
    with pytest.raises(InvalidFile, match=r"adapter_model.safetensors was cut or altered"):
        ProbabilityTreeInference(base).load_adapter(tmp_path / "run")


def test_a_case_without_alternatives_is_named(base: str, tmp_path: Path) -> None:
    """Nothing can be weighed where there is only what happened; if no case is left, the split says why."""
    bare = []
    for case in synthetic_cases(Recipe(5)):
        only = [
            o.model_copy(update={"candidates": tuple(c for c in o.candidates if c.happened)})
            for o in case.outcomes
        ]
        bare.append(case.model_copy(update={"outcomes": tuple(only)}))
    write_snapshot(tmp_path / "bare", bare, SnapshotInfo({}, synthetic=True))
    with pytest.raises(
        InvalidInput, match=r"Split train holds no usable case \(depth 1: it has no alternative"
    ):
        run_stage(experiment(base), StageName.SFT, read_snapshot(tmp_path / "bare"), tmp_path / "run")


def test_an_adapter_for_another_base_is_refused(snapshot: Snapshot, base: str, tmp_path: Path) -> None:
    run_stage(experiment(base, max_steps=1), StageName.SFT, snapshot, tmp_path / "run")
    other = tmp_path / "other"
    random_model("qwen3").save_pretrained(other)
    with pytest.raises(InvalidInput, match=r"was trained on .*, not on .*other"):
        with_adapter(load_base(str(other), Precision.FLOAT32), tmp_path / "run" / "final", str(other))


def test_an_adapter_is_not_put_on_a_base_that_has_changed(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    mine = str(shutil.copytree(base, tmp_path / "base"))
    final = run_stage(experiment(mine, max_steps=1), StageName.SFT, snapshot, tmp_path / "run").folder.final
    ProbabilityTreeInference().load_adapter(final)
    settings = json.loads((tmp_path / "base" / "config.json").read_text()) | {"rms_norm_eps": 0.5}
    (tmp_path / "base" / "config.json").write_text(json.dumps(settings))
    with pytest.raises(
        InvalidInput, match=r"The files of the base .* have changed since .* was trained on it; bring"
    ):
        ProbabilityTreeInference().load_adapter(final)
    with pytest.raises(InvalidInput, match="have changed since"):
        run_stage(experiment(mine), StageName.SCORE, snapshot, tmp_path / "score", final)


def test_what_does_not_fit_is_said_before_the_first_step(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    settings = experiment(base)
    long = settings.model_copy(update={"data": Data(max_tokens=60)})
    with pytest.raises(InvalidInput, match=r"dialogues are over the limit of 60 tokens: c[0-9a-f]+ \("):
        run_stage(long, StageName.SFT, snapshot, tmp_path / "long")
    experts = settings.model_copy(update={"lora": Lora(adapt=Adapt.EXPERTS)})
    with pytest.raises(InvalidInput, match="LlamaForCausalLM has no fused experts"):
        run_stage(experts, StageName.SFT, snapshot, tmp_path / "experts")
    missing = settings.model_copy(update={"base": str(tmp_path / "nowhere")})
    with pytest.raises(InvalidInput, match="nowhere' cannot be loaded"):
        run_stage(missing, StageName.SFT, snapshot, tmp_path / "missing")
    empty = tmp_path / "empty"
    bare = [case.model_copy(update={"outcomes": ()}) for case in synthetic_cases(Recipe(5))]
    write_snapshot(empty, bare, SnapshotInfo({}, synthetic=True))
    with pytest.raises(InvalidInput, match="Split train holds no usable case"):
        run_stage(settings, StageName.SFT, read_snapshot(empty), tmp_path / "none")


def test_a_snapshot_that_was_altered_is_refused(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "world", Recipe(5))
    with (tmp_path / "world" / "cases.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(SnapshotError, match="does not match its manifest"):
        read_snapshot(tmp_path / "world")


def test_experts_are_adapted_saved_and_loaded_with_their_own_rank(snapshot: Snapshot, tmp_path: Path) -> None:
    """gpt-oss's shape: LoRA on attention and on fused experts, gradient checkpointing, then a forecast."""
    base = tmp_path / "gpt-oss"
    random_model("gpt-oss").save_pretrained(base)
    encoder().tokenizer.save_pretrained(base)
    settings = experiment(str(base), max_steps=8, evaluate_every=1, learning_rate=3e-2).model_copy(
        update={
            "lora": Lora(adapt=Adapt.EXPERTS, rank=4, alpha=8, expert_rank=2),
            "gradient_checkpointing": True,
        }
    )
    done = run_stage(settings, StageName.SFT, snapshot, tmp_path / "run")
    assert done.metadata["best_step"], "the start would be kept, and with it the base's forecasts"
    stored = weights(tmp_path / "run")
    ranks = {
        name.split(".lora_")[0].rsplit(".", 2)[-1]: value.shape
        for name, value in stored.items()
        if "lora_A" in name
    }
    assert {shape[0] for name, shape in ranks.items() if name.endswith("_proj")} == {4}
    assert {shape[0] for name, shape in ranks.items() if not name.endswith("_proj")} == {2 * 4}, ranks
    plain, tuned = (ProbabilityTreeInference(str(base)) for _ in range(2))
    plain.load_adapter(None)
    tuned.load_adapter(tmp_path / "run", "tuned")
    history = start(tuned.engine.encoder, "Sale of the mine in Velo Tari", (), date(1950, 1, 1), 24)
    texts = ["Ban of the mint in Velo Tari", "Lease of the canal in Velo Tari"]
    before, after = (weigh(i.engine, history, texts, 24, 1, 0).probabilities for i in (plain, tuned))
    assert before != pytest.approx(after, abs=1e-4)


def test_a_run_is_paused_resumed_and_stopped_from_outside(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    settings = experiment(base, save_every=50)
    whole = run_stage(settings, StageName.SFT, snapshot, tmp_path / "whole")
    folder = tmp_path / "paused"
    folder.mkdir()
    write_json(folder / CONTROL, {"order": "pause"})
    paused = run_stage(settings, StageName.SFT, snapshot, folder)
    assert paused.metadata == {"status": "paused", "steps": 1}
    found = status_of(folder)
    assert (found.state, found.checkpoint, found.ordered) == (RunState.UNFINISHED, 1, None)
    resumed = run_stage(settings, StageName.SFT, snapshot, folder)
    assert resumed.metadata["best_validation_log_loss"] == whole.metadata["best_validation_log_loss"]
    with pytest.raises(InvalidFile, match="is finished; there is nothing to stop"):
        give_order(folder, Order.STOP)
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    write_json(stopped / CONTROL, {"order": "stop"})
    assert run_stage(settings, StageName.SFT, snapshot, stopped).metadata["steps"] == 1
    assert (stopped / "final" / "manifest.json").is_file()
    with pytest.raises(NotFound, match="holds no run"):
        status_of(tmp_path)
    (tmp_path / "all").mkdir()
    stopped.rename(tmp_path / "all" / "sft")
    assert status_of(tmp_path / "all").ended_by == "stop"
