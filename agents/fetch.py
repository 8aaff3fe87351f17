"""The one way to a page of the web: always asked with a cut-off, climbing the retrieval ladder.

For a cut-off in the past: a revision at or before it; else an archived copy at or before it; else the
live page where two independent signals date it before and none after; else the page comes back undated,
which keeps it out of every estimate. Without a cut-off (hindsight allowed) the live page is read, and
dated where its signals prove a date. What a search engine says about a date is never used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from agents.as_of import header_signals, judge_publication
from agents.fetching.client import WebClient
from agents.fetching.result import Fetched, FetchFailure, FetchProblem, WebRequest
from agents.fetching.sniff import MediaType
from agents.injection import InjectionFlag, flags, flags_of_hidden
from agents.providers.base import ProviderFailure
from agents.providers.wayback import Capture, Wayback
from agents.providers.wikipedia import Wikipedia, title_of
from agents.reading.address import publisher_of
from agents.reading.document import Document
from agents.reading.publication import DateSignal
from corpus.case import Availability, Terms
from corpus.dates import EventDate

_READABLE = frozenset({MediaType.HTML, MediaType.PDF, MediaType.TEXT, MediaType.XML})


@dataclass(frozen=True)
class ReadPage:
    """What reading makes of a page's bytes."""

    title: str
    text: str
    language: str
    canonical_url: str
    signals: tuple[DateSignal, ...]
    hidden: tuple[str, ...] = ()
    """What the page keeps from its readers; not part of the text."""


class PageReader(Protocol):
    """Turns bytes into text and date signals; `agents.page_reading` does, by `agents.reading`."""

    def __call__(self, content: bytes, url: str) -> ReadPage | str:
        """The page, or one sentence why it cannot be read. Runs in a thread."""
        ...


class AsOfFetcher:
    """Reads pages as they stood at a moment."""

    def __init__(
        self,
        client: WebClient,
        reader: PageReader,
        *,
        wikipedia: Wikipedia | None,
        wayback: Wayback | None,
        on_failure: Callable[[ProviderFailure], None] = lambda failure: None,
        on_flags: Callable[[Document, tuple[InjectionFlag, ...]], None] = lambda document, found: None,
    ) -> None:
        self._client = client
        self._reader = reader
        self._wikipedia = wikipedia
        self._wayback = wayback
        self._on_failure = on_failure
        self._on_flags = on_flags

    async def document(self, url: str, cutoff: datetime | None) -> Document | FetchFailure:
        """The page at `url` as far as it can be shown to have stood at `cutoff`.

        The result may be undated, or available later than the cut-off where that is what is known of it:
        who must not know the outcome asks `Document.available_by`.
        """
        title = title_of(url)
        if title is not None and self._wikipedia is not None:
            return await self._revision(self._wikipedia, title, url, cutoff)
        if cutoff is not None and self._wayback is not None:
            archived = await self._archived(self._wayback, url, cutoff)
            if archived is not None:
                return archived
        return await self._live(url, cutoff)

    async def _revision(
        self, wikipedia: Wikipedia, title: str, url: str, cutoff: datetime | None
    ) -> Document | FetchFailure:
        """A wiki's live page proves nothing about the past, so the ladder ends here for one."""
        found = await wikipedia.document(title, cutoff)
        if isinstance(found, ProviderFailure):
            self._report(found)
            return FetchFailure(found.problem, found.message, url)
        return self._flagged(found, ())

    async def _archived(self, wayback: Wayback, url: str, cutoff: datetime) -> Document | None:
        capture = await wayback.capture(url, cutoff)
        if isinstance(capture, ProviderFailure):
            self._report(capture)
            return None
        page = await wayback.page(capture, cutoff)
        if isinstance(page, ProviderFailure):
            self._report(page)
            return None
        fetched, served = page
        read = await self._read(fetched, url)
        if isinstance(read, FetchFailure):
            return None
        return self._flagged(_archived_document(read, served, url), read.hidden)

    async def _live(self, url: str, cutoff: datetime | None) -> Document | FetchFailure:
        fetched = await self._client.fetch(WebRequest(url, is_page=True))
        if isinstance(fetched, FetchFailure):
            return fetched
        read = await self._read(fetched, fetched.url)
        if isinstance(read, FetchFailure):
            return read
        return self._flagged(_live_document(read, fetched, cutoff), read.hidden)

    async def _read(self, fetched: Fetched, url: str) -> ReadPage | FetchFailure:
        if fetched.media not in _READABLE:
            message = f"{url} is {fetched.media}, which is not read as a page."
            return FetchFailure(FetchProblem.WRONG_TYPE, message, url)
        read = await asyncio.to_thread(self._reader, fetched.content, url)
        return FetchFailure(FetchProblem.WRONG_TYPE, read, url) if isinstance(read, str) else read

    def _flagged(self, document: Document, hidden: tuple[str, ...]) -> Document:
        """Tell of passages that try to instruct a model; the document is handed out all the same, as data."""
        if found := (*flags(document.text), *flags_of_hidden(hidden)):
            self._on_flags(document, found)
        return document

    def _report(self, failure: ProviderFailure) -> None:
        """A missing copy is an answer; anything else is a fault for the run's summary."""
        if failure.problem not in {FetchProblem.NO_CAPTURE, FetchProblem.NOT_FOUND}:
            self._on_failure(failure)


def _archived_document(read: ReadPage, served: Capture, url: str) -> Document:
    return Document(
        url=served.public_url,
        canonical_url=read.canonical_url,
        publisher=publisher_of(url),
        title=read.title,
        text=read.text,
        language=read.language,
        published_at=_earliest(read.signals, served.at),
        available_at=served.at,
        availability=Availability.ARCHIVE_CAPTURE,
        captured_at=served.at,
        terms=Terms.QUOTATION,
    )


def _live_document(read: ReadPage, fetched: Fetched, cutoff: datetime | None) -> Document:
    signals = (*read.signals, *header_signals(fetched.headers.get("last-modified", ""), fetched.fetched_at))
    shown = judge_publication(signals, read.text, cutoff)
    return Document(
        url=fetched.url,
        canonical_url=read.canonical_url,
        publisher=publisher_of(fetched.url),
        title=read.title,
        text=read.text,
        language=read.language,
        published_at=shown.date or _earliest(read.signals, fetched.fetched_at),
        available_at=shown.since.end() if shown.since else None,
        availability=Availability.CHECKED_PUBLICATION if shown.since else Availability.UNDATED,
        captured_at=fetched.fetched_at,
        terms=Terms.QUOTATION,
    )


def _earliest(signals: tuple[DateSignal, ...], by: datetime) -> EventDate | None:
    """A publication date to read relative dates by; proves nothing about availability."""
    dates = [signal.date for signal in signals if not signal.modified]
    known = [date for date in dates if date.first_day <= by.astimezone(UTC).date()]
    return min(known) if known else None
