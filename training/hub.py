"""Whether the Hugging Face hub answers, so that without a network nothing waits for it.

Its library tries each file six times with growing pauses, 23 seconds in all, before it takes the copy in its
cache. Where a proxy stands in between, the hub is taken to answer: only a request through it would tell.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from training.bases import resolve

HUB = "https://huggingface.co"
WAIT_S = 5.0


def endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """The hub's address: HF_ENDPOINT, or the public one."""
    return environment.get("HF_ENDPOINT") or HUB


def stays_here(base: str) -> bool:
    """Whether a base is to be found on this machine alone: it is a folder, or the hub does not answer."""
    return Path(resolve(base)).is_dir() or not hub_answers(endpoint())


@lru_cache(maxsize=8)
def hub_answers(address: str) -> bool:
    """Whether the hub's host takes a connection; asked once in a process."""
    parts = urlsplit(address)
    if getproxies().get(parts.scheme):
        return True
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=WAIT_S).close()
    except OSError:
        return False
    return True
