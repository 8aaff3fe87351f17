"""A review page over the test's store, its clock, and Ann let in; all FICTIONAL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from db.session import Store
from tests.reviewing import Clock, Person, enter, served


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture
def app(store: Store, clock: Clock) -> Iterator[FastAPI]:
    """The application, without cases."""
    with served(store, clock) as made:
        yield made


@pytest.fixture
def ann(app: FastAPI) -> Person:
    """Ann with a session."""
    return enter(app)
