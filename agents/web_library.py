"""The web as a library: searched by every ready engine, read page by page under the cut-off.

A hit is only an address; what a role gets is the page as `agents.fetch` could show it to have stood. What
cannot be shown available in time is counted and left out where a cut-off is set. Browsing a period is the
local archive's; on the web, dated lists (`agents.dated_lists`) stand for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from agents.fetch import AsOfFetcher
from agents.fetching.result import FetchFailure, FetchProblem
from agents.providers.base import Hit, ProviderFailure, Query, WebSearch
from agents.reading.address import canonical_url
from agents.reading.document import Document
from corpus.case import Source

ENGLISH = frozenset({"en", "und"})
"""Languages of pages that are read; too short a text has none."""


@dataclass
class WebReading:
    """What became of the pages that searches pointed to, for the run's summary."""

    hits: int = 0
    read: int = 0
    unavailable: int = 0
    """Not shown available by the cut-off: undated, or younger."""
    foreign: int = 0
    failures: Counter[FetchProblem] = field(default_factory=Counter)
    last: str = ""
    """The last failure's sentence."""

    @property
    def failed(self) -> int:
        """Pages that could not be reached or read."""
        return self.failures.total()

    def fail(self, failure: FetchFailure) -> None:
        """Count a page that gave nothing."""
        self.failures[failure.problem] += 1
        self.last = failure.message

    def line(self) -> str:
        """What became of them, and why those that failed did, in one sentence."""
        kinds = ", ".join(f"{problem} {count}" for problem, count in sorted(self.failures.items()))
        why = f" ({kinds}; last: {self.last.rstrip('.')})" if kinds else ""
        return (
            f"{self.hits} pages found, {self.read} read, {self.unavailable} not shown available in time, "
            f"{self.foreign} not in English, {self.failed} unreachable or unreadable{why}"
        )


class WebLibrary:
    """`agents.library.Library` over search engines and the as-of fetcher."""

    def __init__(
        self,
        searches: Sequence[WebSearch],
        fetcher: AsOfFetcher,
        *,
        sites: tuple[str, ...] = (),
        on_failure: Callable[[ProviderFailure], None] = lambda failure: None,
    ) -> None:
        self._searches = searches
        self._fetcher = fetcher
        self._sites = sites
        self._on_failure = on_failure
        self.reading = WebReading()

    async def search(
        self, query: str, *, since: date | None, before: date | None, until: datetime | None, limit: int
    ) -> Sequence[Document]:
        """Pages that all engines point to, interleaved by rank, shown available by `until`; at most `limit`.

        `before` and `since` bound the publication where it is known; the engines' own dates decide nothing.
        """
        latest = min((day for day in (before, until.date() if until else None) if day), default=None)
        asked = Query(query, since=since, before=latest, domains=self._sites, count=limit)
        answers = await asyncio.gather(*(search.search(asked) for search in self._searches))
        hits = _interleaved(self._kept(answers))[:limit]
        self.reading.hits += len(hits)
        pages = await asyncio.gather(*(self._fetcher.document(hit.url, until) for hit in hits))
        found = [_found_by(hit.engine, page) for hit, page in zip(hits, pages, strict=True)]
        documents = [page for page in found if self._may_be_read(page, until)]
        return [document for document in _once(documents) if _published_within(document, since, before)]

    async def browse(self, first: date, last: date) -> Sequence[Document]:
        """Nothing: the web cannot be browsed by day."""
        return ()

    async def recall(self, source: Source) -> Document | None:
        """Nothing: a page that is fetched again may be another; `agents.joined_library` keeps what was read."""
        return None

    def _kept(self, answers: Iterable[Sequence[Hit] | ProviderFailure]) -> list[Sequence[Hit]]:
        kept: list[Sequence[Hit]] = []
        for answer in answers:
            if isinstance(answer, ProviderFailure):
                self._on_failure(answer)
            else:
                kept.append(answer)
        return kept

    def _may_be_read(self, page: Document | FetchFailure, until: datetime | None) -> bool:
        if isinstance(page, FetchFailure):
            self.reading.fail(page)
        elif until is not None and not page.available_by(until):
            self.reading.unavailable += 1
        elif page.language not in ENGLISH:
            self.reading.foreign += 1
        else:
            self.reading.read += 1
            return True
        return False


def _interleaved(answers: list[Sequence[Hit]]) -> list[Hit]:
    """First all first hits, then all second ones; each page once."""
    found: dict[str, Hit] = {}
    for rank in range(max((len(answer) for answer in answers), default=0)):
        for answer in answers:
            if rank < len(answer):
                found.setdefault(canonical_url(answer[rank].url), answer[rank])
    return list(found.values())


def _found_by(engine: str, page: Document | FetchFailure) -> Document | FetchFailure:
    """The page with the name of the engine that pointed to it first."""
    return replace(page, provider=engine) if isinstance(page, Document) else page


def _once(pages: Iterable[Document | FetchFailure]) -> list[Document]:
    """Documents without those that two addresses led to."""
    return list({page.source_id: page for page in pages if isinstance(page, Document)}.values())


def _published_within(document: Document, since: date | None, before: date | None) -> bool:
    published = document.published_at
    if published is None:
        return True
    return (since is None or published.last_day >= since) and (
        before is None or published.first_day <= before
    )
