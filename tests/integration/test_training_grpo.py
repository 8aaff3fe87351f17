"""GRPO on a tiny model that has learnt to write lists: one adapter, exact resume, alarms, orders. FICTIONAL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import TrainerControl, TrainerState, TrainingArguments

from corpus.errors import InvalidFile, InvalidInput
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Ratios, Split
from tests.tiny_models import encoder, random_model, with_lora
from training.alarms import Alarm, WatchRewards
from training.config import (
    Adapt,
    Alarms,
    Data,
    Experiment,
    Grpo,
    Lora,
    Precision,
    RewardWeights,
    Scoring,
    Stage,
)
from training.control import CONTROL, status_of
from training.dataset import OverLength, chains_of, prepare
from training.encoding import Encoder
from training.forecasting import start, weigh
from training.grpo import KeepBestReward, make_ready
from training.grpo_levels import ListJudge, fitting, list_levels
from training.grpo_model import join_adapters, policy_adapter
from training.inference import ProbabilityTreeInference
from training.local_engine import TransformersEngine
from training.models import ATTENTION, load_base, load_tokenizer, lora_config, with_adapter
from training.runfolder import (
    ALARMS,
    COMPLETE,
    METADATA,
    METRICS,
    SAMPLES,
    RunFolder,
    require_finished,
    write_json,
)
from training.stage_job import StageJob, StageName
from training.stages import run_stage
from training.synthetic import Recipe, write_synthetic

STAGE = Stage(epochs=1, batch=4, accumulation=1, learning_rate=1e-3, save_every=50, evaluate_every=50)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("synthetic") / "world"
    write_synthetic(folder, Recipe(24, (5,), depth=1), Ratios(train=0.7, validation=0.15, test=0.15))
    return read_snapshot(folder)


@pytest.fixture(scope="module")
def base() -> str:
    """The shipped model: it writes lists in the format."""
    return "tiny"


@pytest.fixture(scope="module")
def scored(snapshot: Snapshot, base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_stage(
        settings_for(base), StageName.SFT, snapshot, tmp_path_factory.mktemp("scored") / "run"
    ).folder.final


def settings_for(base: str, **grpo: Any) -> Experiment:
    fields = {"levels": 2, "lists": 4, "batch": 4, "save_every": 2, "evaluate_every": 4, "validation_levels": 4,
              "max_list_tokens": 100, "learning_rate": 5e-3, "max_steps": 4, "orders": 1} | grpo  # fmt: skip
    return Experiment(
        name="test", base=base, precision=Precision.FLOAT32, data=Data(max_tokens=1000), sft=STAGE,
        score=Scoring(batch=2, accumulation=1), lora=Lora(adapt=Adapt.LINEAR, rank=4, alpha=8),
        grpo=Grpo(**fields), sample_trees=0,
    )  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_result_is_one_adapter_that_loads_as_any_other(
    snapshot: Snapshot, base: str, scored: Path, tmp_path: Path
) -> None:
    settings = settings_for(base).model_copy(update={"sample_trees": 1})
    result = run_stage(settings, StageName.GRPO, snapshot, tmp_path / "grpo", scored)
    assert result.metadata["status"] == "finished"
    reports = lines(tmp_path / "grpo" / METRICS)
    steps = [line for line in reports if "kl" in line]
    assert len(steps) == 4
    for term in ("calibration", "sharpness", "diversity", "coherence"):
        assert all(0.0 <= line[f"rewards/{term}/mean"] <= 1.0 for line in steps)
    assert any(line["grad_norm"] > 0 for line in steps)
    assert any(line["rewards/coherence/mean"] > 0 for line in steps)
    assert steps[0]["letter_divergence"] == pytest.approx(0.0, abs=1e-6), (
        "the policy begins as the scored model"
    )
    validations = [line for line in reports if "eval_reward" in line]
    assert [line["step"] for line in validations] == [0, 4]
    assert all({"eval_log_loss", "eval_kl"} <= set(line) for line in validations)
    assert {line["step"] for line in lines(tmp_path / "grpo" / SAMPLES)} == {0, 4}
    assert status_of(tmp_path / "grpo").samples[0]["step"] == 4
    inference = ProbabilityTreeInference(base)
    inference.load_adapter(tmp_path / "grpo", "grpo")
    tensors = load_file(result.folder.final / "adapter_model.safetensors")
    ranks = {name.split(".")[-3]: value.shape[0] for name, value in tensors.items() if "lora_A" in name}
    assert {ranks[name] for name in ATTENTION} == {8}
    assert {ranks["up_proj"], ranks["down_proj"], ranks["gate_proj"]} == {4}
    assert run_stage(settings, StageName.GRPO, snapshot, tmp_path / "grpo", scored).was_finished


def grpo_command(config: Path, data: Path, parent: Path, out: Path) -> subprocess.Popen[bytes]:
    """`training grpo` as a user types it."""
    return subprocess.Popen(
        [sys.executable, "-m", "training.cli", "grpo", str(data), "--config", str(config), "--from", str(parent),
         "--out", str(out)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_killed_and_resumed_ends_with_the_same_weights(
    snapshot: Snapshot, base: str, scored: Path, tmp_path: Path
) -> None:
    """kill -9 after a checkpoint; the same command goes on to the same reports and bit-equal weights."""
    settings = settings_for(base, max_steps=6)
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    killed = RunFolder(tmp_path / "killed")
    process = grpo_command(tmp_path / "e.yaml", snapshot.folder, scored, killed.path)
    while process.poll() is None and not (killed.checkpoints / "checkpoint-2" / COMPLETE).exists():
        time.sleep(0.02)
    process.kill()
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()[-2000:]
    resumed = run_stage(settings, StageName.GRPO, snapshot, killed.path, scored)
    whole = run_stage(settings, StageName.GRPO, snapshot, tmp_path / "whole", scored)
    assert resumed.metadata["best_validation_reward"] == whole.metadata["best_validation_reward"]
    a, b = (load_file(RunFolder(folder).newest_checkpoint() / "adapter_model.safetensors")  # type: ignore[operator]
            for folder in (killed.path, tmp_path / "whole"))  # fmt: skip
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(bool(value.any()) for name, value in a.items() if "lora_B" in name), "nothing was learnt"
    told = [
        [
            (line["step"], line["loss"], line["reward"], line["kl"])
            for line in lines(folder / METRICS)
            if "kl" in line
        ]
        for folder in (killed.path, tmp_path / "whole")
    ]
    assert told[0] == told[1]


JOINED = {
    "dense": ("llama", Lora(adapt=Adapt.LINEAR, rank=6, alpha=9)),
    "attention": ("qwen3", Lora(rank=6, alpha=9)),
    "experts": ("gpt-oss", Lora(adapt=Adapt.EXPERTS, rank=4, alpha=6, expert_rank=2)),
}


@pytest.mark.parametrize("kind", JOINED)
def test_two_adapters_joined_say_what_the_two_in_sequence_say(kind: str, tmp_path: Path) -> None:
    """W + s1·B1·A1 + s2·B2·A2 to 1e-5 of the largest logit, in float32, with scales that are not 1."""
    family, lora = JOINED[kind]
    scored = lora_config(lora, random_model(family))
    assert scored is not None
    scored.init_lora_weights = False
    first = get_peft_model(random_model(family), scored)
    first.save_pretrained(tmp_path / "first")
    settings = policy_adapter(4)
    settings.lora_alpha, settings.init_lora_weights = 3, False
    second = get_peft_model(first.merge_and_unload(), settings)
    second.save_pretrained(tmp_path / "second")
    join_adapters(tmp_path / "first", tmp_path / "second", tmp_path / "joined")
    written = json.loads((tmp_path / "joined" / "adapter_config.json").read_text())
    write_json(tmp_path / "joined" / "adapter_config.json", written | {"base_model_name_or_path": family})
    assert (written["r"] == lora.rank + 4) is (kind == "attention")
    joined = with_adapter(random_model(family), tmp_path / "joined", family)
    tokens = torch.randint(0, 200, (2, 40))
    with torch.no_grad():
        wanted, found = second.eval()(input_ids=tokens).logits, joined.eval()(input_ids=tokens).logits
        plain = random_model(family).eval()(input_ids=tokens).logits
    assert (wanted - found).abs().max() < 1e-5 * wanted.abs().max()
    assert (wanted - plain).abs().max() > 0.1


def test_adapters_that_cannot_be_joined_are_refused(tmp_path: Path) -> None:
    with_lora(random_model("llama")).save_pretrained(tmp_path / "attention")
    get_peft_model(random_model("llama"), LoraConfig(r=2, target_modules=["up_proj"])).save_pretrained(
        tmp_path / "dense"
    )
    with pytest.raises(InvalidInput, match=r"dense adapts .*up_proj, which .*attention does not"):
        join_adapters(tmp_path / "attention", tmp_path / "dense", tmp_path / "out")
    with pytest.raises(InvalidFile, match="holds no adapter"):
        join_adapters(tmp_path, tmp_path / "dense", tmp_path / "out")


def test_what_cannot_be_trained_is_said_before_anything_runs(
    snapshot: Snapshot, base: str, scored: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="GRPO starts from a scored model"):
        run_stage(settings_for(base), StageName.GRPO, snapshot, tmp_path / "a")
    bad = settings_for(base, rewards=RewardWeights(calibration=0.0, sharpness=0.0))
    with pytest.raises(
        InvalidInput, match=r"With grpo.rewards .*'.*' earns at least as much as an honest one"
    ):
        run_stage(bad, StageName.GRPO, snapshot, tmp_path / "b", scored)
    with pytest.raises(
        InvalidInput, match=r"levels leave no room for a list of 990 tokens within max_tokens 1000"
    ):
        run_stage(settings_for(base, max_list_tokens=990), StageName.GRPO, snapshot, tmp_path / "c", scored)
    chains = list(chains_of(snapshot, Split.TRAIN))
    found = list(list_levels(chains, encoder(), 4, 0, 0))
    longest = max(len(level.prompt) for level in found)
    kept, left_out = fitting(found, longest + 9, 10)
    assert set(left_out.values()) == {longest + 10}
    assert len(kept) + len(left_out) == len(found)


def test_the_divergence_bound_ends_the_stage_with_weights_that_were_validated(
    snapshot: Snapshot, base: str, scored: Path, tmp_path: Path
) -> None:
    settings = settings_for(base, learning_rate=0.5, max_steps=8, evaluate_every=1, kl_bound=0.01)
    result = run_stage(settings, StageName.GRPO, snapshot, tmp_path / "run", scored)
    assert result.metadata["ended_by"] == "alarm kl"
    assert result.metadata["steps"] < 8
    alarm = lines(tmp_path / "run" / ALARMS)[-1]
    assert (alarm["alarm"], alarm["action"]) == ("kl", "stop")
    assert "over kl_bound 0.01" in status_of(tmp_path / "run").alarms[-1]["message"]
    reports = lines(tmp_path / "run" / METRICS)
    allowed = reports[0]["eval_log_loss"] + settings.grpo.log_loss_rise
    assert result.metadata["best_validation_log_loss"] <= allowed


def test_an_order_ends_the_stage_and_is_told(
    snapshot: Snapshot, base: str, scored: Path, tmp_path: Path
) -> None:
    write_json(tmp_path / CONTROL, {"order": "skip"})
    result = run_stage(settings_for(base), StageName.GRPO, snapshot, tmp_path, scored)
    assert (result.metadata["ended_by"], result.metadata["steps"]) == ("skip", 1)
    assert not (tmp_path / CONTROL).exists()
    assert require_finished(tmp_path) == tmp_path / "final"


def test_a_scored_model_with_all_weights_trained_is_published_whole(
    snapshot: Snapshot, base: str, tmp_path: Path
) -> None:
    write_json(tmp_path / CONTROL, {"order": "skip"})
    settings = settings_for(base).model_copy(update={"lora": Lora(adapt=Adapt.FULL)})
    result = run_stage(settings, StageName.GRPO, snapshot, tmp_path, Path(base))
    assert (result.folder.final / "model.safetensors").is_file()
    inference = ProbabilityTreeInference(base)
    inference.load_adapter(tmp_path, "whole")
    assert inference.engine.encoder.end == encoder().end


def report(**changed: float) -> dict[str, float]:
    return {
        "kl": 0.01,
        "entropy": 2.0,
        "frac_reward_zero_std": 0.2,
        "completions/clipped_ratio": 0.1,
    } | changed


@pytest.mark.parametrize(
    ("alarm", "signs", "after", "stops"),
    [
        (Alarm.REWARD_DEVIATION, {"frac_reward_zero_std": 1.0}, 3, False),
        (Alarm.ENTROPY, {"entropy": 0.19}, 3, True),
        (Alarm.CLIPPED, {"completions/clipped_ratio": 0.6}, 3, False),
        (Alarm.KL, {"kl": 0.2}, 3, True),
        (Alarm.KL, {"kl": 9.0}, 1, True),
    ],
)
def test_each_alarm_is_raised_once_and_acts_as_configured(
    alarm: Alarm, signs: dict[str, float], after: int, stops: bool, tmp_path: Path
) -> None:
    actions = {name: action.value for name, action in Alarms() if name != "steps"}
    watch = WatchRewards(tmp_path, actions, 3, 0.15)
    state, control = TrainerState(), TrainerControl()
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    watch.on_log(args, state, control, logs=report())
    for step in range(1, 6):
        state.global_step = step
        watch.on_log(args, state, control, logs=report(**signs))
        raised = (tmp_path / ALARMS).exists()
        assert raised == (step >= after)
    assert [line["alarm"] for line in lines(tmp_path / ALARMS)] == [alarm.value]
    assert control.should_training_stop is stops
    assert watch.stopped_by == (f"alarm {alarm.value}" if stops else None)
    again = WatchRewards.from_state(json.loads(json.dumps(watch.state())))
    assert again.in_a_row == watch.in_a_row


def test_letters_that_lists_have_moved_are_drawn_back(
    snapshot: Snapshot, base: str, scored: Path, tmp_path: Path
) -> None:
    job = StageJob(settings_for(base), StageName.GRPO, snapshot, RunFolder(tmp_path / "run"), scored)
    own = Encoder(load_tokenizer(base))
    train, validation = (
        prepare(snapshot, split, own, 1000, OverLength.ERROR) for split in (Split.TRAIN, Split.VALIDATION)
    )
    trainer = make_ready(job, own, train, validation).trainer
    assert trainer.letters_moved(trainer.model, 0).item() == pytest.approx(0.0, abs=1e-6)
    policy = [p for p in trainer.model.parameters() if p.requires_grad]
    torch.manual_seed(0)
    for parameter in policy:
        parameter.data += 0.05 * torch.randn_like(parameter)
    before = trainer.letters_moved(trainer.model, 0)
    before.backward()
    norm = torch.cat([p.grad.flatten() for p in policy if p.grad is not None]).norm()
    for parameter in policy:
        if parameter.grad is not None:
            parameter.data -= 0.1 * before.item() / norm**2 * parameter.grad
    assert 0.0 < trainer.letters_moved(trainer.model, 0).item() < 0.97 * before.item()
    other = trainer.held.batch(1)["input_ids"]
    assert other.shape != trainer.held.batch(0)["input_ids"].shape or not torch.equal(
        other, trainer.held.batch(0)["input_ids"]
    )
    assert torch.equal(other, trainer.held.batch(1)["input_ids"]), "a resumed step reads the same dialogues"


def test_weights_whose_given_log_loss_rose_are_not_kept(tmp_path: Path) -> None:
    keep = KeepBestReward(tmp_path, None, 0.02)
    assert keep.worth({"eval_log_loss": 1.0, "eval_reward": 0.5}) == 0.5
    assert keep.worth({"eval_log_loss": 1.021, "eval_reward": 0.9}) is None
    assert keep.worth({"eval_log_loss": 1.019, "eval_reward": 0.9}) == 0.9
    assert KeepBestReward.from_state(json.loads(json.dumps(keep.state()))).scored_log_loss == 1.0


def test_lists_earn_what_the_scored_models_letters_say(snapshot: Snapshot, base: str) -> None:
    """The letters are those of a plain weighing; a broken answer is an empty list."""
    engine = TransformersEngine(load_base(base, Precision.FLOAT32), encoder().tokenizer)
    chain = next(c for c in chains_of(snapshot, Split.TRAIN) if c.case.outcomes[0].event is not None)
    level = next(list_levels([chain], encoder(), 4, 0, 0))
    judge = ListJudge([level], engine, 2, 7)
    texts = level.asked.candidates[:4]
    whole = [
        *encoder().lines("".join(f"{'ABCD'[k]}) {text}\n" for k, text in enumerate(texts))),
        encoder().end,
    ]
    good, cut = judge.rewards([level.key] * 2, [whole, whole[:-3]])
    case = chain.case
    history = start(
        encoder(),
        case.seed_event,
        [f.text for f in case.context],
        case.seed_date.last_day,
        case.horizon_months,
    )
    assert history == level.prompt
    p = weigh(engine, history, texts, case.horizon_months, 2, 7).probabilities
    happened = level.asked.happened
    brier = sum((share - (k == happened)) ** 2 for k, share in enumerate(p[:-1]))
    brier += 3 * (happened not in range(4))
    assert good.calibration == pytest.approx(1 - brier / 4, abs=1e-6)
    assert (good.coherence, good.diversity) == (1.0, 1.0)
    assert (cut.coherence, cut.calibration, cut.hit) == (0.0, 0.25, False)
    assert not (RunFolder(Path(base)).path / METADATA).exists()
