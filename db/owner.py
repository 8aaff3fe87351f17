"""Who works on a run: one process, told apart from all others, alive or not.

On one machine a dead process is known at once by its number, so that a killed run resumes without
waiting. Across machines, and where a number was given anew, silence decides: an owner that has not
written for `SILENCE` is taken for dead. Its later writes are then refused, because each names its owner.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

SILENCE = timedelta(seconds=60)
"""After this long without a sign of life another process may take the run over; beat four times as often."""


@dataclass(frozen=True)
class Owner:
    """A process, as it is written into a run's row."""

    host: str
    pid: int
    token: str
    """Tells two owners within one process apart."""

    @classmethod
    def here(cls) -> Owner:
        """A new owner for this process."""
        return cls(socket.gethostname(), os.getpid(), secrets.token_hex(4))

    @classmethod
    def parse(cls, text: str) -> Owner:
        """Read what `str` wrote."""
        host, pid, token = text.rsplit("/", 2)
        return cls(host, int(pid), token)

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.token}"

    def is_alive(self, heartbeat: datetime, now: datetime) -> bool:
        """Whether this owner, last heard of at `heartbeat`, may still be at work."""
        if now - heartbeat > SILENCE:
            return False
        return self.host != socket.gethostname() or _process_exists(self.pid)


def _process_exists(pid: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 would end the process: silence decides
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
