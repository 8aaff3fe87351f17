"""The schema's version: checked on every opening, brought up to date under a lock.

Schemas are numbered; each number is one alembic migration under `db/migrations/versions`. Alembic is
imported only where there is something to do. There is no way back to an older schema: a backup taken
before the upgrade is.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from corpus.errors import InvalidFile, StoreTooNew

SCHEMA = "0001"
"""The schema this program reads and writes."""
VERSION_TABLE = "store_version"
"""Named apart from alembic's default, because a Postgres database may hold other programs' tables too."""
MIGRATIONS = Path(__file__).parent / "migrations"
WRITES = {"sqlite_begin": "BEGIN IMMEDIATE"}
"""Execution options of a transaction that writes: SQLite takes the lock at once, not half-way through."""

_LOCK = 0x7073_6863  # any number; the same in every process


def ensure_schema(engine: Engine, place: str) -> None:
    """Make or upgrade the tables; `place` names the store in messages.

    Raises `StoreTooNew` for a store of a newer program and `InvalidFile` for a file with foreign tables.
    """
    with engine.connect() as connection:
        found = _stored_version(connection)
    if found == SCHEMA:
        return
    with engine.execution_options(**WRITES).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = _stored_version(connection)
        _check(found, connection, place)
        if found != SCHEMA:
            _upgrade(connection)


def program_version() -> str:
    """The installed version of this program."""
    try:
        return version("psychohistory")
    except PackageNotFoundError:
        return "not installed"


def _stored_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()


def _check(found: str | None, connection: Connection, place: str) -> None:
    if found is not None and found > SCHEMA:
        raise StoreTooNew(
            f"{place} has schema {found}, written by a newer program; this one ({program_version()}) knows "
            f"schemas up to {SCHEMA}. Upgrade it (pip install --upgrade psychohistory) or name another --db."
        )
    if found is None and connection.dialect.name == "sqlite" and inspect(connection).get_table_names():
        raise InvalidFile(f"{place} is a database of another program; name another file with --db.")


def _upgrade(connection: Connection) -> None:
    """Apply the missing migrations within the open transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
