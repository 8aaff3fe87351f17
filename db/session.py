"""Opening a store and working in it: engines, transactions, the default place.

A store is a SQLite file (WAL, synchronous FULL, foreign keys on) or a Postgres database through psycopg 3.
`open_store` brings its tables to this program's schema. A `Store` may be shared by threads, not by
processes: a child opens its own. SQLite in memory is not supported, nor a file on a network drive, where
its write-ahead log does not work.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, SQLModel

from corpus.errors import InvalidInput, MissingExtra, StoreBusy, StoreError
from db.faults import domain_errors, is_busy
from db.schema import WRITES, ensure_schema

ENVIRONMENT = "PSYCHOHISTORY_DB"
BUSY_SECONDS = 60.0
BEGIN_TRIES = 5
"""How often a transaction is begun where SQLite answers "locked" without waiting its busy timeout."""
POSTGRES_CONNECTIONS = 24
"""Kept open once made: making one costs the server a process and both sides a password proof, some 20 ms."""
UNCHECKED_SECONDS = 5.0
"""For so long an idle connection is trusted; after that it is asked for a sign of life before it is used."""


@dataclass(frozen=True)
class Store:
    """An open store; every function that reads or writes cases takes one."""

    engine: Engine
    file: Path | None
    """The SQLite file; None on Postgres."""
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def place(self) -> str:
        """How the store is named to people; a password is never part of it."""
        return str(self.file) if self.file else self.engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.file is not None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read-only view of one moment, however long it is read."""
        with domain_errors(self.place, self.file), Session(self._reader) as session:
            yield session

    @contextmanager
    def glancing(self) -> Iterator[Connection]:
        """For one statement that reads: no transaction is begun or ended around it."""
        with domain_errors(self.place, self.file), self._glancer.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction: committed on leaving, rolled back on an error. Not to be nested.

        SQLite lets one connection write at a time. Threads of this process take turns at a lock of our
        own first, because SQLite's waiting is by sleeping up to 100 ms and not in order.
        """
        session = Session(self._writer, expire_on_commit=False)
        with domain_errors(self.place, self.file), self._taking_turns(), session:
            yield session
            session.commit()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """As `writing`, without the mapping of rows to objects: a third of its cost, for the journal."""
        with domain_errors(self.place, self.file), self._taking_turns(), self._writer.begin() as connection:
            yield connection

    @cached_property
    def _reader(self) -> Engine:
        options = (
            {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        return self.engine.execution_options(**options)

    @cached_property
    def _glancer(self) -> Engine:
        options = {"sqlite_begin": None} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        return self.engine.execution_options(**options)

    @cached_property
    def _writer(self) -> Engine:
        return self.engine.execution_options(**WRITES)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise StoreBusy(f"{self.place} was held by another thread for {BUSY_SECONDS:.0f} s; try again.")
        try:
            yield
        finally:
            self._turn.release()


def default_file() -> Path:
    """The SQLite file used where none is named: in the user's data folder."""
    return Path(platformdirs.user_data_dir("psychohistory")) / "cases.sqlite"


def open_store(url_or_path: str | Path | None = None) -> Store:
    """Open a store, make it where it does not exist, and bring its tables up to date.

    Takes a file name, `sqlite:///FILE` or `postgresql://USER@HOST/NAME`; without one the environment's
    `PSYCHOHISTORY_DB`, else `default_file()`. Raises `StoreTooNew`, `StoreBusy`, `StoreFull`,
    `InvalidInput`, `InvalidFile` or `MissingExtra`.
    """
    store = connect(url_or_path)
    try:
        with domain_errors(store.place, store.file):
            if store.is_sqlite:
                _use_wal(store.engine)
            ensure_schema(store.engine, store.place)
    except BaseException:  # whatever happened, the connections are given back before it is told
        store.close()
        raise
    return store


def connect(url_or_path: str | Path | None = None) -> Store:
    """A store whose tables are taken as they are; for `open_store` and for looking at a foreign one."""
    named = url_or_path or os.environ.get(ENVIRONMENT) or default_file()
    text = str(named)
    if "://" not in text:
        return _sqlite_store(Path(text).expanduser())
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise InvalidInput(f"{text!r} is no database; name a file or postgresql://USER@HOST/NAME.") from error
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return _sqlite_store(Path(url.database))
        case "postgresql" | "postgres":
            return _postgres_store(url)
    raise InvalidInput(f"{url!r} is no database this program stores in; name a file or postgresql://…")


def _sqlite_store(file: Path) -> Store:
    try:
        with domain_errors(str(file), file):
            file.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise StoreError(
            f"The folder {file.parent} cannot be made: {error.strerror}; name another --db."
        ) from error
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=8,
        max_overflow=64,
        pool_timeout=BUSY_SECONDS,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Store(engine, file)


def _postgres_store(url: URL) -> Store:
    try:
        import_module("psycopg")
    except ImportError as error:
        raise MissingExtra(
            "Postgres needs one more package: pip install 'psychohistory[postgres]'"
        ) from error
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": 10, "options": f"-c lock_timeout={BUSY_SECONDS * 1000:.0f}"},
        pool_size=POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
    )
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", partial(_ask_for_life, engine.dialect))
    return Store(engine, None)


def _note_return(connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["returned"] = time.monotonic()


def _ask_for_life(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, proxy: object) -> None:
    """The pool's own check costs every use a round trip; idle connections are the ones that die unseen."""
    if time.monotonic() - record.info.get("returned", time.monotonic()) < UNCHECKED_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError(str(error)) from error  # the pool replaces the connection


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that a writer takes the lock at once
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if statement:
        _patiently(lambda: connection.exec_driver_sql(statement))


def _use_wal(engine: Engine) -> None:
    """Turn the write-ahead log on; stored in the file, so only the first opening waits for the lock."""
    with engine.connect().execution_options(sqlite_begin=None) as connection:  # not within a transaction
        _patiently(lambda: connection.exec_driver_sql("PRAGMA journal_mode=WAL"))


def _patiently(action: Callable[[], object]) -> None:
    """Try again a few times where SQLite says "locked" at once (recovery, change to WAL)."""
    for attempt in range(1, BEGIN_TRIES + 1):
        try:
            action()
            return
        except DBAPIError as error:
            if attempt == BEGIN_TRIES or not is_busy(error):
                raise
            time.sleep(0.05 * attempt)


def insert_if_absent(session: Session, row: SQLModel) -> bool:
    """Insert a row unless its key exists; whether it was inserted. Safe against other writers."""
    make = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = row.model_dump(exclude_none=True)
    statement = make(type(row)).values(values).on_conflict_do_nothing()
    result = session.connection().execute(statement, execution_options={"preserve_rowcount": True})
    return result.rowcount == 1
