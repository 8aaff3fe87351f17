"""The check at start-up: do two dialogues of one batch see each other?

Packing and padding are only as good as the model's attention kernel: some let a dialogue read its neighbour
without a word, and train on nonsense. The check asks the model itself. It replaces every token of one
dialogue of a batch and looks at the letters of the other (they must not move), and reads one dialogue
alone and in the batch (it must say the same).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from corpus.errors import InvalidInput
from training.collation import Batch, Batching, DialogueCollator
from training.loss import logits_read

TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
COARSE_TOLERANCE = 0.15
"""Nats, in 16-bit arithmetic, where sums in another order differ; crossed dialogues differ by whole nats."""


def check_separation(
    model: Any, collator: DialogueCollator, rows: Sequence[dict[str, Any]], letter_ids: Sequence[int]
) -> float:
    """Largest change (nats) that one dialogue causes in another; raises InvalidInput where it is too large.

    `rows` are records of dialogues, the shortest and the longest of which are used.
    """
    ordered = sorted((row for row in rows if row["letters"]), key=lambda row: len(row["input_ids"]))
    if len(ordered) < 2:
        return 0.0
    found = _largest_change(model, collator, (ordered[0], ordered[-1]), list(letter_ids))
    allowed = TOLERANCE.get(_dtype(model), COARSE_TOLERANCE)
    if not found <= allowed:
        raise InvalidInput(
            f"Batching {collator.batching.value!r} lets two dialogues of one batch see each other with "
            f"{type(model).__name__} and {model.config._attn_implementation} attention (letters moved by "
            f"{found:.3g} nats); {_cure(collator.batching)}."
        )
    return found


def _cure(batching: Batching) -> str:
    if batching is Batching.PACKED:
        return f"set batching: {Batching.LENGTH.value}"
    return "choose another base, forecasts are made in batches too"


def _dtype(model: Any) -> torch.dtype:
    dtype: torch.dtype = next(model.parameters()).dtype
    return dtype


def _largest_change(
    model: Any, collator: DialogueCollator, pair: tuple[dict[str, Any], dict[str, Any]], letter_ids: list[int]
) -> float:
    training = model.training
    model.eval()
    changes = []
    with torch.no_grad():
        for one, other in (pair, pair[::-1]):
            both = _letters(model, collator([one, other]), letter_ids)[-len(other["letters"]) :]
            crossed = _letters(model, collator([_replaced(one), other]), letter_ids)[-len(other["letters"]) :]
            alone = _letters(model, collator([other]), letter_ids)
            changes += [float((both - crossed).abs().max()), float((both - alone).abs().max())]
    model.train(training)
    return max(changes)


def _letters(model: Any, batch: Batch, letter_ids: list[int]) -> torch.Tensor:
    device = next(model.parameters()).device
    here = {name: tensor.to(device) for name, tensor in batch.items()}
    logits = logits_read(model, model.get_output_embeddings(), here).letters_MV
    return logits[:, letter_ids].float().log_softmax(-1).cpu()


def _replaced(row: dict[str, Any]) -> dict[str, Any]:
    """The same dialogue with its tokens in reverse order: as long, and other."""
    return row | {"input_ids": list(reversed(row["input_ids"]))}
