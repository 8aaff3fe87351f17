"""Files that a registry takes, and copying them so that a crash leaves nothing half.

Weights come as safetensors and everything else as JSON or plain text: nothing that runs code when it is read.
Does not cover: whether the weights fit a model.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from corpus.errors import DiskFull, InvalidFile, InvalidInput
from corpus.files import file_sha256, sync_folder

WEIGHTS = ".safetensors"
TEXTS = (".json", ".jinja", ".txt")
"""Settings, tokenizers, chat templates, merge lists."""
Advance = Callable[[int], None]
"""Told how many bytes more were dealt with."""
_PIECE = 1 << 20


def quiet(_count: int) -> None:
    """Nobody watches."""


def model_files(folder: Path) -> dict[str, Path]:
    """Path below the folder → file; raises InvalidFile for what no registry takes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        _check_kind(path)
        found[path.relative_to(folder).as_posix()] = path
    if not any(path.suffix == WEIGHTS for path in found.values()):
        raise InvalidFile(f"{folder} holds no weights as safetensors; name a finished run.")
    return found


def _check_kind(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise InvalidFile(f"{path} is a link or no plain file; the registry takes plain files only.")
    if path.suffix == WEIGHTS:
        check_safetensors(path)
    elif path.suffix not in TEXTS:
        raise InvalidFile(
            f"{path} is neither safetensors nor JSON; the registry takes no other kind, since reading one may "
            "run code: save the weights as safetensors."
        )


def check_safetensors(path: Path) -> None:
    """Raise InvalidFile where a file is not safetensors, whatever its name says, or was cut."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise InvalidFile(f"{path} is no safetensors file, or was cut; take a whole copy.")
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
            raise InvalidFile(f"{path} is no safetensors file; save the weights as safetensors.") from fault
    if max(ends, default=0) != size - 8 - length:
        raise InvalidFile(f"{path} was cut: its header names more or less than it holds; take a whole copy.")


def copy_files(files: Mapping[str, Path], target: Path, advance: Advance = quiet) -> dict[str, str]:
    """Copy files into a new folder and make them durable; their sha256."""
    hashes = {}
    for name, path in files.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, place.open("xb") as copy:
            hashes[name] = copy_stream(source, copy, advance)
            copy.flush()
            os.fsync(copy.fileno())
    for folder in {(target / name).parent for name in files} | {target}:
        sync_folder(folder)
    return hashes


def copy_stream(source: BinaryIO, target: BinaryIO, advance: Advance = quiet) -> str:
    """Copy bytes in pieces; their sha256 (hex)."""
    digest = hashlib.sha256()
    while piece := source.read(_PIECE):
        digest.update(piece)
        target.write(piece)
        advance(len(piece))
    return digest.hexdigest()


def check_hashes(folder: Path, hashes: Mapping[str, str], advice: str) -> None:
    """Raise InvalidFile where a file is missing or altered."""
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != expected:
            state = "was altered or cut" if path.is_file() else "is missing"
            raise InvalidFile(f"{path} {state} since it was written; {advice}")


@contextmanager
def disk_watched(folder: Path) -> Iterator[None]:
    """A full disk, or a folder that may not be written, becomes one sentence."""
    try:
        yield
    except OSError as fault:
        if fault.errno == errno.ENOSPC:
            raise DiskFull(
                f"No space is left where {folder} lies; nothing was changed. Free some and run again."
            ) from fault
        if fault.errno in (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise InvalidInput(
                f"{fault.filename or folder} cannot be written ({fault.strerror}); name another folder."
            ) from fault
        raise


def check_room(place: Path, needed: int, free: int) -> None:
    """Raise DiskFull before anything is written that cannot fit: writers of weights say it in many ways."""
    if needed > free:
        raise DiskFull(
            f"{needed / 1e9:.2f} GB are needed where {place} lies and {free / 1e9:.2f} GB are free; make room, or "
            "name another folder."
        )


def discard(folder: Path) -> None:
    """Delete a folder in two steps, so that a crash never leaves half a model under its name."""
    gone = folder.with_name(f".gone-{folder.name}")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    sync_folder(folder.parent)
    shutil.rmtree(gone)
