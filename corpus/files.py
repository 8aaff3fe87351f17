"""Writing so that a crash leaves either the old file or the new one, never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path


def write_atomically(path: Path, lines: Iterable[str]) -> tuple[str, int]:
    """Write lines to `path` by way of a temporary file, fsync and rename.

    Returns the sha256 (hex) of the bytes and the number of lines.
    """
    partial = path.with_name(path.name + ".partial")
    digest, count = sha256(), 0
    with partial.open("wb") as file:
        for line in lines:
            data = (line + "\n").encode()
            digest.update(data)
            file.write(data)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)
    return digest.hexdigest(), count


def sync_folder(folder: Path) -> None:
    """Make renames within a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes, read in pieces."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
