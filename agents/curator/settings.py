"""How the review page is served. Made by the command line, fixed while it runs."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

KEY_BYTES = 32


@dataclass(frozen=True)
class ReviewSettings:
    """Who may ask, under which names, and for how long."""

    hosts: frozenset[str]
    """Accepted values of the Host header, port included where it is not the scheme's own."""
    origin: str
    """The address people type, such as `http://127.0.0.1:8765`."""
    key: bytes
    """Signs sessions; whoever has it and the store can make one."""
    session: timedelta = timedelta(hours=12)
    lease: timedelta = timedelta(minutes=15)
    slice_seed: int = 0
    """Draws the tenth of the queue that comes in random order."""
    guidelines: Path | None = None
    """A Markdown file of one's own; None for the one that is shipped."""

    @property
    def secure(self) -> bool:
        """Whether cookies are for TLS only."""
        return self.origin.startswith("https://")


def session_key(file: Path) -> bytes:
    """The key in `file`, made there at first with rights for its owner alone."""
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(handle, "wb") as made:
        key = secrets.token_bytes(KEY_BYTES)
        made.write(key)
    return key
