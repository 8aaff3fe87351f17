"""TRL's SFTTrainer with its loss extended to letter turns, and what is watched while it runs.

There is no training loop here: transformers' Trainer runs it. The trainer's `compute_loss` is replaced, its
log gains one line for each kind of turn, and callbacks keep metrics, the best weights and checkpoints' marks.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState
from trl import SFTTrainer

from training.control import Order, take_order
from training.loss import Terms, Weights, read_positions, turn_terms
from training.runfolder import COMPLETE, RunFolder, folder_hashes, write_json

LOG_LOSS = "eval_log_loss"
_MODEL_INPUTS = ("input_ids", "attention_mask", "position_ids")


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
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The loss of one batch; logits are formed only where a turn reads them."""
        read = read_positions(inputs)
        asked = {name: inputs[name] for name in _MODEL_INPUTS if name in inputs}
        outputs = model(**asked, logits_to_keep=read, use_cache=False)
        terms = turn_terms(outputs.logits, read, inputs, self.letter_ids)
        self._note(terms, inputs)
        loss = terms.total(self.turn_weights, self.turn_scale)
        return (loss, outputs) if return_outputs else loss

    def _note(self, terms: Terms, inputs: dict[str, torch.Tensor]) -> None:
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


class KeepMetrics(TrainerCallback):
    """Every report of the trainer becomes a line of `metrics.jsonl`."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Any = None,
        **_: Any,
    ) -> None:
        if state.is_world_process_zero and logs:
            self.folder.report({"step": state.global_step} | {k: v for k, v in logs.items() if k != "epoch"})


class MarkCheckpoints(TrainerCallback):
    """A checkpoint's mark, with the hashes of its files, is written once all of it is there."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            path = self.folder.checkpoints / f"checkpoint-{state.global_step}"
            write_json(path / COMPLETE, folder_hashes(path))


class KeepBest(TrainerCallback, ExportableState):
    """Keeps the weights of the best validation, and stops after `patience` validations without a better one."""

    def __init__(self, folder: Path | str, patience: int | None) -> None:
        self.folder, self.patience = folder, patience
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        return {
            "args": {"folder": str(self.folder), "patience": self.patience},
            "attributes": {"best": self.best, "best_step": self.best_step, "waited": self.waited},
        }

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Any = None,
        model: Any = None,
        **_: Any,
    ) -> None:
        found = metrics[LOG_LOSS]
        if self.best is None or found < self.best:
            self.best, self.best_step, self.waited = found, state.global_step, 0
            if state.is_world_process_zero:
                model.save_pretrained(self.folder)
            return
        self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            control.should_training_stop = True


class ObeyOrders(TrainerCallback):
    """Pauses or stops where the run's folder says so (`training.control`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.obeyed: Order | None = None

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        order = take_order(self.folder)
        if order is not None:
            self.obeyed = order
            control.should_save = control.should_training_stop = True


class ShowProgress(TrainerCallback):
    """A bar on the terminal (standard error) with the newest losses; nothing where there is no terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._bar: Progress | None = None
        self._task: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if sys.stderr.isatty() and state.is_world_process_zero:
            self._bar = Progress(*Progress.get_default_columns(), console=Console(stderr=True))
            self._task = self._bar.add_task(self.name, total=state.max_steps, completed=state.global_step)
            self._bar.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Any = None,
        **_: Any,
    ) -> None:
        if self._bar is not None and logs:
            shown = {name: value for name, value in logs.items() if name.endswith("_loss")}
            told = ", ".join(f"{name.removesuffix('_loss')} {value:.3f}" for name, value in shown.items())
            self._bar.update(self._task, description=f"{self.name}: {told}")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
