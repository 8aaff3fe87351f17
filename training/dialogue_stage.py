"""The two stages that train on whole dialogues with exact gradients: SFT and proper scoring."""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig

from training.bases import is_adapter
from training.callbacks import KeepBest
from training.collation import Batching, DialogueCollator
from training.config import Stage
from training.dataset import Passes, Prepared
from training.dialogue import Style
from training.encoding import Encoder
from training.loss import Weights
from training.models import load_base, lora_config, with_adapter
from training.processes import process_count
from training.separation import check_separation
from training.stage_job import (
    ReadyStage,
    StageJob,
    StageName,
    held_out_rows,
    rows_of,
    shared_arguments,
    watchers,
)
from training.trainer import DialogueTrainer


def make_ready(job: StageJob, encoder: Encoder, train: Prepared, validation: Prepared) -> ReadyStage:
    """A trainer ready to run: data rendered for all epochs, adapter in place, separation checked."""
    experiment, stage = job.experiment, _stage(job)
    style = Style(experiment.data.target, experiment.data.without_happened)
    rows = rows_of(train, encoder, style, experiment.seed, passes_of(stage))
    if not stage.loss.propose:
        rows = [row | {"propose": []} for row in rows]  # no logits for lists that do not count
    held_out = held_out_rows(validation, encoder, experiment.seed)
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
        callbacks=watchers(job, KeepBest(job.folder.best, stage.patience), validation, encoder),
        weights=Weights(losses.propose, losses.weigh, losses.when, losses.brier),
        letter_ids=encoder.letter_ids,
        scale=stage.batch * train.mean_levels,
    )
    trainer.remove_callback(PrinterCallback)
    return ReadyStage(trainer, train, validation, {})


def _stage(job: StageJob) -> Stage:
    return job.experiment.sft if job.name is StageName.SFT else job.experiment.score


def passes_of(stage: Stage) -> Passes:
    """How often this stage shows each dialogue."""
    step = stage.batch * stage.accumulation
    return Passes(
        stage.epochs, step, stage.orders, stage.max_steps and stage.max_steps * step * process_count()
    )


def _model(job: StageJob) -> tuple[Any, Any]:
    """The model to train and, for a new adapter, its configuration."""
    experiment = job.experiment
    if job.parent is not None and not is_adapter(job.parent):
        return load_base(str(job.parent), experiment.precision), None
    model = load_base(experiment.base, experiment.precision)
    if job.parent is not None:
        return with_adapter(model, job.parent, experiment.base, trainable=True), None
    return model, lora_config(experiment.lora, model)


def _arguments(job: StageJob, rows: int) -> SFTConfig:
    stage = _stage(job)
    steps = max(1, -(-rows // (stage.batch * stage.accumulation)))
    return SFTConfig(
        **shared_arguments(job, stage, steps),
        per_device_train_batch_size=stage.batch,
        per_device_eval_batch_size=stage.batch,
        gradient_accumulation_steps=stage.accumulation,
        weight_decay=stage.weight_decay,
        logging_steps=min(10, stage.evaluate_every),
        train_sampling_strategy="sequential",
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
