"""Writing so that a crash leaves either the old file or the new one, never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass
class AtomicFile:
    """Lines written to a temporary file beside `path`, which appears whole when `finish` is called."""

    path: Path
    lines: int = 0

    def __post_init__(self) -> None:
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._digest = sha256()
        self._file = self._partial.open("wb")

    def write(self, line: str) -> None:
        """Append a line."""
        data = (line + "\n").encode()
        self._digest.update(data)
        self._file.write(data)
        self.lines += 1

    def finish(self) -> str:
        """Make the file durable and give it its name; the sha256 (hex) of its bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self.path)
        sync_folder(self.path.parent)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Give the handle back; what was not finished keeps its temporary name."""
        self._file.close()


def write_atomically(path: Path, lines: Iterable[str]) -> tuple[str, int]:
    """Write lines to `path` by way of a temporary file, fsync and rename.

    Returns the sha256 (hex) of the bytes and the number of lines.
    """
    with closing(AtomicFile(path)) as file:
        for line in lines:
            file.write(line)
        return file.finish(), file.lines


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
