"""The whole registry in one zip file, and back. Weights do not shrink, so nothing is compressed.

The manifest with every file's sha256 is written last into the zip; what is cut or altered is refused before a
registry appears. Does not cover: backups of a part, and merging a backup into a registry with models.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import sync_folder
from training.registry.files import Advance, check_hashes, copy_stream, disk_watched, quiet
from training.registry.history import HISTORY
from training.registry.store import MODELS, WEIGHTS_FOLDER, Registry

MANIFEST = "manifest.json"
_ADVICE = "the registry is damaged; restore it from an earlier backup."


def write_backup(registry: Registry, path: Path, advance: Advance = quiet) -> int:
    """Write the registry to `path`, which must not exist; returns the number of models.

    Every checksum is compared first: a damaged model is not backed up as if it were sound.
    """
    if path.exists():
        raise InvalidInput(f"{path} exists already; name another file for the backup.")
    with registry.writing():
        models = registry.models()
        if not models:
            raise InvalidInput(f"The registry {registry.folder} holds no model; there is nothing to back up.")
        registry.history()
        for model in models:
            check_hashes(registry.place(model.name) / WEIGHTS_FOLDER, model.files, _ADVICE)
            for evaluation in registry.evaluations(model.name):
                registry.checked_evaluation(model.name, evaluation)
        with disk_watched(path.parent):
            _write_zip(path, registry.folder, advance)
    return len(models)


def _write_zip(path: Path, folder: Path, advance: Advance) -> None:
    files = [f for f in (folder / HISTORY, *sorted((folder / MODELS).rglob("*"))) if f.is_file()]
    partial = path.with_name(path.name + ".partial")
    hashes = {}
    with partial.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
            for source in files:
                name = source.relative_to(folder).as_posix()
                with source.open("rb") as read, made.open(name, "w", force_zip64=True) as write:
                    hashes[name] = copy_stream(read, write, advance)  # type: ignore[arg-type]
            made.writestr(MANIFEST, json.dumps({"format": 1, "files": hashes}, indent=1, sort_keys=True))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def restore_backup(path: Path, registry: Registry, advance: Advance = quiet) -> int:
    """Make a registry from a backup; the folder must hold none. Returns the number of models.

    Raises InvalidFile where the backup is cut, altered or not a backup, InvalidInput where a registry is there.
    """
    folder = registry.folder
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} is not empty; restore into another folder with --registry.")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with disk_watched(folder.parent):
        partial.mkdir(parents=True)
        try:
            _extract(path, partial, advance)
            models = len(Registry(partial).models())
            if folder.exists():
                folder.rmdir()
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        sync_folder(folder.parent)
    return models


def _extract(path: Path, target: Path, advance: Advance) -> None:
    try:
        with zipfile.ZipFile(path) as backup:
            if MANIFEST not in backup.namelist():
                raise InvalidFile(f"{path} holds no {MANIFEST}: it is no whole backup of a registry.")
            stated = json.loads(backup.read(MANIFEST))["files"]
            for name, expected in stated.items():
                _check_place(path, name)
                place = target / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with backup.open(name) as read, place.open("xb") as write:
                    found = copy_stream(read, write, advance)  # type: ignore[arg-type]
                    write.flush()
                    os.fsync(write.fileno())
                if found != expected:
                    raise InvalidFile(f"{path}: {name} does not match the manifest; take another backup.")
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as fault:
        if isinstance(fault, InvalidFile):
            raise
        raise InvalidFile(f"{path} cannot be read as a backup: {fault}.") from fault


def _check_place(path: Path, name: str) -> None:
    """Only what a registry holds, and nothing outside it."""
    parts = PurePosixPath(name).parts
    if (
        not parts
        or ".." in parts
        or "\\" in name
        or name.startswith("/")
        or parts[0] not in (HISTORY, MODELS)
    ):
        raise InvalidFile(f"{path} names {name!r}, which no registry holds; it is not restored.")
