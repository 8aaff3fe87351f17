"""`training serve`, `training key` and `--engine-url` as a user types them. FICTIONAL data, the shipped tiny model."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import click
import httpx
import pytest

from tests.commands import run, start
from tests.servers.completions import CompletionsServer
from tests.servers.loopback import LoopbackServer
from training.bases import TINY
from training.commands.forecasts import Forecaster
from training.models import load_base, load_tokenizer

QUIET = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
ASKED = {
    "event": "FICTIONAL Port Velora raises the grain tax",
    "as_of": "1950-03-01",
    "depth": 1,
    "branches": 3,
}


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[Popen[str], str, str]]:
    """A server that has printed its link: the process, its address, the key of its run."""
    process = start(home, "training", "serve", "--base", "tiny", "--port", "0", *words, **QUIET)
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if "for programs" in line or ("--keys" in words and "/enter" in line):
                break
        base = re.search(r"(http://\S+)/enter", said)
        key = re.search(r"for programs: (\S+)", said)
        assert base, said
        yield process, base[1], key[1] if key else ""
    finally:
        process.kill()
        process.communicate()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def made_twice(home: Path, file: Path) -> tuple[str, str]:
    """A key that was replaced, and the one that holds."""
    made = run(home, "training", "key", "ann", "--keys", str(file), "--json")
    assert made.code == 0, made.err
    again = run(home, "training", "key", "ann", "--keys", str(file))
    assert (again.code, again.out) == (2, "")
    assert (
        again.err == f"Error: 'ann' has a key in {file} already; add --replace to end it and make another.\n"
    )
    newer = run(home, "training", "key", "ann", "--keys", str(file), "--replace")
    return made.json["key"], newer.out.strip().rsplit(" ", 1)[1]


def test_a_server_answers_keys_and_ends_a_tree_in_the_making_when_told_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    old, key = made_twice(tmp_path, file)
    with (
        serving(tmp_path, "--keys", str(file)) as (process, base, printed),
        httpx.Client(trust_env=False, base_url=base, timeout=60) as asking,
    ):
        assert printed == ""  # no key of the run where others are set up
        assert asking.get("/health").json() == {"status": "ok"}
        assert asking.post("/generate_tree", json=ASKED).status_code == 401
        assert asking.post("/generate_tree", json=ASKED, headers=bearer(old)).status_code == 401
        first = asking.post("/generate_tree", json=ASKED, headers=bearer(key))
        assert (first.status_code, first.headers["x-tree-cache"]) == (200, "miss")
        assert asking.post("/generate_tree", json=ASKED, headers=bearer(key)).headers["x-tree-cache"] == "hit"
        assert list(tmp_path.rglob("trees.sqlite"))
        answers: list[httpx.Response] = []
        large = ASKED | {"event": "FICTIONAL another", "depth": 5, "branches": 12}

        def ask() -> None:
            answers.append(
                httpx.post(
                    f"{base}/generate_tree", json=large, headers=bearer(key), timeout=60, trust_env=False
                )
            )

        asker = threading.Thread(target=ask)
        asker.start()
        deadline = time.monotonic() + 60
        while "psychohistory_waiting 1" not in asking.get("/metrics", headers=bearer(key)).text:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        asker.join(60)
        _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert [(a.status_code, a.json()["complete"]) for a in answers] == [(200, False)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--host", "10.9.8.7"), "10.9.8.7 can be reached by other machines; add --tls-cert and --tls-key"),
        (("--proxy", "https://forecasts.example.org"), "there is no API key"),
        (("--tls-key", __file__), "TLS needs both --tls-cert and --tls-key."),
        (("--keys", "nowhere.txt"), "nowhere.txt cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    ended = run(tmp_path, "training", "serve", "--base", "tiny", *words, **QUIET)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_ask_reads_another_server(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(TINY)
    asked = ("ask", str(ASKED["event"]), "--as-of", "1950-03-01", "--base", "tiny", "--depth", "1", "--branches", "3",
             "--orders", "2", "--json")  # fmt: skip
    with LoopbackServer(CompletionsServer(load_base(TINY), tokenizer, key="sk-there")) as server:
        url = f"{server.url}/v1"
        there = run(tmp_path, "training", *asked, "--engine-url", url, "--engine-model", "served",
                    PSYCHOHISTORY_ENGINE_KEY="sk-there", **QUIET)  # fmt: skip
    assert there.code == 0, there.err
    tree = json.loads(there.out)
    assert tree["model"] == "served"
    assert sum(branch["probability"] for branch in tree["branches"]) + tree["remainder"] == pytest.approx(1)


def test_a_model_of_a_server_needs_the_server() -> None:
    chosen = Forecaster("tiny", None, 1, 3, 1, 0, None, "served")
    with pytest.raises(click.UsageError, match="add --engine-url"):
        chosen.ready()
