"""What one stage is asked to do, and what all stages hand to transformers' Trainer alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from corpus.snapshot import Snapshot
from training.callbacks import KeepBest, KeepMetrics, LogSamples, MarkCheckpoints, ObeyOrders, ShowProgress
from training.collation import record
from training.config import Experiment, Grpo, Stage
from training.dataset import Passes, Prepared, examples
from training.dialogue import Style
from training.encoding import Encoder
from training.models import dtype_of
from training.runfolder import RunFolder


class StageName(StrEnum):
    """The stages of training, in their order."""

    SFT = "sft"
    """Supervised fine-tuning on all turns."""
    SCORE = "score"
    """Proper scoring: cross-entropy and quadratic score of the letters."""
    GRPO = "grpo"
    """Reinforcement learning of the lists."""


@dataclass(frozen=True)
class StageJob:
    """One stage to be run."""

    experiment: Experiment
    name: StageName
    snapshot: Snapshot
    folder: RunFolder
    parent: Path | None
    """An adapter or model to start from."""


@dataclass(frozen=True)
class ReadyStage:
    """A trainer that only needs to be started."""

    trainer: Any
    train: Prepared
    validation: Prepared
    left_out: dict[str, int]
    """What the stage could not use, by name, with its size in tokens."""


@dataclass(frozen=True)
class StageResult:
    """Where a stage's result lies and how it ended."""

    folder: RunFolder
    metadata: dict[str, Any]
    was_finished: bool


def rows_of(
    prepared: Prepared, encoder: Encoder, style: Style, seed: int, passes: Passes
) -> list[dict[str, Any]]:
    """Records of dialogues in the order in which they are trained on."""
    return [record(example) for example in examples(prepared, encoder, style, seed, passes)]


def held_out_rows(validation: Prepared, encoder: Encoder, seed: int) -> list[dict[str, Any]]:
    """Records of the validation dialogues, all by length: nothing is learnt from their order."""
    return rows_of(validation, encoder, Style(), seed, Passes(1, len(validation.chains)))


def watchers(job: StageJob, keep: KeepBest, validation: Prepared, encoder: Encoder) -> list[TrainerCallback]:
    """The callbacks of every stage; samples stand before the marks so that a checkpoint knows of them."""
    cases = [chain.case for chain in validation.chains[: job.experiment.sample_trees]]
    return [
        keep,
        KeepMetrics(job.folder),
        LogSamples(job.folder, cases, encoder),
        MarkCheckpoints(job.folder),
        ShowProgress(job.name.value),
        ObeyOrders(job.folder.path),
    ]


def shared_arguments(job: StageJob, stage: Stage | Grpo, steps: int) -> dict[str, Any]:
    """The trainer's arguments that do not depend on what is trained; `steps` are those of all epochs."""
    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(job.folder.checkpoints),
        "num_train_epochs": 1,  # the rows hold all epochs, each shuffled anew
        "max_steps": min(stage.max_steps, steps) if stage.max_steps else -1,
        "learning_rate": stage.learning_rate,
        "warmup_steps": stage.warmup_share,
        "lr_scheduler_type": "cosine",
        "save_strategy": "steps",
        "save_steps": stage.save_every,
        "save_total_limit": 2,
        "eval_strategy": "steps",
        "eval_steps": stage.evaluate_every,
        "eval_on_start": job.folder.newest_checkpoint() is None,
        "prediction_loss_only": True,
        "restore_callback_states_from_checkpoint": True,
        "seed": job.experiment.seed,
        "bf16": cuda and dtype_of(job.experiment.precision) is torch.bfloat16,
        "use_cpu": not cuda,
        "dataloader_pin_memory": cuda,
        "gradient_checkpointing": job.experiment.gradient_checkpointing,
        "router_aux_loss_coef": 0.0,  # padded generation breaks in a mixture model saved with router logits
        "shuffle_dataset": False,
        "remove_unused_columns": False,
        "report_to": "none",
        "disable_tqdm": True,  # its bar writes to standard output; `ShowProgress` does not
    }


def callback(trainer: Any, kind: type[TrainerCallback]) -> Any:
    """A trainer's own callback of a kind, None without one; resuming puts new ones in the place of those handed in."""
    found: Sequence[TrainerCallback] = trainer.callback_handler.callbacks
    return next((one for one in found if isinstance(one, kind)), None)
