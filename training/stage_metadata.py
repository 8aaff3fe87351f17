"""What a finished stage says of itself: `metadata.json`. Needs the training extra."""

from __future__ import annotations

from typing import Any

import torch

from training.alarms import WatchRewards
from training.callbacks import LOG_LOSS, REWARD, KeepBest, ObeyOrders
from training.dataset import Prepared
from training.runfolder import METADATA, content_hash, write_json
from training.stage_job import ReadyStage, StageJob, callback
from training.template import Template


def forget_peak() -> None:
    """Begin to measure the GPU's memory anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory_gb() -> float | None:
    """Most memory allocated on this process's GPU since `forget_peak`, in GB (1e9 bytes); None without a GPU."""
    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None


def write_metadata(
    job: StageJob, ready: ReadyStage, outcome: Any, seconds: float, template: Template
) -> None:
    """Write how the stage went into its folder; `outcome` is the trainer's."""
    keep = callback(ready.trainer, KeepBest)
    metadata = {
        "status": "finished",
        "stage": job.name.value,
        "base": job.experiment.base,
        "snapshot": job.snapshot.hash,
        "template": {"version": template.version, "reason": template.reason},
        "steps": outcome.global_step,
        "ended_by": _ended_by(ready.trainer, keep),
        "train_loss": outcome.training_loss,
        "best_step": keep.best_step,
        "best_validation_log_loss": keep.best_figures.get(LOG_LOSS),
        "best_validation_reward": keep.best_figures.get(REWARD),
        "seconds_of_this_call": round(seconds, 3),
        "peak_gpu_memory_gb": peak_memory_gb(),
        "left_out": ready.left_out,
        "splits": {prepared.split.value: _counts(prepared) for prepared in (ready.train, ready.validation)},
        "final": content_hash(job.folder.final),
    }
    write_json(job.folder.path / METADATA, metadata)


def _counts(prepared: Prepared) -> dict[str, Any]:
    return {
        "cases": len(prepared.chains),
        "tokens": sum(prepared.lengths.values()),
        "too_long": dict(prepared.too_long),
        "without_level": dict(prepared.without_level),
        "cut": dict(prepared.cut),
    }


def _ended_by(trainer: Any, keep: KeepBest) -> str | None:
    """An order, an alarm or patience; None where all steps were made."""
    order = callback(trainer, ObeyOrders).obeyed
    if order is not None:
        return str(order.value)
    watch = callback(trainer, WatchRewards)
    if watch is not None and watch.stopped_by:
        return str(watch.stopped_by)
    return "patience" if keep.out_of_patience else None
