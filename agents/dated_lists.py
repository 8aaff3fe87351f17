"""Seeds from the web's dated lists: their entries and the pages these name, as documents for a Brainstormer.

The web cannot be browsed, so days are drawn from the period by a stated rule (`Sample.days`) and each list is
asked for them. An entry that may be quoted (Wikipedia's portal, as it stood a week later) is a document of its
own; a counted list (GDELT) is never quoted: its most written-about entries only say which pages to read. What
becomes a seed is for the Brainstormer to choose, which sees these documents as it sees an archive's. Pages are
read as they stood a week after the day, where that can be had. Not covered: what no list names.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from agents.fetching.result import FetchFailure
from agents.offline.subjects import speaks_of
from agents.providers.base import SETTLED_DAYS, DatedItem, DatedLists, ProviderFailure
from agents.reading.document import Document
from agents.web_library import ENGLISH
from corpus.case import Source

FEWEST_DAYS, MOST_DAYS = 7, 366
"""Days drawn from a period, where it has so many: one a wanted case within these bounds."""
PAGES_A_DAY = 4
"""Entries of a list and day whose pages are read: by lot among those that speak of a wanted domain; of a counted
list the most written-about."""
LINKS_TRIED = 2
"""Pages of an entry that are tried until one can be read."""

ReadPage = Callable[[str, datetime], Awaitable[Document | FetchFailure]]
"""An address and a moment → the page as it stood then; `agents.fetch.AsOfFetcher.document`."""


@dataclass(frozen=True)
class Sample:
    """Which days of a period are looked at, and for what."""

    first: date
    last: date
    wanted: int
    """Cases that the run wants."""
    domains: tuple[str, ...]
    random_seed: int

    @property
    def length(self) -> int:
        """Days of the period."""
        return (self.last - self.first).days + 1

    def days(self) -> tuple[date, ...]:
        """One day drawn by lot from each of equal stretches of the period, oldest first."""
        count = min(max(self.wanted, FEWEST_DAYS), MOST_DAYS, self.length)
        lot = random.Random(f"days/{self.random_seed}")
        borders = [self.length * k // count for k in range(count + 1)]
        offsets = (lot.randrange(begin, end) for begin, end in pairwise(borders))
        return tuple(self.first + timedelta(days=offset) for offset in offsets)

    def to_read(self, items: Sequence[DatedItem], name: str) -> list[DatedItem]:
        """The entries of one day and list whose pages are read."""
        if any(item.weight for item in items):
            return sorted(items, key=lambda item: (-item.weight, item.text))[:PAGES_A_DAY]
        fitting = [item for item in items if item.links and self._speaks(item)]
        lot = random.Random(f"pages/{self.random_seed}/{name}/{items[0].date}" if items else "")
        return lot.sample(fitting, min(PAGES_A_DAY, len(fitting)))

    def _speaks(self, item: DatedItem) -> bool:
        around = f"{item.category}. {item.topic}. {item.text}"
        return any(speaks_of(domain, item.text, around) > 0 for domain in self.domains)


class ListedEvents:
    """The documents of the dated lists for one run; fetched once, when first asked for."""

    def __init__(
        self,
        lists: Sequence[DatedLists],
        sample: Sample,
        read: ReadPage,
        on_failure: Callable[[ProviderFailure], None] = lambda failure: None,
    ) -> None:
        self._lists, self._sample, self._read, self._on_failure = lists, sample, read, on_failure
        self._under_way: asyncio.Task[list[Document]] | None = None
        self._entries = self._pages = self._unread = 0

    async def between(self, first: date, last: date) -> list[Document]:
        """Documents published in [first, last], oldest first."""
        return [
            document
            for document in await self._documents()
            if (day := document.published_at) and first <= day.last_day and day.first_day <= last
        ]

    async def recall(self, source: Source) -> Document | None:
        """The document that a source stands for; a resumed run finds it through the journal."""
        known = {document.source_id: document for document in await self._documents()}
        return known.get(source.source_id)

    def line(self) -> str:
        """What was looked at, in a sentence; empty where nothing was."""
        if self._under_way is None or not self._lists:
            return ""
        names, drawn = ", ".join(a.info.name for a in self._lists), len(self._sample.days())
        return (
            f"Dated lists ({names}): {drawn} of {self._sample.length} days, one drawn by lot from each of {drawn} "
            f"equal stretches; {self._entries} entries, {self._pages} pages they name read, {self._unread} not."
        )

    async def _documents(self) -> list[Document]:
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._gathered())
        return await asyncio.shield(self._under_way)

    async def _gathered(self) -> list[Document]:
        asked = [(source, day) for day in self._sample.days() for source in self._lists]
        found = await asyncio.gather(*(self._of_day(source, day) for source, day in asked))
        once = {document.source_id: document for part in found for document in part}
        return sorted(once.values(), key=lambda d: (str(d.published_at or ""), d.url, d.source_id))

    async def _of_day(self, source: DatedLists, day: date) -> list[Document]:
        items = await source.events(day)
        if isinstance(items, ProviderFailure):
            self._on_failure(items)
            return []
        self._entries += len(items)
        chosen = self._sample.to_read(items, source.info.name)
        pages = await asyncio.gather(*(self._page(item) for item in chosen))
        quoted = [item.document for item in items if item.document is not None]
        return [*quoted, *(page for page in pages if page is not None)]

    async def _page(self, item: DatedItem) -> Document | None:
        moment = datetime.combine(item.date + timedelta(days=SETTLED_DAYS), time.max, UTC)
        for link in item.links[:LINKS_TRIED]:
            page = await self._read(link, moment)
            if isinstance(page, Document) and page.language in ENGLISH and page.published_at is not None:
                self._pages += 1
                return page
        self._unread += 1
        return None
