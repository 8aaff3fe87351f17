"""The local archive and the web read as one library: what lies at hand first, then pages.

Documents that a search found on the web are remembered for as long as the program runs, so that a quotation's
source can be recalled; a resumed run finds them anew through the journal. Browsing a period gives the archive's
documents and those of the web's dated lists, which cover drawn days only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from agents.dated_lists import ListedEvents
from agents.library import Library
from agents.reading.document import Document
from corpus.case import Source

PAGES_A_SEARCH = 8
"""Pages read for one search: each is a fetch, and archives are slow."""


class JoinedLibrary:
    """`agents.library.Library` over an archive, a web library and dated lists."""

    def __init__(self, archive: Library, web: Library, listed: ListedEvents) -> None:
        self._archive, self._web, self._listed = archive, web, listed
        self._seen: dict[str, Document] = {}

    async def search(
        self, query: str, *, since: date | None, before: date | None, until: datetime | None, limit: int
    ) -> Sequence[Document]:
        """Up to `limit` documents of the archive, then up to `PAGES_A_SEARCH` pages, each text once."""
        own = await self._archive.search(query, since=since, before=before, until=until, limit=limit)
        pages = await self._web.search(
            query, since=since, before=before, until=until, limit=min(limit, PAGES_A_SEARCH)
        )
        self._seen |= {page.source_id: page for page in pages}
        return list({document.source_id: document for document in (*own, *pages)}.values())

    async def browse(self, first: date, last: date) -> Sequence[Document]:
        """See `Library.browse`; the archive's documents come first."""
        own = await self._archive.browse(first, last)
        listed = await self._listed.between(first, last)
        return list({document.source_id: document for document in (*own, *listed)}.values())

    async def recall(self, source: Source) -> Document | None:
        """See `Library.recall`."""
        return (
            self._seen.get(source.source_id)
            or await self._archive.recall(source)
            or await self._listed.recall(source)
        )
