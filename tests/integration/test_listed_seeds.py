"""Dated lists of the web as documents for a Brainstormer, against servers that answer as the real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from agents.archive import Archive
from agents.dated_lists import ListedEvents, Sample
from agents.fetch import AsOfFetcher
from agents.joined_library import JoinedLibrary
from agents.journal import Journal
from agents.library import ArchiveLibrary
from agents.offline.brainstormer import OfflineBrainstormer
from agents.page_reading import read_page
from agents.prompted.brainstormer import PromptedBrainstormer
from agents.providers import gdelt, wayback, wikipedia
from agents.providers.base import Access, DatedLists, ProviderFailure
from agents.roles import Seeds
from agents.web_library import WebLibrary
from corpus.case import Availability
from corpus.dates import EventDate
from tests.integration.test_prompted_seeds import every
from tests.journals import MemoryJournal
from tests.role_player import RolePlayer, played
from tests.roles import settings
from tests.servers.listed_web import CROSSING, TREMOR, VOTE, ListedWeb
from tests.servers.loopback import LoopbackServer
from tests.servers.loopback_web import LEAK
from tests.webclients import web_client

JANUARY = Sample(date(2022, 1, 1), date(2022, 1, 31), 31, ("geopolitics",), 42)
Question = Callable[[ListedEvents], Awaitable[Any]]


def put(server: LoopbackServer, question: Question, journal: Journal | None = None,
        failures: list[ProviderFailure] | None = None) -> Any:  # fmt: skip
    """One question to the lists of a loopback January, as a process of its own would ask it."""

    async def go() -> Any:
        async with web_client(server.peer, journal=journal) as client:

            def access(info: Any) -> Access:
                return Access(info, client, dict.fromkeys(info.services, server.url))

            wiki, archive = wikipedia.Wikipedia(access(wikipedia.INFO)), wayback.Wayback(access(wayback.INFO))
            lists: list[DatedLists] = [wiki, gdelt.Gdelt(access(gdelt.INFO))]
            fetcher = AsOfFetcher(client, read_page, wikipedia=wiki, wayback=archive)
            noted = failures if failures is not None else []
            return await question(ListedEvents(lists, JANUARY, fetcher.document, noted.append))

    return asyncio.run(go())


def ask(question: Question, web: ListedWeb | None = None, **options: Any) -> Any:
    """The same on a server of its own."""
    played_by = web or ListedWeb()
    with LoopbackServer(played_by) as server:
        played_by.fill(server.url)
        return put(server, question, **options)


async def everything(listed: ListedEvents) -> Any:
    return await listed.between(JANUARY.first, JANUARY.last), listed.line()


@pytest.fixture(scope="module")
def january() -> Any:
    """All documents and the summary's line."""
    failures: list[ProviderFailure] = []
    documents, line = ask(everything, failures=failures)
    return documents, line, failures


def test_an_entry_of_the_portal_is_a_document_as_it_stood_a_week_later(january: Any) -> None:
    documents, _, _ = january
    (entry,) = [d for d in documents if d.text.startswith(VOTE)]
    assert entry.text == f"{VOTE}."
    assert entry.published_at == EventDate.parse("2022-01-12")
    assert entry.availability is Availability.REVISION
    assert entry.url.endswith("title=Portal:Current_events/2022_January_12&oldid=1000")
    assert entry.title == "Politics and elections: Ruritanian parliament"
    assert not any(LEAK in d.text for d in documents)


def test_the_pages_that_entries_name_are_read_and_a_gone_one_is_passed_over(january: Any) -> None:
    documents, _, _ = january
    assert [d for d in documents if d.url.endswith("/2022/01/12/vote")]
    assert not [d for d in documents if d.url.endswith("/quake")], "the entry speaks of no wanted domain"
    (copy,) = [d for d in documents if CROSSING in d.text]
    assert copy.availability is Availability.ARCHIVE_CAPTURE, "the live page was rewritten since"


def test_a_counted_list_says_what_to_read_and_is_never_quoted(january: Any) -> None:
    documents, _, _ = january
    assert not [d for d in documents if "shows force against" in d.text]


def test_the_summary_says_how_the_days_were_drawn_and_who_failed(january: Any) -> None:
    _, line, failures = january
    assert line == (
        "Dated lists (wikipedia, gdelt): 31 of 31 days, one drawn by lot from each of 31 equal stretches; "
        "3 entries, 2 pages they name read, 0 not."
    )
    assert {failure.provider for failure in failures} == {"wikipedia", "gdelt"}, (
        "days without a page or a file"
    )


def test_one_list_that_fails_leaves_the_other() -> None:
    failures: list[ProviderFailure] = []
    documents, _ = ask(everything, web=ListedWeb(gdelt_answers=False), failures=failures)
    assert any(VOTE in d.text for d in documents)
    assert sum(failure.provider == "gdelt" for failure in failures) == 31


def test_nothing_is_asked_before_a_brainstormer_asks() -> None:
    web = ListedWeb()

    async def silent(listed: ListedEvents) -> str:
        return listed.line()

    assert ask(silent, web=web) == ""


def seeds(listed: ListedEvents, brainstormer: Any) -> Awaitable[Any]:
    wanted = {"first_day": EventDate.parse("2022-01"), "last_day": EventDate.parse("2022-01")}
    asked = settings(domains=("geopolitics",), num_cases=5, blind_share=0.0, **wanted)
    own = ArchiveLibrary(Archive.in_memory([]))
    library = JoinedLibrary(own, WebLibrary([], None), listed)  # type: ignore[arg-type]
    found: Awaitable[Any] = brainstormer.seeds(library, asked)
    return found


def check_seeds(found: Any) -> None:
    assert isinstance(found, Seeds), found
    by_day = {str(seed.date): seed for seed in found.seeds}
    assert set(by_day) == {"2022-01-12", "2022-01-20"}
    vote, crossing = by_day["2022-01-12"], by_day["2022-01-20"]
    assert "leave the Alliance of Zenda" in vote.event
    assert {s.availability for s in vote.sources} == {Availability.REVISION, Availability.CHECKED_PUBLICATION}
    assert CROSSING.split()[0] in crossing.event
    assert TREMOR not in {seed.event for seed in found.seeds}
    assert not any(LEAK in item.exact for seed in found.seeds for item in seed.evidence)


def test_the_rules_make_seeds_of_them() -> None:
    check_seeds(ask(lambda listed: seeds(listed, OfflineBrainstormer())))


def test_a_model_ranks_them() -> None:
    with played(RolePlayer({"BrainstormReply": every}), repairs=0) as models:

        async def ranked(listed: ListedEvents) -> Any:
            async with models:
                return await seeds(listed, PromptedBrainstormer(models))

        found = ask(ranked)
    check_seeds(found)
    assert [seed.chosen for seed in found.seeds] == ["ranked", "ranked"]


def test_a_resumed_run_recalls_a_seeds_document_from_the_journal() -> None:
    journal, web = MemoryJournal(), ListedWeb()
    with LoopbackServer(web) as server:
        web.fill(server.url)
        documents, _ = put(server, everything, journal)
        source = next(d for d in documents if d.text.startswith(VOTE)).as_source()
        web.wiki.pages = {}
        found = put(server, lambda listed: listed.recall(source), journal)
    assert found is not None
    assert found.text == f"{VOTE}."
