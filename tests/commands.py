"""Running the project's commands as a user does: subprocesses with a scrubbed environment."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)


def environment(home: Path, **extra: str) -> dict[str, str]:
    """A user's environment with an empty home and no network to speak of."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    proxies = {
        name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    }
    return kept | proxies | {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "NO_COLOR": "1"} | extra


def start(home: Path, program: str, *words: str, **extra: str) -> subprocess.Popen[str]:
    """Start `python -m PROGRAM.cli WORDS`."""
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-m", f"{program}.cli", *words],
        cwd=Path(__file__).resolve().parent.parent, env=environment(home, **extra), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def run(home: Path, program: str, *words: str, **extra: str) -> Ended:
    """Run a command to its end."""
    process = start(home, program, *words, **extra)
    out, err = process.communicate(timeout=110)
    return Ended(process.returncode, out, err)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
