"""Encoded dialogues as tensors: rows padded on the right, or packed in one row.

Packed means several dialogues in one row with restarting positions and no padding; only some attention
kernels keep them apart then, which `training.separation` finds out before training starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import torch

from training.dialogue import LETTERS, TurnKind
from training.encoding import Encoded

IGNORED = -100
LETTER_KINDS = (TurnKind.WEIGH, TurnKind.WHEN)
Batch = dict[str, torch.Tensor]
"""What `DialogueCollator` makes."""


class Batching(StrEnum):
    """How dialogues share a batch."""

    LENGTH = "length"
    """Rows of their own, padded on the right; a step's dialogues fall into batches by length."""
    PACKED = "packed"
    """One row without padding; refused where the model lets dialogues see each other."""


def record(example: Encoded) -> dict[str, Any]:
    """An example as plain columns.

    `propose` holds start, end of each learnt list; `letters` position, kind and given letter; `targets` the
    shares over all letters, −1 where a letter is no option.
    """
    return {
        "input_ids": example.input_ids,
        "propose": [[span.start, span.end] for span in example.spans],
        "letters": [[at.at, LETTER_KINDS.index(at.kind), at.answer] for at in example.letters],
        "targets": [list(at.target) for at in example.letters],
    }


class DialogueCollator:
    """Makes one batch of records.

    Tensors: input_ids and attention_mask (B, T), labels (B, T) with the tokens of lists, weights (B, T) that
    sum to 1 over each list, letter_row, letter_at, letter_kind, letter_answer (M,), letter_target (M, 26).
    """

    def __init__(self, pad_id: int, batching: Batching = Batching.LENGTH) -> None:
        self.pad_id, self.batching = pad_id, batching

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Batch:
        packed = self.batching is Batching.PACKED
        sizes = [len(row["input_ids"]) for row in rows]
        starts = [sum(sizes[:i]) if packed else 0 for i in range(len(rows))]
        shape = (1, sum(sizes)) if packed else (len(rows), max(sizes))
        batch = _empty(shape, self.pad_id)
        if packed:
            batch["position_ids"] = torch.cat([torch.arange(size) for size in sizes])[None]
            del batch["attention_mask"]
        for i, row in enumerate(rows):
            _fill(batch, 0 if packed else i, starts[i], row)
        return batch | _letters(rows, starts, packed)


def _empty(shape: tuple[int, int], pad_id: int) -> Batch:
    return {
        "input_ids": torch.full(shape, pad_id),
        "attention_mask": torch.zeros(shape, dtype=torch.long),
        "labels": torch.full(shape, IGNORED),
        "weights": torch.zeros(shape),
    }


def _fill(batch: Batch, line: int, start: int, row: dict[str, Any]) -> None:
    tokens = torch.tensor(row["input_ids"])
    batch["input_ids"][line, start : start + len(tokens)] = tokens
    if "attention_mask" in batch:
        batch["attention_mask"][line, : len(tokens)] = 1
    for begin, end in row["propose"]:
        place = slice(start + begin, start + end)
        batch["labels"][line, place] = tokens[begin:end]
        batch["weights"][line, place] = 1.0 / (end - begin)


def _letters(rows: Sequence[dict[str, Any]], starts: Sequence[int], packed: bool) -> Batch:
    found = [
        (0 if packed else i, starts[i] + at, kind, answer)
        for i, row in enumerate(rows)
        for at, kind, answer in row["letters"]
    ]
    columns = torch.tensor(found, dtype=torch.long).reshape(-1, 4).T
    targets = [target for row in rows for target in row["targets"]]
    return {
        "letter_row": columns[0],
        "letter_at": columns[1],
        "letter_kind": columns[2],
        "letter_answer": columns[3],
        "letter_target": torch.tensor(targets, dtype=torch.float32).reshape(-1, len(LETTERS)),
    }
