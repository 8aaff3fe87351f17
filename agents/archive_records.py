"""Documents as JSON lines: the format in which collections are handed in and shipped.

One object a line: `url`, `title`, `text` and, where known, `publisher` (ignored: the publisher is derived
from the address), `published_at`, `available_at`, `date_basis`, `text_kind`, `language`, `checked_on`,
`terms`. Where `available_at` is missing the document counts as available from the end of its published
period, declared. Good rows are kept and bad ones reported by line. Does not check that a text says what
its page says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.reading.address import canonical_url, is_web_address, publisher_of
from agents.reading.document import Document
from agents.reading.language import detect_language
from corpus.case import Availability, Terms, TextKind
from corpus.dates import EventDate, day_before, end_of_day
from corpus.errors import InvalidFile, InvalidInput

MAX_TEXT_CHARACTERS = 5_000_000
_MAX_LINE_BYTES = 4 * MAX_TEXT_CHARACTERS


@dataclass(frozen=True)
class BadRow:
    """A row or file that was not read, and why."""

    place: str
    """Where it stands, such as `news.jsonl, line 7`."""
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Record(BaseModel):
    """One line of a collection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    title: str = ""
    publisher: str = ""
    published_at: EventDate | None = None
    available_at: date | datetime | None = None
    date_basis: str = ""
    """How the publication date was found; for the collection's keepers, not stored."""
    text: str
    text_kind: TextKind = TextKind.PAGE
    language: str = ""
    checked_on: date | None = None
    terms: Terms = Terms.UNKNOWN

    def document(self) -> Document:
        """The document that this record describes; raises InvalidInput where it contradicts itself."""
        self._check()
        available = self._available()
        return Document(
            url=self.url.strip(),
            canonical_url=canonical_url(self.url),
            publisher=publisher_of(self.url),
            title=" ".join(self.title.split()),
            text=self.text,
            text_kind=self.text_kind,
            language=self.language.lower() or detect_language(self.text),
            published_at=self.published_at,
            available_at=available,
            availability=Availability.DECLARED if available else Availability.UNDATED,
            captured_at=end_of_day(self.checked_on) if self.checked_on else None,
            terms=self.terms,
        )

    def _check(self) -> None:
        if not is_web_address(self.url):
            raise InvalidInput(f"url {self.url!r} is no http(s) address.")
        if not self.text.strip():
            raise InvalidInput("text is empty.")
        if len(self.text) > MAX_TEXT_CHARACTERS:
            raise InvalidInput(
                f"text has {len(self.text):,} characters; the limit is {MAX_TEXT_CHARACTERS:,}."
            )

    def _available(self) -> datetime | None:
        if self.available_at is None:
            return self.published_at.end() if self.published_at else None
        when = self.available_at
        if not isinstance(when, datetime):
            when = end_of_day(when)
        if when.tzinfo is None:
            raise InvalidInput(f"available_at {when.isoformat()} has no time zone; add one, such as Z.")
        when = when.astimezone(UTC)
        if self.published_at and when.date() < day_before(
            self.published_at.first_day
        ):  # zones differ by a day
            raise InvalidInput(
                f"available_at {when.isoformat()} lies before published_at {self.published_at}."
            )
        return when


def read_jsonl(path: Path) -> Iterator[Document | BadRow]:
    """The documents of a JSONL file in order; a `BadRow` in the place of each line that cannot be read.

    Raises InvalidFile where the file itself cannot be read.
    """
    try:
        with path.open("rb") as lines:
            yield from read_lines(lines, path.name)
    except OSError as fault:
        raise InvalidFile(f"{path} cannot be read: {fault.strerror or fault}.") from fault


def read_lines(lines: Iterable[bytes], name: str) -> Iterator[Document | BadRow]:
    """As `read_jsonl`, from lines at hand; blank lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{name}, line {number}"
        try:
            yield _document(line)
        except InvalidInput as fault:
            yield BadRow(place, str(fault))


def _document(line: bytes) -> Document:
    if len(line) > _MAX_LINE_BYTES:
        raise InvalidInput(f"the line has {len(line):,} bytes; the limit is {_MAX_LINE_BYTES:,}.")
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        raise InvalidInput(f"the line is not UTF-8 (byte {fault.start}).") from fault
    except (json.JSONDecodeError, RecursionError) as fault:
        cut = "" if line.rstrip().endswith(b"}") else "; the line seems to be cut off"
        detail = (
            f"{fault.msg} at column {fault.colno}"
            if isinstance(fault, json.JSONDecodeError)
            else "nested too deep"
        )
        raise InvalidInput(f"the line is not JSON ({detail}){cut}.") from fault
    if not isinstance(value, dict):
        raise InvalidInput("the line holds no object; one document is one {…}.")
    return _record(value).document()


def _record(value: dict[str, Any]) -> Record:
    try:
        return Record.model_validate(value)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(str(part) for part in first["loc"][:1])
        message = re.sub(r"^Value error, ", "", first["msg"]).rstrip(".")
        shown = (
            ""
            if first["type"] == "missing" or repr(first["input"])[:20] in message
            else f" (found {_short(first['input'])})"
        )
        raise InvalidInput(f"{field}: {message}{shown}.") from fault


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
