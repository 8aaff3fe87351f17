"""A training step of gpt-oss-20b's shape on this machine's GPU: memory against the plan, speed, share of its rate.

    python -m benchmarks.gpu                       gpt-oss-20b's shape, random weights, LoRA as by default
    python -m benchmarks.gpu --rows 1 2 4 --checkpointing --json
    python -m benchmarks.gpu --base meta-llama/Llama-3.1-8B
    python -m benchmarks.gpu --tiny                a small shape, to see that it runs; without a GPU, float32

Weights are random: cost only. The dialogue is that of `benchmarks.training`: 600 tokens of context, candidates of 40,
4 a level, 5 levels. Three things are measured: the most memory that was allocated in a step, beside what the plan says;
tokens and cases a second as dialogues and as a row per candidate, each with the rows a pass that serve it best (rows of
one length stand in one pass without padding); and the card's own rate on a bf16 matrix product, of which the step's
operations are a share. A step is forward, backward and AdamW. Does not cover: reading data, evaluation, several GPUs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
import transformers
from peft import get_peft_model
from transformers import AutoModelForCausalLM, GptOssConfig

from benchmarks.training import SEED, Row, as_dialogue, as_rows_per_candidate, loss
from training.config import Experiment, Lora
from training.models import lora_config
from training.planning.memory import Batch, memory_of
from training.planning.prices import read_prices
from training.planning.shapes import Loading, Shape, read_config, shape_of_config
from training.planning.work import Rates

BASE = "openai/gpt-oss-20b"
TINY = GptOssConfig(vocab_size=512, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=16, num_local_experts=4, num_experts_per_tok=2,
                    sliding_window=32)  # fmt: skip
MATMUL = 8192
"""Side of the square matrices whose product gives the card's rate."""


@dataclass(frozen=True)
class Machine:
    """Where it runs."""

    device: torch.device
    dtype: torch.dtype
    name: str

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Until everything that was asked of the device is done."""
        if self.cuda:
            torch.cuda.synchronize()


def machine() -> Machine:
    """The GPU, or the processor where there is none."""
    if torch.cuda.is_available():
        return Machine(torch.device("cuda"), torch.bfloat16, torch.cuda.get_device_name())
    return Machine(torch.device("cpu"), torch.float32, "cpu")


def matmul_rate(where: Machine, side: int, repeats: int = 10) -> float:
    """Operations a second of a square matrix product in the machine's numbers: the most that could be reached."""
    a, b = (torch.randn(side, side, device=where.device, dtype=where.dtype) for _ in range(2))
    a @ b
    where.wait()
    begun = time.perf_counter()
    for _ in range(repeats):
        a @ b
    where.wait()
    return repeats * 2 * side**3 / (time.perf_counter() - begun)


def build(config: Any, lora: Lora, where: Machine, checkpointing: bool) -> Any:
    """The model with random weights on the device, adapter on it, as a stage would have it."""
    with torch.device(where.device):
        model = AutoModelForCausalLM.from_config(config, dtype=where.dtype)
    model = get_peft_model(model, lora_config(lora, model))
    if checkpointing:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    return model.train()


def passes_of(rows: list[Row], rows_a_pass: int, cases: int) -> list[list[Row]]:
    """The rows of some cases, those of one length side by side, so many in a pass."""
    by_length: dict[int, list[Row]] = {}
    for row in rows * cases:
        by_length.setdefault(row.length, []).append(row)
    return [
        group[first : first + rows_a_pass]
        for group in by_length.values()
        for first in range(0, len(group), rows_a_pass)
    ]


def step(model: Any, optimiser: Any, passes: list[list[Row]], vocabulary: int, where: Machine) -> float:
    """Seconds of the passes, forward and backward, and a step of the optimiser."""
    where.wait()
    begun = time.perf_counter()
    for rows in passes:
        with torch.autocast(where.device.type, torch.bfloat16, enabled=where.cuda):
            found = loss(model, rows, vocabulary, where.device)
        found.backward()
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    where.wait()
    return time.perf_counter() - begun


@dataclass(frozen=True)
class Setup:
    """What is measured."""

    base: str
    config: Any
    rows: tuple[int, ...]
    """Rows a pass that are tried."""
    repeats: int
    checkpointing: bool
    side: int
    """Of the square matrices of the card's rate."""


FORMS = {"dialogue": as_dialogue, "row per candidate": as_rows_per_candidate}


def measure(setup: Setup, where: Machine) -> dict[str, Any]:
    """All figures."""
    lora = Lora()
    shape = shape_of_config(setup.base, setup.config, lora)
    model = build(setup.config, lora, where, setup.checkpointing)
    optimiser = torch.optim.AdamW(
        (p for p in model.parameters() if p.requires_grad), lr=1e-4, fused=where.cuda
    )
    forms: dict[str, list[dict[str, Any]]] = {name: [] for name in FORMS}
    for name, make in FORMS.items():
        for rows_a_pass in setup.rows:
            found = tried(model, optimiser, make(*SEED), rows_a_pass, setup, where)
            if name == "dialogue" and "peak_gb" in found:
                found |= against_plan(shape, lora, make(*SEED)[0], rows_a_pass, setup.checkpointing, found)
            forms[name].append(found)
    best = {
        name: max(found, key=lambda one: one.get("cases_per_second", 0.0)) for name, found in forms.items()
    }
    rate = matmul_rate(where, setup.side)
    operations = operations_of(shape, as_dialogue(*SEED), setup.checkpointing)
    done = operations * best["dialogue"]["cases_per_second"]
    times = best["dialogue"]["cases_per_second"] / best["row per candidate"]["cases_per_second"]
    return {"forms": forms, "best": best, "times_the_cases": times, "matmul_rate": rate,
            "operations_per_second": done, "share_of_rate": done / rate}  # fmt: skip


