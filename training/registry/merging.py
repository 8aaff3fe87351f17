"""An adapter merged into its base: one whole model, as safetensors. Needs torch and peft.

The result is a run's folder like any other (`final/` holds the model), so that it can be asked, served, added to
the registry and pushed. It is stored in the base's own precision. Does not cover: quantised models.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from corpus.errors import InvalidInput
from corpus.files import sync_folder
from training.bases import identity
from training.models import load_base, load_tokenizer, with_adapter
from training.registry.files import check_room, disk_watched
from training.registry.records import ModelRecord
from training.registry.store import Registry
from training.runfolder import (
    CALIBRATION,
    LOCK,
    MANIFEST,
    METADATA,
    content_hash,
    folder_hashes,
    lock_of,
    read_json,
    write_json,
)

STAGE = "merge"


def merge(registry: Registry, name: str, out: Path) -> dict[str, Any]:
    """Merge a registered adapter into its base and write it to `out`, which must not exist; its metadata.

    Raises InvalidInput where the model is no adapter, or the base is not the one it was trained on.
    """
    record = registry.model(name)
    weights = registry.verified(record.name)
    if not record.adapter:
        raise InvalidInput(f"{record.name} is a whole model already; there is nothing to merge.")
    if out.exists():
        raise InvalidInput(f"{out} exists already; name another folder with --out.")
    base = identity(record.base)
    if base["hash"] != record.base_hash:
        raise InvalidInput(
            f"The base {record.base} is not what {record.name} was trained on: its files have changed since."
        )
    with disk_watched(out.parent):
        return _write(record, weights, out)


def _write(record: ModelRecord, weights: Path, out: Path) -> dict[str, Any]:
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    final = partial / "final"
    final.mkdir(parents=True)
    try:
        model = _merged(record, weights)
        check_room(
            out, sum(p.numel() * p.element_size() for p in model.parameters()), shutil.disk_usage(final).free
        )
        model.save_pretrained(final)
        load_tokenizer(str(weights)).save_pretrained(final)
        template = (read_json(weights / MANIFEST) or {}).get("template")
        if (weights / CALIBRATION).is_file():
            shutil.copyfile(weights / CALIBRATION, final / CALIBRATION)
        stated = {"template": template, "base": record.base, "files": folder_hashes(final)}
        write_json(final / MANIFEST, stated)
        metadata = record.training | {"stage": STAGE, "merged": record.name, "final": content_hash(final)}
        write_json(partial / LOCK, _lock(record))
        write_json(partial / METADATA, metadata)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sync_folder(out.parent)
    return metadata


def _merged(record: ModelRecord, weights: Path) -> Any:
    base = load_base(record.base)
    stored = base.config.dtype
    model = with_adapter(base, weights, record.base).merge_and_unload(safe_merge=True)
    return model.to(stored) if stored is not None else model


def _lock(record: ModelRecord) -> dict[str, Any]:
    parent = {"name": record.base, "hash": record.base_hash, "adapter": record.content}
    return lock_of(record.config, STAGE, record.snapshot, parent)
