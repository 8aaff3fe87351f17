"""Files and folders of a user's own documents: JSON lines, HTML, PDF, plain text, told apart by content.

Yields documents and, in the place of what could not be read, a `BadRow`. Hidden files are passed over.
Text in another language than English is kept and marked; the English reading leaves it out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agents.archive_records import BadRow, Record, read_jsonl
from agents.reading.bulk import Unreadable, read_many
from agents.reading.document import Document
from corpus.case import Availability
from corpus.dates import EventDate
from corpus.errors import InvalidFile

_POOL_FROM = 16
"""So many files pay for starting the processes (about two seconds)."""


@dataclass(frozen=True)
class Listing:
    """The files that a user's arguments stand for."""

    collections: tuple[Path, ...]
    """JSON lines."""
    pages: tuple[Path, ...]
    """One document each."""


def list_files(arguments: Iterable[Path]) -> Listing:
    """Files and, in order of name, everything below folders; raises InvalidFile for what is neither."""
    collections: list[Path] = []
    pages: list[Path] = []
    for path in _expanded(arguments):
        (collections if _is_collection(path) else pages).append(path)
    return Listing(tuple(collections), tuple(pages))


def _expanded(arguments: Iterable[Path]) -> Iterator[Path]:
    for argument in arguments:
        if argument.is_dir():
            below = (p for p in argument.rglob("*") if p.is_file())
            yield from sorted(p for p in below if not _hidden(p.relative_to(argument)))
        elif argument.is_file():
            yield argument
        else:
            raise InvalidFile(f"{argument} does not exist; name a file or a folder.")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


_HEAD_BYTES = 64_000


def _is_collection(path: Path) -> bool:
    """Whether the first line that is not blank begins an object with an address and a text."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return False  # reading it as a page will say why it cannot be read
    if not head.startswith(b"{"):
        return False
    first = head.splitlines()[0]
    return _looks_like_record(first) or b'"url"' in first or b'"text"' in first


def _looks_like_record(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value.keys() & Record.model_fields.keys())


def read_listing(
    listing: Listing, *, published: EventDate | None = None, workers: int | None = None
) -> Iterator[Document | BadRow]:
    """Every document of the files, collections first; many pages are read by several processes.

    `published` is the user's word for when the documents were published and readable; it fills in where a
    record says nothing and stands for every page.
    """
    for path in listing.collections:
        for row in read_jsonl(path):
            yield _declared(row, published) if published and isinstance(row, Document) else row
    count = workers or (None if len(listing.pages) >= _POOL_FROM else 1)
    for found in read_many(listing.pages, published=published, workers=count):
        yield BadRow(found.place, found.message) if isinstance(found, Unreadable) else found


def _declared(document: Document, published: EventDate) -> Document:
    if document.published_at:
        return document
    return replace(
        document, published_at=published, available_at=published.end(), availability=Availability.DECLARED
    )
