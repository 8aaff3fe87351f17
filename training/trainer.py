"""TRL's SFTTrainer with its loss extended to letter turns.

There is no training loop here: transformers' Trainer runs it. The trainer's `compute_loss` is replaced, and its
log gains one line for each kind of turn. What is watched while it runs stands in `training.callbacks`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from trl import SFTTrainer

from training.collation import Batch
from training.loss import Terms, Weights, logits_read, turn_terms


class DialogueTrainer(SFTTrainer):
    """SFTTrainer over batches of `training.collation.DialogueCollator`.

    `scale` is what the summed losses of one batch are divided by: dialogues a batch times mean levels a
    dialogue.
    """

    loss_is_scaled_for_ga = False

    def __init__(self, *args: Any, weights: Weights, letter_ids: tuple[int, ...], scale: float, **rest: Any):
        super().__init__(*args, **rest)
        self.turn_weights, self.turn_scale = weights, scale
        self.letter_ids = torch.tensor(letter_ids, device=self.args.device)
        self._sums: dict[str, dict[str, list[Any]]] = {"train": defaultdict(list), "eval": defaultdict(list)}

    def compute_loss(
        self,
        model: Any,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The loss of one batch; logits are formed only where a turn reads them."""
        read = logits_read(model, self.model.get_output_embeddings(), inputs)
        terms = turn_terms(read, inputs, self.letter_ids)
        self._note(terms, inputs)
        loss = terms.total(self.turn_weights, self.turn_scale)
        return (loss, {"logits": read.letters_MV}) if return_outputs else loss

    def _note(self, terms: Terms, inputs: Batch) -> None:
        sums = self._sums["train" if self.model.training else "eval"]
        weigh, when = len(terms.weigh_M), len(terms.when_M)
        for name, total, count in (
            ("propose_loss", terms.propose, terms.propose_turns),
            ("weigh_loss", terms.weigh_M.sum(), weigh),
            ("when_loss", terms.when_M.sum(), when),
            ("brier_sum", terms.brier, weigh + when),
            ("log_loss", terms.log_loss, weigh),
        ):
            sums[name].append(
                torch.stack([total.detach().float(), torch.tensor(float(count)).to(total.device)])
            )
        tokens = inputs.get("attention_mask", inputs["input_ids"].ne(-1)).sum()
        sums["tokens"].append(torch.stack([tokens.float(), torch.ones_like(tokens, dtype=torch.float)]))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the mean of each kind of turn over the turns seen since the last report."""
        mode = "train" if self.model.training else "eval"
        prefix = "eval_" if mode == "eval" else ""
        for name, parts in self._sums[mode].items():
            total, count = self.accelerator.reduce(torch.stack(parts).sum(0), "sum").tolist()
            if name == "tokens":
                logs[f"{prefix}tokens"] = total
            elif count:
                logs[f"{prefix}{name}"] = total / count
        self._sums[mode].clear()
        super().log(logs, start_time)
