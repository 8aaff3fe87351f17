"""The web as a library: hits become pages, shown available in time or left out and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

from agents.fetch import AsOfFetcher
from agents.library import View
from agents.page_reading import read_page
from agents.providers import searxng, tavily, wayback, wikipedia
from agents.providers.base import Access, ProviderFailure, WebSearch
from agents.reading.document import Document
from agents.web_library import WebLibrary, WebReading
from tests.servers.loopback import Answer, LoopbackServer, Seen
from tests.servers.loopback_web import CUTOFF, HONEST, LEAK, LYING, LoopbackWeb
from tests.servers.search_engines import Row, SearchEngines
from tests.webclients import web_client


class SearchedWeb:
    """The loopback web with search engines that know every page, honest and lying, and obey no dates."""

    def __init__(self) -> None:
        self.web = LoopbackWeb()
        self.engines = SearchEngines(ignores_dates=True)

    def index(self, base: str) -> None:
        self.web.fill_archive(base)
        entries = [*LYING, *HONEST]
        self.engines.rows = [
            Row(base + entry.path, f"{LEAK} in the title", "2021-02-01", LEAK) for entry in entries
        ]

    def __call__(self, seen: Seen) -> Answer:
        return self.engines(seen) if seen.path == "/search" else self.web(seen)


def search(
    until: datetime | None, key: str = "right"
) -> tuple[Sequence[Document], WebReading, list[ProviderFailure]]:
    """A search of the whole loopback web through a view with a cut-off."""
    failures: list[ProviderFailure] = []

    async def go(server: LoopbackServer) -> tuple[Sequence[Document], WebReading]:
        async with web_client(server.peer) as client:

            def access(info: object, key: str = "") -> Access:
                return Access(info, client, dict.fromkeys(info.services, server.url), key)  # type: ignore[attr-defined, arg-type]

            fetcher = AsOfFetcher(
                client,
                read_page,
                wikipedia=wikipedia.Wikipedia(access(wikipedia.INFO)),
                wayback=wayback.Wayback(access(wayback.INFO)),
                on_failure=failures.append,
            )
            engines: list[WebSearch] = [
                searxng.SearXNG(access(searxng.INFO)),
                tavily.Tavily(access(tavily.INFO, key)),
            ]
            library = WebLibrary(engines, fetcher, on_failure=failures.append)
            found = await View(library, until).search("bank of Ruritania", count=60)
            return found, library.reading

    web = SearchedWeb()
    with LoopbackServer(web) as server:
        web.index(server.url)
        found, reading = asyncio.run(go(server))
    return found, reading, failures


def test_an_engine_that_ignores_dates_brings_no_later_page_to_the_estimator() -> None:
    found, reading, failures = search(CUTOFF)
    assert failures == []
    assert len(found) == 6
    assert all(document.available_by(CUTOFF) and LEAK not in document.text for document in found)
    assert (reading.hits, reading.read) == (len(LYING) + len(HONEST), 6)
    assert reading.unavailable == reading.hits - 6
    assert "11 not shown available in time" in reading.line()


def test_with_hindsight_everything_is_read() -> None:
    found, reading, _ = search(None)
    assert reading.unavailable == 0
    assert any(LEAK in document.text for document in found)


def test_one_engine_that_fails_is_named_and_the_other_goes_on() -> None:
    found, _, failures = search(CUTOFF, key="wrong")
    assert len(found) == 6
    assert [failure.provider for failure in failures] == ["tavily"]


def test_publication_bounds_are_kept() -> None:
    async def browse() -> Sequence[Document]:
        return await WebLibrary([], None).browse(date(2021, 1, 1), date(2021, 12, 31))  # type: ignore[arg-type]

    assert asyncio.run(browse()) == ()
    found, _, _ = search(datetime(2021, 2, 12, 23, 59, 59, tzinfo=UTC))
    assert {str(document.published_at) for document in found} == {"2021-02-10", "2021-02-11", "2021-02-12"}
