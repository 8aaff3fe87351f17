"""A whole store in one file, from either database and back into either.

The file is a ZIP: one JSON Lines member for each table (deflated), and `manifest.json`, written last,
with the schema and each member's row count and sha256. Writing needs the memory of one page of rows.
Restoring checks the whole file first, then fills an empty store in one transaction. The file holds all
that the store holds, hashes of curators' tokens included; it is not encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Date, LargeBinary, Table, func, insert, select, text
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import sync_folder
from corpus.identity import canonical_json
from db.clock import Clock, utc_now
from db.faults import domain_errors
from db.schema import SCHEMA, program_version
from db.session import Store, open_store
from db.tables import TABLES

FORMAT = "psychohistory-backup/1"
MANIFEST = "manifest.json"
PAGE = 200

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError)
"""What `zipfile`, `json` and pydantic raise for bytes that are not what they should be."""


class Member(BaseModel):
    """One table of a backup."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    rows: int


class BackupManifest(BaseModel):
    """What a backup says about itself."""

    model_config = ConfigDict(frozen=True)

    format: str
    db_schema: str
    program: str
    created: datetime
    members: dict[str, Member]
    """Table name → its rows."""

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(member.rows for member in self.members.values())


def backup(store: Store, file: Path, clock: Clock = utc_now) -> BackupManifest:
    """Write the whole store, as of one moment, to `file`, which appears only once it is complete.

    Raises `StoreFull` where the disk of `file` is full, `InvalidInput` where its folder does not exist or
    something other than a file has its name.
    """
    if not file.parent.is_dir():
        raise InvalidInput(f"The folder {file.parent} does not exist; make it, or name another file.")
    if file.exists() and not file.is_file():
        raise InvalidInput(f"{file} is not a file that could be replaced; name another one.")
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        with domain_errors(str(file), None):
            manifest = _write(store, partial, clock())
            partial.replace(file)
            sync_folder(file.parent)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    return manifest


def restore(target: str | Path | None, file: Path) -> BackupManifest:
    """Fill an empty store, made where it does not exist, from a backup.

    Raises `InvalidFile` for a file that is no backup, is not whole, was altered or comes from a newer
    program, before the store is touched; `InvalidInput` where the store holds anything.
    """
    manifest = verify(file)
    store = open_store(target)
    try:
        with store.writing() as session, zipfile.ZipFile(file) as archive:
            _check_empty(session, store.place)
            for table in TABLES:
                _load(session, table, _rows(archive, table))
            if not store.is_sqlite:
                _advance_sequences(session)
    finally:
        store.close()
    return manifest


def verify(file: Path) -> BackupManifest:
    """Check a backup from its first to its last byte; raises `InvalidFile`."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = BackupManifest.model_validate_json(archive.read(MANIFEST))
            _check_version(manifest, file)
            if set(manifest.members) != {table.name for table in TABLES}:
                raise InvalidFile(f"{file} lists other tables than this program knows; take another backup.")
            for name, member in manifest.members.items():
                if _measured(archive, name) != member:
                    raise InvalidFile(f"{file} was altered: {name} is not what its manifest says.")
    except InvalidFile:
        raise
    except _BROKEN as error:
        raise InvalidFile(
            f"{file} is not a whole backup ({error}); take another one, or copy this one again."
        ) from error
    except OSError as error:
        raise InvalidFile(f"{file} cannot be read: {error.strerror or error}.") from error
    return manifest


def _write(store: Store, partial: Path, now: datetime) -> BackupManifest:
    with partial.open("wb") as raw, store.reading() as session:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            members = {table.name: _write_table(archive, session, table) for table in TABLES}
            manifest = BackupManifest(
                format=FORMAT, db_schema=SCHEMA, program=program_version(), created=now, members=members
            )
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _write_table(archive: zipfile.ZipFile, session: Session, table: Table) -> Member:
    digest, count = hashlib.sha256(), 0
    query = select(table).order_by(*table.primary_key.columns)
    with archive.open(_member(table.name), "w", force_zip64=True) as member:
        for row in session.execute(query, execution_options={"yield_per": PAGE}):
            values = {key: _encode(value) for key, value in row._mapping.items()}
            line = (canonical_json(values) + "\n").encode()
            digest.update(line)
            member.write(line)
            count += 1
    return Member(sha256=digest.hexdigest(), rows=count)


def _measured(archive: zipfile.ZipFile, name: str) -> Member:
    digest, count = hashlib.sha256(), 0
    with archive.open(_member(name)) as member:
        for line in member:
            digest.update(line)
            count += 1
    return Member(sha256=digest.hexdigest(), rows=count)


def _rows(archive: zipfile.ZipFile, table: Table) -> Iterator[dict[str, Any]]:
    with archive.open(_member(table.name)) as member:
        for line in member:
            values = json.loads(line)
            yield {column.name: _decode(column, values[column.name]) for column in table.columns}


def _load(session: Session, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while page := list(islice(rows, PAGE)):
        session.execute(insert(table), page)


def _check_version(manifest: BackupManifest, file: Path) -> None:
    if manifest.format == FORMAT and manifest.db_schema == SCHEMA:
        return
    raise InvalidFile(
        f"{file} has format {manifest.format} and schema {manifest.db_schema}, written by program "
        f"{manifest.program}; this one ({program_version()}) reads {FORMAT} with schema {SCHEMA}. "
        "Upgrade it: pip install --upgrade psychohistory"
    )


def _check_empty(session: Session, place: str) -> None:
    for table in TABLES:
        if found := session.execute(select(func.count()).select_from(table)).scalar_one():
            raise InvalidInput(
                f"{place} is not empty ({table.name}: {found} rows); restore into a new file or database."
            )


def _advance_sequences(session: Session) -> None:
    """Let Postgres number new rows after the restored ones."""
    for table in TABLES:
        for column in table.primary_key.columns:
            if column is table.autoincrement_column:
                highest = f"SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name}"  # noqa: S608
                sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                session.execute(text(f"SELECT setval({sequence}, ({highest}), false)"))


def _member(table: str) -> str:
    return f"{table}.jsonl"


def _encode(value: object) -> object:
    """A column's value as JSON."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case date():  # datetimes too
            return value.isoformat()
    return value


def _decode(column: Column[Any], value: Any) -> object:
    """A column's value from JSON; vocabularies stay text, which their columns take."""
    if value is None:
        return None
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value, validate=True)
    if isinstance(column.type, UTCDateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(column.type, Date) else value
