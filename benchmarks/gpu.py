"""A training step of gpt-oss-20b's shape on this machine's GPU: memory against the plan, speed, share of its rate.

    python -m benchmarks.gpu                       gpt-oss-20b's shape, random weights, LoRA as by default
    python -m benchmarks.gpu --checkpointing --json
    python -m benchmarks.gpu --tiny                a small shape, to see that it runs; without a GPU, float32

Weights are random: cost only. The dialogue is that of `benchmarks.training`: 600 tokens of context, candidates of 40,
4 a level, 5 levels. Three things are measured: the most memory that was allocated in a step, beside what the plan says;
tokens and cases a second as dialogues and as a row per candidate; and the card's own rate on a bf16 matrix product,
of which the step's operations are a share. Does not cover: reading data, evaluation, several GPUs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from peft import get_peft_model
from transformers import AutoModelForCausalLM, GptOssConfig

from benchmarks.training import SEED, Row, as_dialogue, as_rows_per_candidate
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


def step(model: Any, optimiser: Any, rows: list[Row], vocabulary: int, where: Machine) -> float:
    """Seconds of one case: forward and backward of its rows, and a step of the optimiser."""
    where.wait()
    begun = time.perf_counter()
    for row in rows:
        tokens = torch.randint(0, vocabulary, (1, row.length), device=where.device)
        read = torch.tensor(
            sorted({t for start, end in row.reads for t in range(start, end)}), device=where.device
        )
        with torch.autocast(where.device.type, torch.bfloat16, enabled=where.cuda):
            logits = model(input_ids=tokens, logits_to_keep=read - 1, use_cache=False).logits
        F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, read].flatten()).backward()
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    where.wait()
    return time.perf_counter() - begun


def measure(config: Any, where: Machine, repeats: int, checkpointing: bool, side: int) -> dict[str, Any]:
    """All figures."""
    lora = Lora()
    shape = shape_of_config(BASE, config, lora)
    model = build(config, lora, where, checkpointing)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, fused=where.cuda)
    if where.cuda:
        torch.cuda.reset_peak_memory_stats()
    forms = {"dialogue": as_dialogue(*SEED), "row per candidate": as_rows_per_candidate(*SEED)}
    found: dict[str, Any] = {"forms": {}}
    for name, rows in forms.items():
        step(model, optimiser, rows, config.vocab_size, where)  # warms up
        seconds = statistics.median(
            step(model, optimiser, rows, config.vocab_size, where) for _ in range(repeats)
        )
        tokens = sum(row.length for row in rows)
        found["forms"][name] = {"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds,
                                "cases_per_second": 1 / seconds}  # fmt: skip
        if name == "dialogue" and where.cuda:
            found["memory"] = memory_against_plan(shape, lora, rows[0], checkpointing)
    rate = matmul_rate(where, side)
    operations = operations_of(shape, forms["dialogue"], checkpointing)
    done = operations / found["forms"]["dialogue"]["seconds"]
    return found | {"matmul_rate": rate, "operations_per_second": done, "share_of_rate": done / rate}


def memory_against_plan(shape: Shape, lora: Lora, row: Row, checkpointing: bool) -> dict[str, Any]:
    """What the step allocated at its peak, beside the plan."""
    planned, parts = planned_memory(shape, lora, row, checkpointing)
    measured = torch.cuda.max_memory_allocated()
    return {"planned_gb": planned / 1e9, "measured_gb": measured / 1e9, "ratio": measured / planned,
            "parts_gb": {name: value / 1e9 for name, value in parts.items()}}  # fmt: skip


def planned_memory(shape: Shape, lora: Lora, row: Row, checkpointing: bool) -> tuple[float, dict[str, float]]:
    """The plan's bytes for one row, its reserve left out, which no allocation shows; and its parts."""
    reads = sum(end - start for start, end in row.reads)
    batch = Batch(1, row.length, reads)
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
    parser.add_argument("--tiny", action="store_true", help="A small shape; runs anywhere.")
    parser.add_argument("--checkpointing", action="store_true", help="Gradient checkpointing.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    where = machine()
    if not (where.cuda or arguments.tiny):
        parser.error("there is no GPU here; --tiny shows that the script runs")
    config = TINY if arguments.tiny else read_config(BASE)
    if not where.cuda:
        torch.set_num_threads(1)
    side = MATMUL if where.cuda else 256
    found = {"device": where.name, "torch": torch.__version__, "checkpointing": arguments.checkpointing,
             "shape": "tiny" if arguments.tiny else BASE}  # fmt: skip
    found |= measure(config, where, arguments.repeats, arguments.checkpointing, side)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found["forms"].items():
        print(f"{name}: {figures['tokens']} tokens, {figures['tokens_per_second']:.0f} tokens/s, "
              f"{figures['cases_per_second']:.3f} cases/s")  # fmt: skip
    if "memory" in found:
        print(
            "memory: {measured_gb:.2f} GB measured, {planned_gb:.2f} GB planned ({ratio:.3f})".format(
                **found["memory"]
            )
        )
    print(
        f"{found['share_of_rate']:.1%} of {found['matmul_rate'] / 1e12:.1f} Tops, the device's own matrix product"
    )


if __name__ == "__main__":
    main()
