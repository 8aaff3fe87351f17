"""Plans: parameters, memory against what autograd keeps, work, prices, refusals and caps. FICTIONAL dialogues."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import torch

from corpus.errors import InvalidFile, InvalidInput, MissingExtra
from tests.tiny_models import random_model
from training.config import Adapt, Experiment, Grpo, Lora, Precision, Stage
from training.models import load_base, lora_config
from training.planning.here import memory_here, require_memory
from training.planning.lengths import DatasetLengths, Lengths
from training.planning.limits import KEPT_BACK, MODAL_LONGEST, allowance, within
from training.planning.memory import Batch, activations, memory_of
from training.planning.plan import RunPlan, largest_batch, make_plan, plan_json
from training.planning.prices import PRICES, read_prices
from training.planning.shapes import Loading, Shape, shape_of
from training.planning.work import Rates, Work, work_of

GPT_OSS = "openai/gpt-oss-20b"


def shape(base: str = GPT_OSS, **lora: Any) -> Shape:
    return shape_of(base, Lora(**lora))


def test_gpt_oss_has_the_published_size_and_the_adapters_the_stated_ones() -> None:
    attention = shape()
    assert attention.parameters == 20_914_757_184
    assert attention.trained == 31_850_496
    head = attention.vocabulary * attention.hidden
    assert (attention.active + head) / 1e9 == pytest.approx(3.6, abs=0.05)
    assert shape(adapt=Adapt.EXPERTS, expert_rank=64).trained / 1e6 == pytest.approx(740, abs=1)
    assert Lora().expert_rank == 16
    assert shape(adapt=Adapt.EXPERTS).trained == 31_850_496 + (739_639_296 - 31_850_496) // 4


@pytest.mark.parametrize(
    ("base", "total", "inner"),
    [("Qwen/Qwen3-0.6B", 0.6e9, 0.44e9), ("meta-llama/Llama-3.1-8B", 8.0e9, 7.0e9)],
)
def test_other_known_models_have_their_published_size(base: str, total: float, inner: float) -> None:
    found = shape(base)
    assert found.parameters == pytest.approx(total, rel=0.01)
    assert found.active == pytest.approx(inner, rel=0.01)


def test_twenty_billion_parameters_need_42_gb_before_training_and_13_in_unsloths_build() -> None:
    found = shape()
    assert found.weight_bytes(Loading.BF16) / 1e9 == pytest.approx(42, abs=0.5)
    assert found.weight_bytes(Loading.FOUR_BIT) / 1e9 > 40, "bitsandbytes does not reach fused experts"
    assert 13 <= found.weight_bytes(Loading.UNSLOTH) / 1e9 <= 15


def test_a_base_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no-such-model"):
        shape(str(tmp_path / "no-such-model"))


def test_a_folder_or_its_configuration_file_is_planned(tmp_path: Path) -> None:
    model = random_model("qwen3")
    model.config.save_pretrained(tmp_path)
    expected = sum(p.numel() for p in model.parameters())
    assert shape(str(tmp_path)).parameters == expected
    assert shape(str(tmp_path / "config.json")).parameters == expected


def kept(family: str, lora: Lora, rows: int, tokens: int) -> tuple[float, Shape]:
    """Bytes that autograd keeps of the layers, and the model's shape: measured, parameters left out."""
    from peft import get_peft_model

    model = random_model(family).to(torch.bfloat16)
    settings = lora_config(lora, model)
    model = model if settings is None else get_peft_model(model, settings)
    model.train()
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    seen: dict[int, Any] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = tensor
        return tensor

    with torch.autocast("cpu", torch.bfloat16), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        ids = torch.randint(0, 100, (rows, tokens))
        model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            use_cache=False,
            logits_to_keep=torch.tensor([0]),
        )
    return float(sum(t.untyped_storage().nbytes() for t in seen.values())), tiny_shape(family, lora)


