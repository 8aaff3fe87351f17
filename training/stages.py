"""The trained stages: SFT on all turns, then proper scoring on the letters. Needs the training extra.

A stage reads a snapshot, checks everything that can be checked before the first step (lengths, letters, splits,
separation of dialogues), lets the trainer run, and leaves a `training.runfolder.RunFolder`. Called again on a
finished folder it does nothing; on an unfinished one it goes on from the newest complete checkpoint, to the
same result as without the interruption.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig

from corpus.errors import DiskFull
from corpus.snapshot import Snapshot
from corpus.splits import Split
from training.collation import Batching, DialogueCollator, record
from training.config import Experiment, Stage
from training.control import Order, forget_order
from training.dataset import Chain, Prepared, dialogue_of, examples, prepare
from training.dialogue import TEMPLATE_VERSION, Style, TurnKind, turns_of
from training.encoding import Encoder
from training.loss import Weights
from training.models import (
    dtype_of,
    identity,
    is_adapter,
    load_base,
    load_tokenizer,
    lora_config,
    with_adapter,
)
from training.runfolder import (
    MANIFEST,
    METADATA,
    RunFolder,
    content_hash,
    folder_hashes,
    lock_of,
    read_json,
    write_json,
)
from training.separation import check_separation
from training.trainer import DialogueTrainer, KeepBest, KeepMetrics, MarkCheckpoints, ObeyOrders, ShowProgress


class StageName(StrEnum):
    """The stages that this module runs."""

    SFT = "sft"
    """Supervised fine-tuning on all turns."""
    SCORE = "score"
    """Proper scoring: cross-entropy and quadratic score of the letters."""


@dataclass(frozen=True)
class StageResult:
    """Where a stage's result lies and how it ended."""

    folder: RunFolder
    metadata: dict[str, Any]
    was_finished: bool


@dataclass(frozen=True)
class _Job:
    experiment: Experiment
    name: StageName
    snapshot: Snapshot
    folder: RunFolder
    parent: Path | None

    @property
    def stage(self) -> Stage:
        return self.experiment.sft if self.name is StageName.SFT else self.experiment.score


def run_stage(
    experiment: Experiment, name: StageName, snapshot: Snapshot, out: Path, parent: Path | None = None
) -> StageResult:
    """Run one stage into `out`; `parent` is an adapter or model folder to start from.

    Raises InvalidInput for what does not fit, InvalidFile for a damaged checkpoint, DiskFull.
    """
    job = _Job(experiment, name, snapshot, RunFolder(out), parent)
    if job.folder.claim(_lock(job)):
        return StageResult(job.folder, read_json(out / METADATA) or {}, was_finished=True)
    try:
        return StageResult(job.folder, _run(job), was_finished=False)
    except OSError as fault:
        if fault.errno != errno.ENOSPC:
            raise
        raise DiskFull(
            f"No space is left where {out} lies; free some and run again, it goes on from the last checkpoint."
        ) from fault


def _lock(job: _Job) -> dict[str, Any]:
    parent = identity(job.experiment.base)
    if job.parent is not None:
        parent |= {"adapter": content_hash(job.parent)}
    return lock_of(job.experiment.model_dump(mode="json"), job.name.value, job.snapshot.hash, parent)


