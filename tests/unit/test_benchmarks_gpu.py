"""The GPU benchmark as far as a processor can run it: a small shape, its figures and its plan."""

from __future__ import annotations

import torch

from benchmarks.gpu import (
    TINY,
    Machine,
    Setup,
    build,
    matmul_rate,
    measure,
    operations_of,
    passes_of,
    planned_memory,
)
from benchmarks.training import Row
from training.config import Lora
from training.planning.shapes import shape_of_config

CPU = Machine(torch.device("cpu"), torch.float32, "cpu")


def test_a_small_shape_gives_every_figure() -> None:
    torch.set_num_threads(1)
    found = measure(Setup("tiny", TINY, (1, 2), 1, checkpointing=False, side=64), CPU)
    dialogue, rows = (found["forms"][name][0] for name in ("dialogue", "row per candidate"))
    assert dialogue["tokens"] < rows["tokens"] / 5
    assert found["times_the_cases"] > 1
    assert found["share_of_rate"] > 0
    assert [one["rows"] for one in found["forms"]["dialogue"]] == [1, 2]
    assert "peak_gb" not in dialogue, "a processor's memory is not measured"


def test_rows_of_one_length_share_a_pass() -> None:
    short, long = Row(3, ()), Row(5, ())
    passes = passes_of([short, long, short], 3, 2)
    assert [[row.length for row in rows] for rows in passes] == [[3, 3, 3], [3], [5, 5]]


def test_checkpointing_trains_the_same_adapter_and_costs_a_pass() -> None:
    lora = Lora(rank=2)
    model = build(TINY, lora, CPU, checkpointing=True)
    shape = shape_of_config("tiny", TINY, lora)
    assert shape.trained == sum(p.numel() for p in model.parameters() if p.requires_grad)
    rows = [Row(50, ((10, 20),))]
    assert operations_of(shape, rows, True) > 1.4 * operations_of(shape, rows, False)
    assert matmul_rate(CPU, 32, 1) > 0


def test_the_planned_memory_leaves_the_reserve_out() -> None:
    shape = shape_of_config("tiny", TINY, Lora())
    total, parts = planned_memory(shape, Lora(), Row(50, ((10, 20), (30, 31))), 1, False)
    assert total == sum(value for name, value in parts.items() if name != "reserve")
    assert min(value for name, value in parts.items()) > 0
    assert parts["transient"] == max(11 * shape.vocabulary * 12, shape.heads * 50**2 * 6)