def tiny_shape(family: str, lora: Lora) -> Shape:
    config = random_model(family).config
    moe = family == "gpt-oss"
    h, f = config.hidden_size, config.intermediate_size
    return Shape(
        base=family, model_type=family, layers=config.num_hidden_layers, hidden=h, heads=4, kv_heads=2, head_dim=8,
        intermediate=f, vocabulary=config.vocab_size, experts=4 if moe else 0, experts_a_token=2 if moe else 0,
        eager=moe, normed_heads=family == "qwen3", parameters=0, linear=0,
        fused=config.num_hidden_layers * 4 * 3 * h * f if moe else 0, trained=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("family", "adapt"),
    [("llama", Adapt.ATTENTION), ("llama", Adapt.LINEAR), ("llama", Adapt.FULL), ("qwen3", Adapt.ATTENTION),
     ("qwen3", Adapt.FULL), ("gpt-oss", Adapt.ATTENTION), ("gpt-oss", Adapt.EXPERTS)],
)  # fmt: skip
def test_activations_are_what_autograd_keeps(family: str, adapt: Adapt) -> None:
    lora = Lora(adapt=adapt, rank=4, alpha=4, expert_rank=2)
    measured, found = kept(family, lora, 2, 300)
    # the rest: embeddings, last norm, rotations, copies of the adapter
    assert activations(found, lora, Batch(2, 300, 0), False) == pytest.approx(measured, rel=0.06)


def test_checkpointing_keeps_one_layer_and_every_layers_input() -> None:
    batch = Batch(1, 1800, 800)
    found = shape()
    whole = activations(found, Lora(), batch, False)
    assert activations(found, Lora(), batch, True) < whole / 50
    planned = memory_of(found, Lora(), Loading.BF16, batch, True, read_prices().assumptions)
    assert planned.weights > 41e9
    assert planned.activations + planned.transient < whole / 5


@pytest.mark.parametrize(
    ("base", "rows", "checkpointing", "measured_gb"),
    [(GPT_OSS, 1, False, 64.61), (GPT_OSS, 4, False, 131.40), (GPT_OSS, 1, True, 44.68),
     (GPT_OSS, 8, True, 61.44), ("meta-llama/Llama-3.1-8B", 1, False, 28.29),
     ("meta-llama/Llama-3.1-8B", 4, False, 62.08), ("Qwen/Qwen3-0.6B", 4, False, 20.43)],
)  # fmt: skip
def test_the_plan_agrees_with_the_peaks_that_a_gpu_showed(
    base: str, rows: int, checkpointing: bool, measured_gb: float
) -> None:
    """Peaks of `python -m benchmarks.gpu` on an H200; rows of one shape read the same 875 of 1,801 positions."""
    batch = Batch(rows, 1801, 875 * rows)
    planned = memory_of(shape(base), Lora(), Loading.BF16, batch, checkpointing, read_prices().assumptions)
    assert planned.total - planned.reserve == pytest.approx(measured_gb * 1e9, rel=0.01)


def test_logits_and_one_layers_backward_pass_never_stand_at_the_same_time() -> None:
    found, assumed = shape(), read_prices().assumptions
    few, many = (
        memory_of(found, Lora(), Loading.BF16, Batch(1, 1801, reads), False, assumed) for reads in (10, 1000)
    )
    assert few.transient == found.heads * 1801**2 * 6
    assert many.transient == 1000 * found.vocabulary * 12


def test_the_largest_batch_reads_what_its_dialogues_read() -> None:
    batch = largest_batch(Experiment(sft=Stage(batch=16)), lengths(tokens=1500))
    assert batch == Batch(16, 1500, 16 * 710)


def lengths(cases: int = 80, tokens: int = 1500) -> DatasetLengths:
    one = Lengths([tokens] * cases, [700] * cases, [10] * cases, 5 * cases)
    few = Lengths([tokens] * 10, [700] * 10, [10] * 10, 50)
    return DatasetLengths("0" * 64, one, few, few, 0)


def planned(base: str = GPT_OSS, **changes: Any) -> RunPlan:
    experiment = Experiment(base=base, **changes)
    return make_plan(experiment, shape_of(base, experiment.lora), lengths(), read_prices(), base)


