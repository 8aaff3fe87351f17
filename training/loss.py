"""The loss of a batch of dialogues: lists by their tokens, letters by their renormalised distribution.

Each learnt turn contributes one number: a propose turn the mean cross-entropy of its list's tokens, a weigh or
when turn the cross-entropy (and, where asked, the quadratic score) of the softmax over its own letters
against its target. All in nats. The batch's loss is their weighted sum over the batch's turns, divided by the
number of dialogues and by the mean number of levels a dialogue, a constant of the data: so each level
counts the same however batches fall, and gradient accumulation is exact.

One forward pass; logits are formed only where a turn reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the name that PyTorch's own documentation gives it)

from training.collation import IGNORED, LETTER_KINDS
from training.dialogue import TurnKind


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


def read_positions(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Sorted positions (P,) after which some row's logits are needed: the union over the batch's rows."""
    lists = (batch["labels"] != IGNORED).any(dim=0).nonzero().flatten() - 1
    return torch.cat([lists, batch["letter_at"]]).unique()


def turn_terms(
    logits_BPV: torch.Tensor, read_P: torch.Tensor, batch: dict[str, torch.Tensor], letter_ids: torch.Tensor
) -> Terms:
    """The losses of all turns, from the logits at the positions `read_positions` names."""
    propose, turns = _propose(logits_BPV, _places(read_P, batch), batch)
    log_p_ML = letters_of(logits_BPV, read_P, batch, letter_ids)
    target_ML = batch["letter_target"].clamp(min=0)
    cross_M = -(target_ML * log_p_ML.masked_fill(target_ML == 0, 0.0)).sum(-1)
    weigh = batch["letter_kind"] == LETTER_KINDS.index(TurnKind.WEIGH)
    given_M = -log_p_ML.gather(1, batch["letter_answer"][:, None])[:, 0]
    quadratic = (log_p_ML.exp() - target_ML).pow(2).sum()
    return Terms(propose, turns, cross_M[weigh], cross_M[~weigh], quadratic, given_M[weigh].sum())


def letters_of(
    logits_BPV: torch.Tensor, read_P: torch.Tensor, batch: dict[str, torch.Tensor], letter_ids: torch.Tensor
) -> torch.Tensor:
    """Log-probabilities (M, 26) of the letters in all weigh and when turns; −inf where a letter is no option."""
    where = _places(read_P, batch)
    rows = logits_BPV[batch["letter_row"], where[batch["letter_at"]]][:, letter_ids].float()
    return letter_log_probabilities(rows, batch["letter_target"] >= 0)


def _places(read_P: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Position in the dialogue → place among the positions that are read; −1 elsewhere."""
    where = torch.full((batch["input_ids"].shape[1],), -1, device=read_P.device)
    where[read_P] = torch.arange(len(read_P), device=read_P.device)
    return where


def letter_divergence(before_ML: torch.Tensor, now_ML: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of turns' letters from what they were, in nats; both as log-probabilities."""
    options = before_ML > float("-inf")
    apart = (before_ML - now_ML).masked_fill(~options, 0.0)
    return (before_ML.exp() * apart).sum() / max(1, len(now_ML))


def letter_log_probabilities(logits_ML: torch.Tensor, options_ML: torch.Tensor) -> torch.Tensor:
    """Log-softmax over the letters that are options; −inf elsewhere."""
    return logits_ML.masked_fill(~options_ML, float("-inf")).log_softmax(-1)


def _propose(
    logits_BPV: torch.Tensor, where: torch.Tensor, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, int]:
    row, at = (batch["labels"] != IGNORED).nonzero(as_tuple=True)
    if not len(row):
        return logits_BPV.sum() * 0.0, 0  # stays connected to the model, as a batch without lists must
    scores = logits_BPV[row, where[at - 1]].float()
    losses = F.cross_entropy(scores, batch["labels"][row, at], reduction="none")
    weights = batch["weights"][row, at]
    return (losses * weights).sum(), round(float(weights.sum()))
