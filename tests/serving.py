"""A server of trees for tests: an engine that answers by rule, at a pace that the test sets. FICTIONAL."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.tiny_models import encoder
from training.engine import LetterQuestion, Sampling
from training.inference import ProbabilityTreeInference
from training.serve.application import make_app
from training.serve.keys import KeyRing, hashed
from training.serve.settings import ServeSettings
from training.trees import Effort

HOST = "127.0.0.1:8766"
KEY, OTHER_KEY = "ann-0123456789abcdefgh", "ben-0123456789abcdefgh"
BEARER = {"authorization": f"Bearer {KEY}"}
EVENT = "FICTIONAL Port Velora raises the grain tax"
ASKED = {"event": EVENT, "context": "The mood is calm.", "as_of": "1950-03-01", "depth": 2, "branches": 3}


class Paced:
    """Lists as written down, letters by fixed shares; with `levels` set, each level waits for `let`."""

    def __init__(self, *, held: bool = False) -> None:
        self.encoder, self.tokens_used, self.unread = encoder(), 0, 0.0
        self.lists_written = 0
        self.fault: Exception | None = None
        self._steps = threading.Semaphore(0) if held else None
        self.begun = threading.Event()

    def let(self, levels: int) -> None:
        """Let so many levels be made."""
        assert self._steps is not None
        self._steps.release(levels)

    def letters(self, context: tuple[int, ...], questions: Sequence[LetterQuestion]) -> list[np.ndarray]:
        self.tokens_used += len(questions)
        rows = [np.arange(len(question.letters), 0.0, -1.0) for question in questions]
        return [row / row.sum() for row in rows]

    def write_lists(self, context: tuple[int, ...], lines: int, sampling: Sampling) -> list[list[str]]:
        self.begun.set()
        if self._steps is not None:
            assert self._steps.acquire(timeout=20)
        if self.fault is not None:
            raise self.fault
        self.lists_written += 1
        # each level tells of other things: what has happened already is no candidate
        return [
            [
                f"{text} in year {len(context)}"
                for text in ("The grain tax rises", "The mint closes", "A war begins")
            ]
        ]


def settings(**changes: Any) -> ServeSettings:
    """Two keys, one order, everything else as it is by default."""
    keys = KeyRing({"ann": hashed(KEY), "ben": hashed(OTHER_KEY)})
    given: dict[str, Any] = {"origin": f"http://{HOST}", "keys": keys, "effort": Effort(orders=1, floor=0.1)}
    return ServeSettings(**given | changes)


def app_of(engine: Any, **changes: Any) -> FastAPI:
    """The application over an engine."""
    return make_app(settings(**changes), ProbabilityTreeInference("scripted", engine=engine))


@contextmanager
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client at the accepted host, the application started and stopped around it."""
    with TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False) as made:
        yield made


def kept_in(folder: Path) -> Path:
    """Where a test keeps trees."""
    return folder / "cache" / "trees.sqlite"