def test_an_a10g_is_refused_for_20b_and_the_cheapest_that_fits_is_named() -> None:
    plan = planned(gradient_checkpointing=True)
    with pytest.raises(InvalidInput) as refused:
        plan.on("A10G")
    assert "41.8 GB of it before training" in str(refused.value)
    cheapest = plan.on(None)
    assert cheapest.gpu.name in str(refused.value)
    assert "unsloth_4bit" in str(refused.value)
    assert all(one.usd >= cheapest.usd for one in plan.fitting())
    assert planned(gradient_checkpointing=True, precision=Precision.UNSLOTH).on("A10G").memory.total < 24e9


def test_a_card_without_bf16_is_refused() -> None:
    with pytest.raises(InvalidInput, match="computes no bf16"):
        planned("Qwen/Qwen3-0.6B").on("T4")


def test_weights_in_four_bits_are_not_trained_themselves() -> None:
    plan = planned("Qwen/Qwen3-0.6B", lora=Lora(adapt=Adapt.FULL), precision=Precision.FOUR_BIT)
    with pytest.raises(InvalidInput, match="cannot be trained"):
        plan.on("H100")


def test_an_unknown_gpu_names_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="H100"):
        planned("Qwen/Qwen3-0.6B").on("H1000")


def test_operations_are_counted_by_hand_for_a_small_model() -> None:
    found = replace(tiny_shape("llama", Lora()), linear=1000, trained=100)
    rates = Rates(found, Experiment())
    attention = 4 * 32 * 0.5 * 2 * (10**2 + 20**2)
    forward = 2 * 1100 * 30 + 2 * found.vocabulary * 32 * 7 + attention
    assert rates.forward([10, 20], [3, 4]) == forward
    assert rates.training([10, 20], [3, 4]) == 2 * forward + 2 * 100 * 30
    full = Rates(found, Experiment(lora=Lora(adapt=Adapt.FULL), gradient_checkpointing=True))
    assert full.training([10], [0]) == 4 * full.forward([10], [0])


def test_twice_the_epochs_or_orders_are_twice_the_training_and_a_limit_of_steps_holds() -> None:
    found = shape("Qwen/Qwen3-0.6B")
    once, twice, limited, both_orders = (
        work_of(found, Experiment(sft=Stage(evaluate_every=10**6, **more)), lengths(), effort())[0]
        for more in ({"epochs": 1}, {"epochs": 2}, {"epochs": 2, "max_steps": 10}, {"epochs": 1, "orders": 2})
    )
    check = lengths().validation.total
    assert twice.tokens - check == 2 * (once.tokens - check)
    assert both_orders.tokens == twice.tokens
    assert limited.tokens - check == once.tokens - check, "ten steps of eight are the eighty dialogues once"


def effort() -> Any:
    from training.trees import Effort

    return Effort()


@pytest.mark.parametrize(
    ("base", "rows", "measured"),
    [(GPT_OSS, 1, 0.345), (GPT_OSS, 4, 1.208), ("meta-llama/Llama-3.1-8B", 1, 0.154),
     ("meta-llama/Llama-3.1-8B", 4, 0.532), ("Qwen/Qwen3-0.6B", 1, 0.131), ("Qwen/Qwen3-0.6B", 4, 0.150)],
)  # fmt: skip
def test_a_pass_takes_about_as_long_as_a_gpu_showed(base: str, rows: int, measured: float) -> None:
    """Seconds of `python -m benchmarks.gpu` on an H200, of one pass over rows of 1,801 tokens."""
    prices, found = read_prices(), shape(base)
    operations = Rates(found, Experiment()).training([1801] * rows, [875] * rows)
    one = Work("sft", 1801 * rows, operations, passes=1, loads=0)
    h200 = next(gpu for gpu in prices.gpus if gpu.name == "H200")
    assert one.seconds(found, Loading.BF16, h200, prices.assumptions) == pytest.approx(measured, rel=0.15)


