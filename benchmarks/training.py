"""What a case costs as one dialogue, as a row per candidate and as a row per level: tokens and time, forward and back.

    python -m benchmarks.training             600 tokens of context, 40 a candidate, 4 a level, 5 levels
    python -m benchmarks.training --table     one of the four changed at a time, and the corners where least is gained

Rows are what one would write with plain SFT on the same cases: a row per candidate holds context, path and one
candidate (its loss on the candidate's tokens); a row per level holds context, path, list and letter. They
are batched without padding, the best that can be had where rows share no prefix: packing saves padding, and
there is none. All three read logits only where their loss needs them. Weights are random: cost only
(`benchmarks.letters` has the quality). A ratio is taken within each repeat, so that a busy machine slows both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from training.collation import DialogueCollator
from training.dialogue import LETTERS
from training.loss import logits_read, turn_terms

SEED = (600, 40, 4, 5)
TABLE = (SEED, (100, 40, 4, 5), (2000, 40, 4, 5), (600, 12, 4, 5), (600, 120, 4, 5), (600, 40, 2, 5),
         (600, 40, 6, 5), (600, 40, 4, 3), (600, 40, 4, 1), (100, 120, 6, 5), (100, 120, 6, 1),
         (100, 12, 2, 1))  # fmt: skip
ASK, LINE, LETTER_TURN, NEXT = 14, 3, 9, 18
"""Tokens that the dialogue adds: a question, a line's letter, a letter turn, naming a branch."""


@dataclass(frozen=True)
class Row:
    """One sequence: its length, and where its loss reads."""

    length: int
    reads: tuple[tuple[int, int], ...]


def as_dialogue(context: int, text: int, options: int, levels: int) -> list[Row]:
    """One row a case: every prefix and candidate once."""
    at, reads = context, []
    for level in range(levels):
        at += ASK if level == 0 else NEXT + text
        size = options * (text + LINE) + 1
        reads += [(at, at + size), (at + size + LETTER_TURN, at + size + LETTER_TURN + 1)]
        at += size + 2 * LETTER_TURN
        reads.append((at - 1, at))
    return [Row(at, tuple(reads))]


def as_rows_per_candidate(context: int, text: int, options: int, levels: int) -> list[Row]:
    """K rows a level: context, path so far, one candidate."""
    starts = [context + level * (text + LINE) + ASK for level in range(levels)]
    return [Row(start + text, ((start, start + text),)) for start in starts for _ in range(options)]


def as_rows_per_level(context: int, text: int, options: int, levels: int) -> list[Row]:
    """One row a level: context, path so far, the list and its letter."""
    starts = [context + level * (text + LINE) + ASK for level in range(levels)]
    size = options * (text + LINE) + 1
    return [
        Row(start + size + LETTER_TURN, ((start, start + size), _last(start + size + LETTER_TURN)))
        for start in starts
    ]


def _last(end: int) -> tuple[int, int]:
    return (end - 1, end)


FORMS: dict[str, Callable[..., list[Row]]] = {
    "dialogue": as_dialogue,
    "row per candidate": as_rows_per_candidate,
    "row per level": as_rows_per_level,
}


def loss(model: Any, rows: list[Row], vocabulary: int, device: torch.device) -> torch.Tensor:
    """The training's own loss of random tokens, read where the rows' turns are; each read counts as a list's token."""
    batch = DialogueCollator(0)([
        {"input_ids": torch.randint(0, vocabulary, (row.length,)).tolist(),
         "propose": [list(span) for span in row.reads], "letters": [], "targets": []}
        for row in rows
    ])  # fmt: skip
    here = {name: tensor.to(device) for name, tensor in batch.items()}
    logits = logits_read(model, model.get_output_embeddings(), here)
    return turn_terms(logits, here, torch.zeros(len(LETTERS), dtype=torch.long, device=device)).propose


def step(model: Any, rows: list[Row], vocabulary: int, rows_a_batch: int) -> float:
    """Seconds of one forward and backward pass over all rows, equal lengths batched together."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.length, []).append(row)
    device = next(model.parameters()).device
    # on a processor its own seconds, which other programs do not lengthen
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    _wait(device)
    begun = clock()
    for group in groups.values():
        for first in range(0, len(group), rows_a_batch):
            loss(model, group[first : first + rows_a_batch], vocabulary, device).backward()
    _wait(device)
    taken = clock() - begun
    model.zero_grad(set_to_none=True)
    return taken


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(model: Any, shape: tuple[int, int, int, int], repeats: int, rows_a_batch: int) -> dict[str, Any]:
    """Tokens and seconds of each form, and how many times those of the dialogue they are: median, low, high."""
    vocabulary = model.config.vocab_size
    forms = {name: make(*shape) for name, make in FORMS.items()}
    taken = [
        {name: step(model, rows, vocabulary, rows_a_batch) for name, rows in forms.items()}
        for _ in range(repeats + 1)
    ][1:]  # the first pass warms up
    tokens = {name: sum(row.length for row in rows) for name, rows in forms.items()}
    found: dict[str, Any] = dict(zip(("context", "candidate", "candidates", "levels"), shape, strict=True))
    for name in forms:
        found[name] = {
            "tokens": tokens[name],
            "seconds": _spread([one[name] for one in taken]),
            "times the tokens": tokens[name] / tokens["dialogue"],
            "times the seconds": _spread([one[name] / one["dialogue"] for one in taken]),
        }
    return found


def _spread(values: list[float]) -> list[float]:
    return [statistics.median(values), min(values), max(values)]


def _line(found: dict[str, Any]) -> str:
    """A row of the table in the README."""
    cells = [", ".join(str(found[name]) for name in ("context", "candidate", "candidates", "levels"))]
    for name in FORMS:
        middle, low, high = found[name]["seconds"]
        cells.append(f"{found[name]['tokens']:,} tokens, {middle:.2f} s ({low:.2f} to {high:.2f})")
    for name in list(FORMS)[1:]:
        middle, low, high = found[name]["times the seconds"]
        cells.append(f"{found[name]['times the tokens']:.1f} / {middle:.1f} ({low:.1f} to {high:.1f})")
    return f"| {' | '.join(cells)} |"


def small_model() -> Any:
    """A Llama of some 10 million parameters, random."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=4096, hidden_size=256, intermediate_size=768, num_hidden_layers=6,
                    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=65_536)
    )  # fmt: skip


def main() -> None:
    """Print a table row by row, or JSON with the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="A causal model by name or folder; a small random Llama without it.")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=4, help="Rows a batch, where rows are many.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = (
        AutoModelForCausalLM.from_pretrained(arguments.model, dtype="auto")
        if arguments.model
        else small_model()
    )
    if torch.cuda.is_available():
        model = model.to("cuda", torch.bfloat16)
    results = []
    for shape in TABLE if arguments.table else (SEED,):
        results.append(measure(model, shape, arguments.repeats, arguments.rows))
        if not arguments.json:
            print(_line(results[-1]), flush=True)
    if arguments.json:
        print(json.dumps({"machine": _machine(arguments.threads), "repeats": arguments.repeats,
                          "rows_a_batch": arguments.rows, "results": results}, indent=1))  # fmt: skip


def _machine(threads: int) -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": threads,
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    main()