def _run(job: _Job) -> dict[str, Any]:
    started = time.monotonic()
    encoder = Encoder(load_tokenizer(job.experiment.base))
    data = job.experiment.data
    train, validation = (
        prepare(job.snapshot, split, encoder, data.max_tokens, data.over_length)
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    trainer = make_trainer(job, encoder, train.require(), validation.require())
    checkpoint = job.folder.newest_checkpoint()
    job.folder.forget_metrics_after(int(checkpoint.name.rsplit("-", 1)[1]) if checkpoint else -1)
    outcome = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    callbacks = trainer.callback_handler.callbacks
    keep = next(c for c in callbacks if isinstance(c, KeepBest))
    order = next(c for c in callbacks if isinstance(c, ObeyOrders)).obeyed
    forget_order(job.folder.path)
    if order is Order.PAUSE:
        return {"status": "paused", "steps": outcome.global_step}
    write_final(job.folder, trainer, encoder, job.experiment.base)
    return _write_metadata(job, outcome, keep, (train, validation), time.monotonic() - started)


def make_trainer(job: _Job, encoder: Encoder, train: Prepared, validation: Prepared) -> DialogueTrainer:
    """A trainer ready to run: data rendered for all epochs, adapter in place, separation checked."""
    experiment, stage = job.experiment, job.stage
    style = Style(experiment.data.target, experiment.data.without_happened)
    rows = _rows(train, encoder, style, experiment.seed, stage.epochs, stage.batch)
    if not stage.loss.propose:
        rows = [row | {"propose": []} for row in rows]  # no logits for lists that do not count
    held_out = _rows(validation, encoder, Style(), experiment.seed, 1, stage.batch)
    model, peft_config = _model(job)
    collator = DialogueCollator(
        encoder.tokenizer.pad_token_id or encoder.end, Batching(experiment.data.batching)
    )
    check_separation(model, collator, held_out[: min(len(held_out), 16)], encoder.letter_ids)
    losses = stage.loss
    trainer = DialogueTrainer(
        model=model,
        args=_arguments(job, len(rows)),
        data_collator=collator,
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held_out),
        processing_class=encoder.tokenizer,
        peft_config=peft_config,
        callbacks=[
            KeepBest(job.folder.best, stage.patience),
            KeepMetrics(job.folder),
            MarkCheckpoints(job.folder),
            ShowProgress(job.name.value),
            ObeyOrders(job.folder.path),
        ],
        weights=Weights(losses.propose, losses.weigh, losses.when, losses.brier),
        letter_ids=encoder.letter_ids,
        scale=stage.batch * mean_levels(train.chains),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def mean_levels(chains: Sequence[Chain]) -> float:
    """Mean number of levels a dialogue: what makes the loss a mean over levels."""
    counts = [
        sum(1 for _ in turns_of(dialogue_of(chain, Style(shuffle=False), 0, 0), TurnKind.WEIGH))
        for chain in chains
    ]
    return sum(counts) / len(counts)


def _rows(
    prepared: Prepared, encoder: Encoder, style: Style, seed: int, epochs: int, batch: int
) -> list[dict[str, Any]]:
    return [record(example) for example in examples(prepared, encoder, style, seed, range(epochs), batch)]


def _model(job: _Job) -> tuple[Any, Any]:
    """The model to train and, for a new adapter, its configuration."""
    experiment = job.experiment
    if job.parent is not None and not is_adapter(job.parent):
        return load_base(str(job.parent), experiment.precision), None
    model = load_base(experiment.base, experiment.precision)
    if job.parent is not None:
        return with_adapter(model, job.parent, experiment.base, trainable=True), None
    return model, lora_config(experiment.lora, model)


def _arguments(job: _Job, rows: int) -> SFTConfig:
    experiment, stage = job.experiment, job.stage
    steps = max(1, -(-rows // (stage.batch * stage.accumulation)))
    cuda = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(job.folder.checkpoints),
        num_train_epochs=1,  # the rows hold all epochs, each shuffled anew
        max_steps=min(stage.max_steps, steps) if stage.max_steps else -1,
        per_device_train_batch_size=stage.batch,
        per_device_eval_batch_size=stage.batch,
        gradient_accumulation_steps=stage.accumulation,
        learning_rate=stage.learning_rate,
        warmup_steps=stage.warmup_share,
        weight_decay=stage.weight_decay,
        lr_scheduler_type="cosine",
        logging_steps=min(10, stage.evaluate_every),
        save_strategy="steps",
        save_steps=stage.save_every,
        save_total_limit=2,
        eval_strategy="steps",
        eval_steps=stage.evaluate_every,
        eval_on_start=job.folder.newest_checkpoint() is None,
        prediction_loss_only=True,
        restore_callback_states_from_checkpoint=True,
        train_sampling_strategy="sequential",
        seed=experiment.seed,
        bf16=cuda and dtype_of(experiment.precision) is torch.bfloat16,
        use_cpu=not cuda,
        dataloader_pin_memory=cuda,
        gradient_checkpointing=experiment.gradient_checkpointing,
        router_aux_loss_coef=0.0,  # padded generation breaks in a mixture model saved with router logits
        max_length=None,
        shuffle_dataset=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=True,  # its bar writes to standard output; `ShowProgress` does not
    )


def write_final(folder: RunFolder, trainer: Any, encoder: Encoder, base: str) -> None:
    """Put the best weights (the last ones where none was validated) into `final`, manifest last."""
    partial = folder.path / ".final.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if folder.best.is_dir():
        shutil.copytree(folder.best, partial)
    else:
        trainer.model.save_pretrained(partial)
    encoder.tokenizer.save_pretrained(partial)
    (partial / "README.md").unlink(missing_ok=True)  # a template's; the registry writes the model card
    settings = read_json(partial / "adapter_config.json")
    if settings is not None:
        write_json(partial / "adapter_config.json", settings | {"base_model_name_or_path": base})
    write_json(partial / MANIFEST, {"template": TEMPLATE_VERSION, "files": folder_hashes(partial)})
    shutil.rmtree(folder.final, ignore_errors=True)
    partial.rename(folder.final)


def _write_metadata(
    job: _Job, outcome: Any, keep: KeepBest, splits: tuple[Prepared, Prepared], seconds: float
) -> dict[str, Any]:
    metadata = {
        "status": "finished",
        "stage": job.name.value,
        "base": job.experiment.base,
        "snapshot": job.snapshot.hash,
        "steps": outcome.global_step,
        "train_loss": outcome.training_loss,
        "best_step": keep.best_step,
        "best_validation_log_loss": keep.best,
        "seconds_of_this_call": round(seconds, 3),
        "splits": {
            prepared.split.value: {
                "cases": len(prepared.chains),
                "tokens": sum(prepared.lengths.values()),
                "too_long": dict(prepared.too_long),
                "without_level": dict(prepared.without_level),
                "cut": dict(prepared.cut),
            }
            for prepared in splits
        },
        "final": content_hash(job.folder.final),
    }
    write_json(job.folder.path / METADATA, metadata)
    return metadata
