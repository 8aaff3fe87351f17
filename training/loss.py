"""The loss of a batch of dialogues: lists by their tokens, letters by their renormalised distribution.

Each learnt turn contributes one number: a propose turn the mean cross-entropy of its list's tokens, a weigh or
when turn the cross-entropy (and, where asked, the quadratic score) of the softmax over its own letters
against its target. All in nats. The batch's loss is their weighted sum over the batch's turns, divided by the
number of dialogues and by the mean number of levels a dialogue, a constant of the data: so each level
counts the same however batches fall, and gradient accumulation is exact.

One forward pass; logits are formed only where a turn of the same row reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the name that PyTorch's own documentation gives it)

from training.collation import IGNORED, LETTER_KINDS, Batch
from training.dialogue import TurnKind

_MODEL_INPUTS = ("input_ids", "attention_mask", "position_ids")


@dataclass(frozen=True)
class Weights:
    """How much each kind of turn counts."""

    propose: float = 1.0
    weigh: float = 1.0
    when: float = 0.5
    brier: float = 0.0
    """Of the quadratic score over the letters, beside the cross-entropy."""


@dataclass(frozen=True)
class Terms:
    """Numbers of turns and summed losses of one batch, by kind."""

    propose: torch.Tensor
    propose_turns: int
    weigh_M: torch.Tensor
    """Cross-entropy against the target of each weigh turn."""
    when_M: torch.Tensor
    brier: torch.Tensor
    """Summed quadratic score of weigh and when turns."""
    log_loss: torch.Tensor
    """Summed −ln p of the letter given in each weigh turn."""

    def total(self, weights: Weights, scale: float) -> torch.Tensor:
        """The weighted sum over turns, divided by `scale`."""
        summed = (
            weights.propose * self.propose
            + weights.weigh * self.weigh_M.sum()
            + weights.when * self.when_M.sum()
        )
        return (summed + weights.brier * self.brier) / scale


@dataclass(frozen=True)
class Logits:
    """Logits where a batch's turns are read."""

    lists_NV: torch.Tensor
    """Before each token of its learnt lists."""
    letters_MV: torch.Tensor
    """At its letters."""


def logits_read(model: Any, head: torch.nn.Module, batch: Batch) -> Logits:
    """One forward pass of `model`, whose output layer `head` is.

    The head is handed the hidden states of the places that are read alone; a model's own `logits_to_keep` would form
    them for every row wherever one row reads. The model may be wrapped in whatever training needs.
    """
    row, at = _lists(batch)
    rows, places = torch.cat([row, batch["letter_row"]]), torch.cat([at - 1, batch["letter_at"]])
    asked = {name: batch[name] for name in _MODEL_INPUTS if name in batch}
    hook = head.register_forward_pre_hook(lambda _, states: (states[0][rows, places],))
    try:
        logits = model(**asked, use_cache=False).logits
        return Logits(*logits.split([len(row), len(batch["letter_row"])]))
    finally:
        hook.remove()


def turn_terms(logits: Logits, batch: Batch, letter_ids: torch.Tensor) -> Terms:
    """The losses of all turns."""
    propose, turns = _propose(logits.lists_NV, batch)
    log_p_ML = letters_of(logits, batch, letter_ids)
    target_ML = batch["letter_target"].clamp(min=0)
    cross_M = -(target_ML * log_p_ML.masked_fill(target_ML == 0, 0.0)).sum(-1)
    weigh = batch["letter_kind"] == LETTER_KINDS.index(TurnKind.WEIGH)
    given_M = -log_p_ML.gather(1, batch["letter_answer"][:, None])[:, 0]
    quadratic = (log_p_ML.exp() - target_ML).pow(2).sum()
    return Terms(propose, turns, cross_M[weigh], cross_M[~weigh], quadratic, given_M[weigh].sum())


def letters_of(logits: Logits, batch: Batch, letter_ids: torch.Tensor) -> torch.Tensor:
    """Log-probabilities (M, 26) of the letters in all weigh and when turns; −inf where a letter is no option."""
    return letter_log_probabilities(logits.letters_MV[:, letter_ids].float(), batch["letter_target"] >= 0)


def letter_divergence(before_ML: torch.Tensor, now_ML: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of turns' letters from what they were, in nats; both as log-probabilities."""
    options = before_ML > float("-inf")
    apart = (before_ML - now_ML).masked_fill(~options, 0.0)
    return (before_ML.exp() * apart).sum() / max(1, len(now_ML))


def letter_log_probabilities(logits_ML: torch.Tensor, options_ML: torch.Tensor) -> torch.Tensor:
    """Log-softmax over the letters that are options; −inf elsewhere."""
    return logits_ML.masked_fill(~options_ML, float("-inf")).log_softmax(-1)


def _lists(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and position of every token of a learnt list."""
    row, at = (batch["labels"] != IGNORED).nonzero(as_tuple=True)
    return row, at


def _propose(logits_NV: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    row, at = _lists(batch)
    losses = F.cross_entropy(logits_NV.float(), batch["labels"][row, at], reduction="none")
    weights = batch["weights"][row, at]
    return (losses * weights).sum(), round(float(weights.sum()))