def test_passes_over_smaller_batches_cost_no_operation_but_a_small_model_its_time() -> None:
    found, prices = shape("Qwen/Qwen3-0.6B"), read_prices()
    one, eight = (
        work_of(found, Experiment(sft=Stage(batch=batch, accumulation=8 // batch)), lengths(), effort())[0]
        for batch in (1, 8)
    )
    assert one.operations == eight.operations
    gpu = prices.gpus[-1]
    slow, fast = (w.seconds(found, Loading.BF16, gpu, prices.assumptions) for w in (one, eight))
    assert slow > 2 * fast


def test_letters_that_are_held_cost_their_dialogues() -> None:
    found = shape("Qwen/Qwen3-0.6B")
    held, free = (
        work_of(found, Experiment(grpo=Grpo(max_steps=5, letters_weight=weight)), lengths(), effort())[2]
        for weight in (10.0, 0.0)
    )
    assert held.tokens - free.tokens == 5 * 4 * 8 * 1500, "five steps of four passes of eight dialogues"
    assert held.operations > free.operations


def test_every_stage_is_planned() -> None:
    work = work_of(shape("Qwen/Qwen3-0.6B"), Experiment(grpo=Grpo(max_steps=5)), lengths(), effort())
    assert [one.stage for one in work] == ["sft", "score", "grpo", "forecasts"]
    assert all(one.operations > 0 for one in work)
    assert work[2].written > 0


def test_a_plan_is_plain_json_with_its_date() -> None:
    found = plan_json(planned("Qwen/Qwen3-0.6B"))
    assert found["prices"]["date"] == read_prices().source.date.isoformat()
    assert {row["gpu"] for row in found["options"]} == {gpu.name for gpu in read_prices().gpus}
    fitting = [row for row in found["options"] if row["fits"]]
    assert all(row["usd"] > 0 and row["memory_gb"]["total"] > 0 for row in fitting)


def test_a_cap_below_the_plan_is_refused_and_one_above_becomes_seconds() -> None:
    option = planned("Qwen/Qwen3-0.6B").on("H100")
    with pytest.raises(InvalidInput, match="--max-usd"):
        within(option, option.usd / 2)
    granted = allowance(option, option.usd * 2)
    assert granted.seconds == pytest.approx(2 * option.seconds - KEPT_BACK, abs=1)
    assert granted.usd <= option.usd * 2
    assert allowance(option, None).seconds <= MODAL_LONGEST
    assert allowance(option, 1e6).seconds == MODAL_LONGEST - KEPT_BACK
    with pytest.raises(InvalidInput, match="less than the 300 s"):
        allowance(replace(option, stage_seconds={"sft": 1.0}, start_seconds=1.0), 0.1)


def test_this_machine_is_planned_in_its_own_numbers() -> None:
    plan = planned("Qwen/Qwen3-0.6B")
    here = memory_here(plan)
    if torch.cuda.is_available():
        assert here.weights == plan.shape.weight_bytes(Loading.BF16)
    else:
        assert here.weights == plan.shape.weight_bytes(Loading.FLOAT32)
        assert here.reserve == pytest.approx(0.05 * (here.total - here.reserve))
        require_memory(plan)


def test_prices_are_dated_and_a_broken_table_names_its_field(tmp_path: Path) -> None:
    table = read_prices()
    assert date(2026, 1, 1) < table.source.date <= date.today()  # noqa: DTZ011 (any zone will do)
    assert table.gpu("a10g").name == "A10"
    broken = tmp_path / "prices.toml"
    broken.write_text(PRICES.read_text().replace("usd_per_second = 0.000164", "usd_per_second = -1"))
    with pytest.raises(InvalidFile, match=r"gpu\.0\.usd_per_second"):
        read_prices(broken)
    broken.write_text("= no table")
    with pytest.raises(InvalidFile, match="no price table"):
        read_prices(broken)


def test_unsloth_is_asked_for_in_one_sentence_where_it_is_missing() -> None:
    with pytest.raises(MissingExtra, match="pip install unsloth"):
        load_base("tiny", Precision.UNSLOTH)
