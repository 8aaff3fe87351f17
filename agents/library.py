"""Where the roles read: a library of documents, always asked with a cut-off.

The firewall is in the types: a role that must not know the outcome is handed a `View`, which carries its
cut-off and has no way to lift it. The Chronicler and the Verifier get a view without a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from agents.archive import Archive
from agents.reading.document import Document
from corpus.case import Source


class Library(Protocol):
    """Documents on request; `until` is when they must have been available, None for no limit."""

    async def search(
        self, query: str, *, since: date | None, before: date | None, until: datetime | None, limit: int
    ) -> Sequence[Document]:
        """Documents published in [since, before], shown available by `until`, most fitting first."""
        ...

    async def browse(self, first: date, last: date) -> Sequence[Document]:
        """All documents at hand that were published in [first, last], oldest first."""
        ...

    async def recall(self, source: Source) -> Document | None:
        """The very document that a source stands for; None where it cannot be had any more."""
        ...


@dataclass(frozen=True)
class View:
    """A library seen through a cut-off. `limit` None means hindsight is allowed."""

    library: Library
    limit: datetime | None

    async def search(
        self, query: str, *, since: date | None = None, before: date | None = None, count: int = 20
    ) -> Sequence[Document]:
        """Documents that may be read here, most fitting first."""
        found = await self.library.search(query, since=since, before=before, until=self.limit, limit=count)
        return [document for document in found if self._allowed(document)]

    def _allowed(self, document: Document) -> bool:
        """The last gate: whatever a library hands out, nothing passes that is not shown available in time."""
        return self.limit is None or document.available_by(self.limit)


class ArchiveLibrary:
    """The local archive as a library."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def search(
        self, query: str, *, since: date | None, before: date | None, until: datetime | None, limit: int
    ) -> Sequence[Document]:
        """See `Library.search`."""
        return self._archive.search(query, since=since, until=before, available_by=until, limit=limit)

    async def browse(self, first: date, last: date) -> Sequence[Document]:
        """See `Library.browse`."""
        return self._archive.published_between(first, last)

    async def recall(self, source: Source) -> Document | None:
        """See `Library.recall`."""
        return self._archive.get(source.url, source.text_sha256)
