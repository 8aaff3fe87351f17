"""Errors of the drivers become errors of the project, with the place and the next step.

One context manager wraps every transaction. What is not foreseen here leaves as it came, because an
unknown fault must show its traceback.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from corpus.errors import InvalidFile, StoreBusy, StoreError, StoreFull

NEARLY_FULL_BYTES = 1 << 20
"""Below this much free space a failed write is put down to a full disk."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # disk, quota, limit of the shell
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_POSTGRES_BUSY = {"55P03", "40P01"}  # lock_not_available, deadlock_detected


@contextmanager
def domain_errors(place: str, file: Path | None) -> Iterator[None]:
    """Raise `StoreFull`, `StoreBusy`, `StoreError` or `InvalidFile` for the driver's error.

    `place` is how the store is named to people; `file` is the SQLite file, None on Postgres.
    """
    try:
        yield
    except PoolTimeout as error:
        raise StoreBusy(_busy(place)) from error
    except DBAPIError as error:
        known = _known(error, place, file)
        if known is None:
            raise
        raise known from error
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise StoreFull(_full(place)) from error


def is_busy(error: DBAPIError) -> bool:
    """Whether SQLite says that another connection holds the lock."""
    return isinstance(error.orig, sqlite3.OperationalError) and _sqlite_code(error.orig) in _SQLITE_BUSY


def _known(error: DBAPIError, place: str, file: Path | None) -> StoreError | InvalidFile | None:
    if file is not None:
        return _of_sqlite(error.orig, place, file)
    return _of_postgres(error, place)


def _of_sqlite(cause: BaseException | None, place: str, file: Path) -> StoreError | InvalidFile | None:
    if not isinstance(cause, sqlite3.Error):
        return None
    code = _sqlite_code(cause)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _nearly_full(file)):
        return StoreFull(_full(place))
    if code in _SQLITE_BUSY:
        return StoreBusy(_busy(place))
    if code == sqlite3.SQLITE_NOTADB:
        return InvalidFile(f"{place} is not a SQLite database; name another file with --db.")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}:
        return StoreError(f"{place} cannot be written: {cause}. Check its folder, its rights and its disk.")
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreError(f"{place} is damaged: {cause}. Restore the newest backup into a new file.")
    return None


def _of_postgres(error: DBAPIError, place: str) -> StoreError | None:
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100":
        return StoreFull(_full(place))
    if state in _POSTGRES_BUSY:
        return StoreBusy(_busy(place))
    if error.connection_invalidated or state is None or state.startswith(("08", "28", "3D", "57P")):
        reason = str(error.orig).strip().splitlines()
        return StoreError(f"{place} cannot be reached: {reason[-1] if reason else 'no answer'}")
    return None


def _sqlite_code(error: sqlite3.Error) -> int | None:
    """The primary result code: the extended ones carry more detail in their upper bytes."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _nearly_full(file: Path) -> bool:
    if not hasattr(os, "statvfs"):
        return False
    space = os.statvfs(file.parent)
    return space.f_bavail * space.f_frsize < NEARLY_FULL_BYTES


def _full(place: str) -> str:
    return f"No space is left for {place}; free some and run the command again: what was stored is kept."


def _busy(place: str) -> str:
    return f"{place} is held by another process and did not come free; wait for it to end and try again."
