"""Without the hub nothing waits for it, and the sentence says so. A port of this machine stands for the hub."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.commands import run as command
from training.bases import TINY
from training.hub import HUB, endpoint, hub_answers, stays_here

NO_PROXY = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "")


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_the_hub_answers_where_a_connection_is_taken(nobody: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert hub_answers(f"http://127.0.0.1:{listening.getsockname()[1]}")
    assert not hub_answers(nobody)
    assert not hub_answers("http://no-such-host.invalid")


def test_a_folder_is_never_looked_up(tmp_path: Path) -> None:
    assert stays_here(TINY)
    assert stays_here(str(tmp_path))
    assert endpoint({}) == HUB
    assert endpoint({"HF_ENDPOINT": "http://mirror"}) == "http://mirror"


def test_a_model_that_cannot_be_fetched_is_told_at_once(nobody: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    ended = command(
        tmp_path,
        "training",
        "ask",
        "FICTIONAL strike",
        "--base",
        "fictional/base",
        HF_ENDPOINT=nobody,
        **NO_PROXY,
    )
    assert ended.code == 2
    assert ended.err == (
        f"Error: The model 'fictional/base' cannot be loaded ({nobody} does not answer, and this machine has no copy); "
        "name a folder with safetensors, a causal model on the hub, or 'tiny'.\n"
    )
    assert time.monotonic() - begun < 60, "the hub's library alone waits half a minute, and for each file"
