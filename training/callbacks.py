"""What is watched while a stage runs: metrics, checkpoints' marks, the best weights, orders, sample trees, progress."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from corpus.case import Case
from corpus.errors import InvalidInput
from training.control import Order, take_order
from training.encoding import Encoder
from training.engine import Sampling
from training.inference import ProbabilityTreeInference
from training.local_engine import TransformersEngine
from training.processes import told_by_first, wait_for_all
from training.runfolder import COMPLETE, SAMPLES, RunFolder, folder_hashes, write_json
from training.trees import Effort

LOG_LOSS, REWARD = "eval_log_loss", "eval_reward"
SAMPLE_DEPTH, SAMPLE_BRANCHES = 2, 3
_SAMPLED = Effort(orders=1, floor=0.1, sampling=Sampling(lists=1, max_tokens=160))


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
        wait_for_all()  # each process writes its own random state
        if state.is_world_process_zero:
            path = self.folder.checkpoints / f"checkpoint-{state.global_step}"
            write_json(path / COMPLETE, folder_hashes(path))


class KeepBest(TrainerCallback, ExportableState):
    """Keeps the weights of the best validation, and stops after `patience` validations without a better one.

    The best one has the lowest log loss.
    """

    def __init__(self, folder: Path | str, patience: int | None) -> None:
        self.folder, self.patience = folder, patience
        self.best: float | None = None
        self.best_step = 0
        self.best_figures: dict[str, float] = {}
        """Log loss, and reward where there is one, of the best validation."""
        self.waited = 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        kept = ("best", "best_step", "best_figures", "waited")
        return {
            "args": {"folder": str(self.folder), "patience": self.patience},
            "attributes": {name: getattr(self, name) for name in kept},
        }

    @property
    def out_of_patience(self) -> bool:
        """Whether it stopped the run."""
        return self.patience is not None and self.waited >= self.patience

    def worth(self, metrics: Mapping[str, float]) -> float | None:
        """What is compared, higher is better; None for weights that may not be kept."""
        return -metrics[LOG_LOSS]

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Any = None,
        model: Any = None,
        **_: Any,
    ) -> None:
        found = self.worth(metrics)
        if found is not None and (self.best is None or found > self.best):
            self.best, self.best_step, self.waited = found, state.global_step, 0
            self.best_figures = {name: metrics[name] for name in (LOG_LOSS, REWARD) if name in metrics}
            if state.is_world_process_zero:
                model.save_pretrained(self.folder)
            return
        self.waited += 1
        if self.out_of_patience:
            control.should_training_stop = True


class ObeyOrders(TrainerCallback):
    """Pauses or stops where the run's folder says so (`training.control`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.obeyed: Order | None = None

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        order = told_by_first(take_order(self.folder))  # all stop after the same step, or none
        if order is not None:
            self.obeyed = order
            control.should_save = control.should_training_stop = True


class LogSamples(TrainerCallback):
    """At each validation a small tree for each of a few cases, in `samples.jsonl`: what figures cannot show."""

    def __init__(self, folder: RunFolder, cases: Sequence[Case], encoder: Encoder) -> None:
        self.folder, self.cases, self.encoder = folder, cases, encoder

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **_: Any,
    ) -> None:
        if not state.is_world_process_zero or not self.cases:
            return
        training = model.training
        engine = TransformersEngine(model, self.encoder.tokenizer, template=self.encoder.template)
        inference = ProbabilityTreeInference(f"step {state.global_step}", engine=engine)
        for case in self.cases:
            line = {"step": state.global_step, "case_id": case.case_id}
            self.folder.report(line | _sample(inference, case), SAMPLES)
        model.train(training)


def _sample(inference: ProbabilityTreeInference, case: Case) -> dict[str, Any]:
    """A tree, or why there is none: a model at the start of its training may list nothing."""
    try:
        tree = inference.generate_tree(
            case.seed_event,
            [fact.text for fact in case.context],
            case.seed_date.last_day,
            case.horizon_months,
            SAMPLE_DEPTH,
            SAMPLE_BRANCHES,
            _SAMPLED,
        )
    except InvalidInput as fault:
        return {"tree": None, "problem": str(fault)}
    return {"tree": tree.model_dump(mode="json"), "problem": None}


class ShowProgress(TrainerCallback):
    """A bar on the terminal (standard error) with the newest figures; nothing where there is no terminal."""

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
            shown = {
                name: value
                for name, value in logs.items()
                if name.endswith("_loss") or name in ("reward", "kl")
            }
            told = ", ".join(f"{name.removesuffix('_loss')} {value:.3f}" for name, value in shown.items())
            self._bar.update(self._task, description=f"{self.name}: {told}")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
