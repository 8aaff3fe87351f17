"""The local archive: documents with publication and availability time in one SQLite file, full text searched.

Serves a user's own collection, the tests, and the shipped starter archive. Adding is insert-if-absent by
address and text: a document that changed stands beside its older version. Rows are final. Does not read
files (`agents.archive_files` does), fetch anything or rank beyond bm25.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.archive_records import BadRow, read_lines
from agents.reading.document import Document
from corpus.case import Availability, Terms, TextKind
from corpus.dates import EventDate
from corpus.errors import InvalidFile, StoreBusy, StoreError, StoreFull, StoreTooNew
from corpus.text import STOPWORDS, words

ARCHIVE_VERSION = 1
PROVIDER = "local archive"
"""Stored as SQLite's user_version."""
_APPLICATION_ID = 0x50484152
_BUSY_SECONDS = 60.0
_MAX_QUERY_WORDS = 64
_SCHEMA = """
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    canonical_url TEXT NOT NULL,
    publisher TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    text_kind TEXT NOT NULL,
    language TEXT NOT NULL,
    published_at TEXT,
    published_first TEXT,
    published_last TEXT,
    available_at TEXT,
    availability TEXT NOT NULL,
    captured_at TEXT,
    terms TEXT NOT NULL,
    UNIQUE (url, text_sha256)
);
CREATE INDEX documents_published ON documents (published_first);
CREATE VIRTUAL TABLE documents_fts USING fts5(
    title, text, content='documents', content_rowid='id', tokenize='porter unicode61'
);
CREATE TRIGGER documents_added AFTER INSERT ON documents BEGIN
    INSERT INTO documents_fts (rowid, title, text) VALUES (new.id, new.title, new.text);
END;
"""
_COLUMNS = (
    "url, canonical_url, publisher, title, text, text_kind, language, published_at, available_at, "
    "availability, captured_at, terms"
)
_ONE = f"SELECT {_COLUMNS} FROM documents WHERE id = ?"  # noqa: S608
_KEPT_DOCUMENTS = 20_000
"""Documents kept in memory before the memory is given back: some 60 MB of news."""
_INSERT = (
    f"INSERT OR IGNORE INTO documents ({_COLUMNS}, text_sha256, published_first, published_last) "  # noqa: S608
    "VALUES (" + ", ".join("?" * 15) + ")"
)


@dataclass(frozen=True)
class Added:
    """What adding did."""

    new: int
    known: int
    """Documents that were there already, address and text equal."""