def tried(
    model: Any, optimiser: Any, rows: list[Row], rows_a_pass: int, setup: Setup, where: Machine
) -> dict[str, Any]:
    """Speed and peak memory with so many rows a pass; says so where they do not fit."""
    alike = sum(row.length == rows[0].length for row in rows)
    cases = max(1, rows_a_pass // alike)
    passes, vocabulary = passes_of(rows, rows_a_pass, cases), setup.config.vocab_size
    if where.cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        seconds = [step(model, optimiser, passes, vocabulary, where) for _ in range(setup.repeats + 1)][1:]
    except torch.OutOfMemoryError:
        optimiser.zero_grad(set_to_none=True)
        return {"rows": rows_a_pass, "out_of_memory": True}
    middle, tokens = statistics.median(seconds), sum(row.length for row in rows)
    found = {"rows": rows_a_pass, "tokens": tokens, "seconds_a_case": [s / cases for s in sorted(seconds)],
             "tokens_per_second": tokens * cases / middle, "cases_per_second": cases / middle}  # fmt: skip
    return found | ({"peak_gb": torch.cuda.max_memory_allocated() / 1e9} if where.cuda else {})


def against_plan(
    shape: Shape, lora: Lora, row: Row, rows: int, checkpointing: bool, found: dict[str, Any]
) -> dict[str, Any]:
    """What the plan says of the same micro-batch."""
    planned, parts = planned_memory(shape, lora, row, rows, checkpointing)
    return {"planned_gb": planned / 1e9, "measured_of_planned": found["peak_gb"] * 1e9 / planned,
            "parts_gb": {name: value / 1e9 for name, value in parts.items()}}  # fmt: skip


def planned_memory(
    shape: Shape, lora: Lora, row: Row, rows: int, checkpointing: bool
) -> tuple[float, dict[str, float]]:
    """The plan's bytes for such rows, its reserve left out, which no allocation shows; and its parts."""
    reads = sum(end - start for start, end in row.reads)
    batch = Batch(rows, row.length, rows * reads)
    planned = memory_of(shape, lora, Loading.BF16, batch, checkpointing, read_prices().assumptions)
    parts = asdict(planned)
    return sum(value for name, value in parts.items() if name != "reserve"), parts


def operations_of(shape: Shape, rows: list[Row], checkpointing: bool) -> float:
    """Operations of one case, as the plan counts them."""
    rates = Rates(shape, Experiment(gradient_checkpointing=checkpointing))
    reads = [sum(end - start for start, end in row.reads) for row in rows]
    return rates.training([row.length for row in rows], reads)


def main() -> None:
    """Print the figures, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default=BASE, help="A model whose shape is taken, by name or folder.")
    parser.add_argument("--tiny", action="store_true", help="A small shape; runs anywhere.")
    parser.add_argument("--checkpointing", action="store_true", help="Gradient checkpointing.")
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 2, 4], help="Rows a pass to try.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    where = machine()
    if not (where.cuda or arguments.tiny):
        parser.error("there is no GPU here; --tiny shows that the script runs")
    if not where.cuda:
        torch.set_num_threads(1)
    base = "tiny" if arguments.tiny else arguments.base
    config = TINY if arguments.tiny else read_config(base)
    side = MATMUL if where.cuda else 256
    setup = Setup(base, config, tuple(arguments.rows), arguments.repeats, arguments.checkpointing, side)
    found = {"device": where.name, "torch": torch.__version__, "transformers": transformers.__version__,
             "checkpointing": setup.checkpointing, "shape": base} | measure(setup, where)  # fmt: skip
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """Lines to read."""
    for name, tries in found["forms"].items():
        for one in tries:
            print(f"{name}, {one['rows']} a pass: " + _line(one))
    print(f"dialogues give {found['times_the_cases']:.1f} times the cases a second, each form at its best")
    print(
        f"{found['share_of_rate']:.1%} of {found['matmul_rate'] / 1e12:.1f} Tops, the device's own matrix product"
    )


def _line(one: dict[str, Any]) -> str:
    if "out_of_memory" in one:
        return "does not fit"
    line = f"{one['tokens_per_second']:.0f} tokens/s, {one['cases_per_second']:.3f} cases/s"
    if "peak_gb" in one:
        line += f", {one['peak_gb']:.2f} GB at the peak"
    if "planned_gb" in one:
        line += f" ({one['planned_gb']:.2f} planned, {one['measured_of_planned']:.3f})"
    return line


if __name__ == "__main__":
    main()
