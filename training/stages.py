"""Running a stage: SFT on all turns, proper scoring on the letters, GRPO on the lists. Needs the training extra.

A stage reads a snapshot, checks everything that can be checked before the first step (lengths, letters, splits,
separation of dialogues, rewards), lets the trainer run, and leaves a `training.runfolder.RunFolder`. Called again
on a finished folder it does nothing; on an unfinished one it goes on from the newest complete checkpoint, to
the same result as without the interruption.

How the stages differ stands in `training.dialogue_stage` and `training.grpo`.
"""

from __future__ import annotations

import errno
import shutil
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from transformers import set_seed

from corpus.errors import DiskFull, InvalidInput
from corpus.snapshot import Snapshot
from corpus.splits import Split
from training import dialogue_stage
from training.bases import check_unchanged, identity
from training.callbacks import ObeyOrders
from training.config import Experiment
from training.control import Order, forget_order
from training.dataset import prepare
from training.encoding import Encoder
from training.models import forget_origin, load_tokenizer
from training.processes import is_first, wait_for_all
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
from training.stage_job import ReadyStage, StageJob, StageName, StageResult, callback
from training.stage_metadata import forget_peak, write_metadata
from training.template import chosen_template

_NEARLY_NOTHING = 1 << 20
"""Bytes; a disk with less is full for any checkpoint."""


def run_stage(
    experiment: Experiment, name: StageName, snapshot: Snapshot, out: Path, parent: Path | None = None
) -> StageResult:
    """Run one stage into `out`; `parent` is an adapter or model folder to start from.

    Raises InvalidInput for what does not fit or while another process works in `out`, InvalidFile for a damaged
    checkpoint, DiskFull.
    """
    job = StageJob(experiment, name, snapshot, RunFolder(out), parent)
    if name is StageName.GRPO and parent is None:
        raise InvalidInput("GRPO starts from a scored model; name the run of that stage with --from.")
    with job.folder.held() if is_first() else nullcontext():
        return _claimed(job)


def _claimed(job: StageJob) -> StageResult:
    out = job.folder.path
    if job.folder.claim(_lock(job)):
        return StageResult(job.folder, read_json(out / METADATA) or {}, was_finished=True)
    try:
        return StageResult(job.folder, _run(job), was_finished=False)
    except Exception as fault:  # each writer of weights and optimiser reports a full disk in its own way
        if not disk_is_full(fault, shutil.disk_usage(out).free):
            raise
        raise DiskFull(
            f"No space is left where {out} lies; free some and run again, it goes on from the last checkpoint."
        ) from fault


def disk_is_full(fault: BaseException, free: int) -> bool:
    """Whether a write failed for want of space; `free` are the bytes left where it was written.

    The system says so by ENOSPC, safetensors in its message; PyTorch only that a file came out shorter.
    """
    if isinstance(fault, OSError) and fault.errno == errno.ENOSPC:
        return True
    text = str(fault)
    return "No space left on device" in text or (free < _NEARLY_NOTHING and "unexpected pos" in text)


def _lock(job: StageJob) -> dict[str, Any]:
    parent = identity(job.experiment.base)
    if job.parent is not None:
        check_unchanged(job.parent, parent)
        parent |= {"adapter": content_hash(job.parent)}
    return lock_of(job.experiment.model_dump(mode="json"), job.name.value, job.snapshot.hash, parent)


def _run(job: StageJob) -> dict[str, Any]:
    started = time.monotonic()
    forget_peak()
    set_seed(job.experiment.seed)  # a new adapter's first weights are drawn before the trainer seeds anything
    encoder = _encoder(job)
    ready = _ready(job, encoder)
    forget_origin(ready.trainer.model)
    checkpoint = job.folder.newest_checkpoint()
    if is_first():
        job.folder.forget_reports_after(int(checkpoint.name.rsplit("-", 1)[1]) if checkpoint else -1)
    outcome = ready.trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if is_first():
        forget_order(job.folder.path)
    if callback(ready.trainer, ObeyOrders).obeyed is Order.PAUSE:
        return {"status": "paused", "steps": outcome.global_step}
    if is_first():
        write_final(job, ready.trainer, encoder)
        write_metadata(job, ready, outcome, time.monotonic() - started, encoder.template)
    wait_for_all()
    return read_json(job.folder.path / METADATA) or {}


def _encoder(job: StageJob) -> Encoder:
    """The base's tokenizer with the template asked for; raises InvalidInput where the parent was trained in another."""
    tokenizer = load_tokenizer(job.experiment.base)
    template = chosen_template(tokenizer, job.experiment.data.template)
    before = None if job.parent is None else (read_json(job.parent / MANIFEST) or {}).get("template")
    if before not in (None, template.version):
        raise InvalidInput(
            f"{job.parent} was trained in the template {before!r}, and this run would go on in {template.version!r}; "
            "set data.template as it was there."
        )
    return Encoder(tokenizer, template)


def _ready(job: StageJob, encoder: Encoder) -> ReadyStage:
    data = job.experiment.data
    train, validation = (
        prepare(job.snapshot, split, encoder, data.max_tokens, data.over_length).require()
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    if job.name is StageName.GRPO:
        from training.grpo import make_ready  # TRL's GRPO takes seconds to import

        return make_ready(job, encoder, train, validation)
    return dialogue_stage.make_ready(job, encoder, train, validation)


def write_final(job: StageJob, trainer: Any, encoder: Encoder) -> None:
    """Put the best weights (the last ones where none was validated) into `final`, manifest last."""
    folder = job.folder
    partial = folder.path / ".final.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if not folder.best.is_dir():
        trainer.model.save_pretrained(folder.best)
    if job.name is StageName.GRPO and job.parent is not None:
        from training.grpo_model import publish  # needs peft, as all that trains does

        publish(job.experiment, job.parent, folder.best, partial)
    else:
        shutil.copytree(folder.best, partial)
    encoder.tokenizer.save_pretrained(partial)
    (partial / "README.md").unlink(missing_ok=True)  # a template's; the registry writes the model card
    settings = read_json(partial / "adapter_config.json")
    if settings is not None:
        base = {"base_model_name_or_path": job.experiment.base}
        # peft keeps these as a set: without an order the same run would have another hash each time
        targets = {"target_modules": sorted(settings["target_modules"] or ())}
        write_json(partial / "adapter_config.json", settings | base | targets)
    write_json(partial / MANIFEST, _stated(job, encoder, partial))
    shutil.rmtree(folder.final, ignore_errors=True)
    partial.rename(folder.final)


def _stated(job: StageJob, encoder: Encoder, final: Path) -> dict[str, Any]:
    """What a manifest says; where a folder lies on this machine is nobody else's business."""
    base = identity(job.experiment.base)
    return {
        "template": encoder.template.version,
        "base": "" if Path(base["name"]).is_dir() else base["name"],
        "base_hash": base["hash"],
        "files": folder_hashes(final),
    }