class Archive:
    """An open archive. Safe to use from several threads; several processes may add at once."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._known: dict[int, Document] = {}
        self._turn = threading.Lock()
        self.name = name
        """Path of the file, or `:memory:`."""

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False) -> Self:
        """Open an archive file, made where it is missing.

        Raises InvalidFile for a file that is no archive, StoreTooNew for one of a newer program.
        """
        place = Path(path)
        if not read_only:
            place.parent.mkdir(parents=True, exist_ok=True)
        address = f"{place.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
        with _as_domain_errors(str(place)):
            connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)
            try:
                _prepare(connection, place, read_only=read_only)
            except BaseException:  # whatever happened, the file is let go of before it is told
                connection.close()
                raise
        return cls(connection, str(place))

    @classmethod
    def in_memory(cls, documents: Iterable[Document] = ()) -> Self:
        """An archive that vanishes with the process."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(_SCHEMA)
        made = cls(connection, ":memory:")
        made.add(documents)
        return made

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, documents: Iterable[Document]) -> Added:
        """Store documents that are not there yet, all or none of them; adding again changes nothing."""
        seen = 0

        def rows() -> Iterator[tuple[str | None, ...]]:
            nonlocal seen
            for document in documents:
                seen += 1
                yield _to_row(document)

        with _as_domain_errors(self.name), self._connection:
            before = self._connection.total_changes
            stored = self._count()
            self._connection.executemany(_INSERT, rows())
            new = self._count() - stored if self._connection.total_changes > before else 0
        return Added(new=new, known=seen - new)

    def finish(self) -> None:
        """Make one self-contained file of it, for reading from where nothing may be written."""
        with _as_domain_errors(self.name):
            self._connection.execute("INSERT INTO documents_fts (documents_fts) VALUES ('optimize')")
            self._connection.commit()
            self._connection.execute("PRAGMA journal_mode = DELETE")

    def search(
        self,
        query: str,
        *,
        since: date | EventDate | None = None,
        until: date | EventDate | None = None,
        available_by: datetime | None = None,
        limit: int = 20,
    ) -> list[Document]:
        """Documents that share words with `query`, best first by bm25 (titles count double).

        `since` and `until` bound the period of publication and leave undated documents out;
        `available_by` (aware) leaves out whatever is not shown available by that moment. The order is
        deterministic: equal ranks by publication, address and text.
        """
        match = _match_expression(query)
        if not match or limit < 1:
            return []
        bounds, values = _bounds(since, until, available_by)
        statement = (  # the bounds are made of fixed conditions with placeholders
            "SELECT d.id FROM documents_fts JOIN documents d ON d.id = documents_fts.rowid "  # noqa: S608
            f"WHERE documents_fts MATCH ? {bounds} "
            "ORDER BY round(bm25(documents_fts, 2.0, 1.0), 9), d.published_first, d.url, d.text_sha256 LIMIT ?"
        )
        return self._select(statement, (match, *values, limit))

    def published_between(self, first: date, last: date) -> list[Document]:
        """Documents whose period of publication lies within [first, last], oldest first."""
        bounds, values = _bounds(first, last, None)
        return self._select(_LISTED.format(bounds=bounds), values)

    def all(self) -> list[Document]:
        """Every document, oldest publication first, undated ones last."""
        return self._select(_LISTED.format(bounds=""), ())

    def count(self) -> int:
        """How many documents there are."""
        with _as_domain_errors(self.name):
            return self._count()

    def get(self, url: str, text_sha256: str | None = None) -> Document | None:
        """The document at an address, in one version of its text; without a hash the one added last."""
        bounds, values = " AND d.url = ?", [url]
        if text_sha256:
            bounds, values = bounds + " AND d.text_sha256 = ?", [url, text_sha256]
        statement = f"SELECT d.id FROM documents d WHERE 1{bounds} ORDER BY d.id DESC LIMIT 1"  # noqa: S608
        found = self._select(statement, values)
        return found[0] if found else None

    def _count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def _select(self, statement: str, values: Iterable[str | int]) -> list[Document]:
        """The documents whose ids a statement selects, in its order. Rows are final, so each is read once."""
        with _as_domain_errors(self.name), self._turn:
            with closing(self._connection.execute(statement, tuple(values))) as rows:
                ids = [row[0] for row in rows]
            if len(self._known) > _KEPT_DOCUMENTS:
                self._known.clear()
            found = {
                n: self._known.get(n) or _from_row(self._connection.execute(_ONE, (n,)).fetchone())
                for n in ids
            }
            self._known.update(found)
            return [found[number] for number in ids]


_LISTED = (
    "SELECT d.id FROM documents d WHERE 1 {bounds} "
    "ORDER BY d.published_first IS NULL, d.published_first, d.url, d.text_sha256"
)


