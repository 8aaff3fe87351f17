"""Fixtures that all tests share: stores on SQLite and on a real Postgres, and a clean environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:  # loaded by the fixtures alone: unit tests need no database
    from db.session import Store
    from tests.postgres import PostgresServer

settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")

for _name in [name for name in os.environ if name.startswith("PSYCHOHISTORY_") or name.endswith("_API_KEY")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A Postgres server for the whole session."""
    from tests.postgres import any_server

    with any_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A database with all tables and no rows."""
    from db.session import open_store

    name = postgres.create()
    open_store(postgres.url(name)).close()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows."""
    from db.session import open_store

    file = tmp_path_factory.mktemp("template") / "cases.sqlite"
    open_store(file).close()
    return file


@pytest.fixture(params=["sqlite", "postgres"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be made: a SQLite file that does not exist, or an empty Postgres database."""
    if request.param == "sqlite":
        yield str(tmp_path / "bare.sqlite")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty store of this test's own, on either database."""
    if request.param == "sqlite":
        yield str(shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "cases.sqlite"))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store of this test's own, open."""
    from db.session import open_store

    opened = open_store(store_url)
    yield opened
    opened.close()
