"""A review page over a store, for tests: cases laid down, curators let in, all FICTIONAL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from starlette.testclient import TestClient

from agents.curator.application import create_app
from agents.curator.settings import ReviewSettings
from corpus.case import Case, Status
from corpus.validation import validate
from db.curators import Curators
from db.documents import Documents
from db.mapping import StoredDocument
from db.repository import Cases
from db.session import Store
from tests.builders import TEXTS
from tests.storing import case

HOST = "127.0.0.1:8765"
ANN, BOB = "FICTIONAL Ann", "FICTIONAL Bob"
SETTINGS = ReviewSettings(frozenset({HOST}), f"http://{HOST}", b"k" * 32)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2024, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now

    def advance(self, **parts: float) -> None:
        """Let time pass."""
        self.now += timedelta(**parts)


@dataclass
class Person:
    """A curator with a browser."""

    client: TestClient
    csrf: str

    def get(self, path: str, **more: object) -> str:
        """The page at a path."""
        answer = self.client.get(path, **more)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **fields: object) -> object:
        """Send a form."""
        return self.client.post(path, data={"csrf": self.csrf, **fields}, follow_redirects=False)


def put(store: Store, made: Case) -> Case:
    """Store a case with its texts."""
    texts = [StoredDocument(s, TEXTS[s.source_id]) for s in made.sources if s.source_id in TEXTS]
    Documents(store).put(texts)
    Cases(store).put(made, validate(made))
    return made


def cases(store: Store, count: int) -> list[Case]:
    """Sound cases of different seeds."""
    return [put(store, case(f"FICTIONAL rate rise {n} in Ruritania", "2019-03-10")) for n in range(count)]


@contextmanager
def served(
    store: Store, clock: Clock | None = None, settings: ReviewSettings = SETTINGS
) -> Iterator[FastAPI]:
    """The application with Ann and Bob as curators."""
    for name in (ANN, BOB):
        Curators(store).add(name)
    yield create_app(store, settings, clock or Clock())


def enter(app: FastAPI, name: str = ANN) -> Person:
    """Let a curator in by a one-time link."""
    client = TestClient(app, base_url=f"http://{HOST}")
    token = app.state.gate.one_time_token(name)
    assert client.get(f"/enter?token={token}").status_code == 200
    page = client.get("/guidelines").text
    return Person(client, re.search(r'"X-CSRF-Token": "([0-9a-f]{64})"', page)[1])  # type: ignore[index]


def decide(
    person: Person, case_id: str, action: str, revision: int = 1, key: str = "k", **more: str
) -> object:
    """Send a decision by the form of the page."""
    return person.post(f"/cases/{case_id}/decisions", action=action, revision=revision, key=key, **more)


def status(store: Store, case_id: str) -> Status:
    """What has become of a case."""
    return Cases(store).get(case_id).case.status


def field(page: str, name: str) -> str:
    """The value of the first field of that name in a page."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]