def _prepare(connection: sqlite3.Connection, place: Path, *, read_only: bool) -> None:
    """Check that the file is an archive; make the tables in an empty one."""
    # Tables first: whoever makes them sets the marks in the same transaction, so marks read later are there.
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    kind = connection.execute("PRAGMA application_id").fetchone()[0]
    if tables and kind != _APPLICATION_ID:
        raise InvalidFile(f"{place} is a database of another kind, not an archive; name another file.")
    if version > ARCHIVE_VERSION:
        raise StoreTooNew(
            f"{place} was written by a newer program (archive version {version}, this one knows "
            f"{ARCHIVE_VERSION}); update the program."
        )
    if tables or read_only:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        for statement in _statements(_SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {ARCHIVE_VERSION}")
    connection.commit()


def _statements(script: str) -> Iterator[str]:
    """Single statements, so that making the tables is one transaction (a script would commit first)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _match_expression(query: str) -> str:
    """Any of the words that carry meaning, quoted, so that no character of a query is an operator."""
    listed = list(dict.fromkeys(words(query)))
    kept = [word for word in listed if word not in STOPWORDS] or listed
    return " OR ".join(f'"{word}"' for word in kept[:_MAX_QUERY_WORDS])


def _bounds(
    since: date | EventDate | None, until: date | EventDate | None, available_by: datetime | None
) -> tuple[str, list[str]]:
    conditions, values = "", []
    if since:
        conditions += " AND d.published_first >= ?"
        values.append(_first_day(since).isoformat())
    if until:
        conditions += " AND d.published_last <= ?"
        values.append(_last_day(until).isoformat())
    if available_by:
        conditions += " AND d.availability != 'undated' AND d.available_at <= ?"
        values.append(_moment(available_by) or "")
    return conditions, values


def _first_day(bound: date | EventDate) -> date:
    return bound.first_day if isinstance(bound, EventDate) else bound


def _last_day(bound: date | EventDate) -> date:
    return bound.last_day if isinstance(bound, EventDate) else bound


def _moment(when: datetime | None) -> str | None:
    """UTC to the microsecond, in one width, so that text order is time order."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if when else None


def _to_row(document: Document) -> tuple[str | None, ...]:
    published = document.published_at
    return (
        document.url,
        document.canonical_url,
        document.publisher,
        document.title,
        document.text,
        document.text_kind,
        document.language,
        str(published) if published else None,
        _moment(document.available_at),
        document.availability,
        _moment(document.captured_at),
        document.terms,
        document.text_sha256,
        published.first_day.isoformat() if published else None,
        published.last_day.isoformat() if published else None,
    )


def _from_row(row: tuple[str, ...]) -> Document:
    url, canonical, publisher, title, text, kind, language, published, available, proof, captured, terms = row
    return Document(
        url=url,
        canonical_url=canonical,
        publisher=publisher,
        title=title,
        text=text,
        text_kind=TextKind(kind),
        language=language,
        published_at=EventDate.parse(published) if published else None,
        available_at=datetime.fromisoformat(available) if available else None,
        availability=Availability(proof),
        captured_at=datetime.fromisoformat(captured) if captured else None,
        terms=Terms(terms),
        provider=PROVIDER,
    )


@contextmanager
def _as_domain_errors(name: str) -> Iterator[None]:
    """SQLite's own errors become the project's, raised from them."""
    try:
        yield
    except sqlite3.OperationalError as fault:
        code = getattr(fault, "sqlite_errorname", "")
        if code == "SQLITE_FULL":
            raise StoreFull(f"No space is left for the archive {name}; nothing was added.") from fault
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StoreBusy(
                f"Another program holds the archive {name}; try again when it is done."
            ) from fault
        raise StoreError(f"The archive {name} cannot be used: {fault}.") from fault
    except sqlite3.DatabaseError as fault:
        raise InvalidFile(f"{name} is no archive or is damaged ({fault}); name another file.") from fault


STARTER_FILE = Path(__file__).resolve().parent.parent / "corpus" / "starter" / "archive.jsonl"


def starter_archive(source: Path = STARTER_FILE, cache: Path | None = None) -> Archive:
    """The shipped archive, read only: a SQLite copy in the user's cache folder, named by the file's hash.

    It is built on first use (under a second for 1,000 documents), in memory where the cache cannot be
    written. Raises InvalidFile where the shipped file is missing or has a bad line.
    """
    try:
        content = source.read_bytes()
    except OSError as fault:
        raise InvalidFile(f"{source} cannot be read ({fault.strerror}); install the program anew.") from fault
    from platformdirs import user_cache_path

    folder = cache or user_cache_path("psychohistory")
    ready = folder / f"starter-{hashlib.sha256(content).hexdigest()[:16]}-v{ARCHIVE_VERSION}.sqlite"
    if not ready.is_file():
        documents = list(_starter_documents(content, source.name))
        try:
            _build(ready, documents)
        except (OSError, StoreError):  # a cache that cannot be written costs time, nothing else
            return Archive.in_memory(documents)
    return Archive.open(ready, read_only=True)


def _starter_documents(content: bytes, name: str) -> Iterator[Document]:
    for row in read_lines(content.splitlines(keepends=True), name):
        if isinstance(row, BadRow):
            raise InvalidFile(f"The shipped archive is damaged: {row}")
        yield row


def _build(ready: Path, documents: Iterable[Document]) -> None:
    """Write the copy under another name first; two programs at once write the same."""
    ready.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=ready.parent, prefix=".starter-", suffix=".sqlite")
    os.close(handle)
    temporary = Path(name)
    try:
        with Archive.open(temporary) as archive:
            archive.add(documents)
            archive.finish()
        os.replace(temporary, ready)
    finally:
        for left in (temporary, Path(f"{name}-wal"), Path(f"{name}-shm")):
            left.unlink(missing_ok=True)
