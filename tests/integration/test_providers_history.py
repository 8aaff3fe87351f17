"""Wikipedia and the web archive as of a day, against servers that answer as the real ones do."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agents.fetching.result import Fetched, FetchProblem
from agents.providers import wayback, wikipedia
from agents.providers.base import ProviderFailure
from agents.providers.wayback import Capture, Wayback
from agents.providers.wikipedia import Wikipedia, title_of
from agents.reading.document import Document
from corpus.case import Availability
from tests.provider_access import ask, failed
from tests.servers.encyclopaedia import Encyclopaedia
from tests.servers.loopback import Answer, LoopbackServer, page
from tests.servers.web_archive import WebArchive

CUTOFF = datetime(2021, 3, 1, 23, 59, 59, tzinfo=UTC)
BANK = [
    ("2019-01-05T10:00:00Z", "FICTIONAL. The '''Bank''' keeps its rate at 2 %."),
    ("2021-02-20T10:00:00Z", "FICTIONAL. The '''Bank''' keeps its rate at 3 %."),
    ("2022-06-15T10:00:00Z", "FICTIONAL. The '''Bank''' raised its rate to 9 %."),
]


def read(wiki: Encyclopaedia, title: str, at: datetime | None) -> Document | ProviderFailure:
    with LoopbackServer(wiki) as server:
        return ask(wikipedia.INFO, server, lambda access: Wikipedia(access).document(title, at))


def document(result: Document | ProviderFailure) -> Document:
    assert isinstance(result, Document), result
    return result


def test_a_page_reads_as_it_stood_and_is_shown_available_since_its_revision() -> None:
    found = document(read(Encyclopaedia({"Bank": BANK}), "Bank", CUTOFF))
    assert "3 %" in found.text
    assert found.available_at == datetime(2021, 2, 20, 10, tzinfo=UTC)
    assert found.availability is Availability.REVISION
    assert found.available_by(CUTOFF)
    assert found.url == "https://en.wikipedia.org/w/index.php?title=Bank&oldid=1001"
    assert found.canonical_url == "https://en.wikipedia.org/wiki/Bank"
    assert found.publisher == "wikipedia.org"


def test_without_a_cut_off_the_newest_revision_is_read() -> None:
    assert "9 %" in document(read(Encyclopaedia({"Bank": BANK}), "Bank", None)).text


def test_a_server_that_ignores_the_date_is_caught() -> None:
    result = failed(read(Encyclopaedia({"Bank": BANK}, ignores_the_date=True), "Bank", CUTOFF))
    assert result.problem is FetchProblem.NO_CAPTURE
    assert "from 2022-06-15, after the cut-off 2021-03-01" in result.message


def test_a_page_made_later_and_a_page_that_never_was() -> None:
    wiki = Encyclopaedia({"Crisis of 2022": BANK[2:]})
    later = failed(read(wiki, "Crisis of 2022", CUTOFF))
    never = failed(read(wiki, "Nothing", CUTOFF))
    assert later.problem is FetchProblem.NO_CAPTURE
    assert "had no revision by 2021-03-01" in later.message
    assert never.problem is FetchProblem.NOT_FOUND


def test_a_title_that_tells_the_future_is_not_handed_out() -> None:
    wiki = Encyclopaedia({"Fall of the Bank": BANK}, moved={"Bank": "Fall of the Bank"})
    assert document(read(wiki, "Bank", CUTOFF)).title == "Bank"


def test_a_page_that_was_a_redirect_then_leads_to_its_target_of_then() -> None:
    wiki = Encyclopaedia({"The Bank": [("2018-01-01T00:00:00Z", "#REDIRECT [[Bank]]")], "Bank": BANK})
    assert "3 %" in document(read(wiki, "The Bank", CUTOFF)).text


def test_a_circle_of_redirects_ends() -> None:
    loop = {
        "A": [("2018-01-01T00:00:00Z", "#REDIRECT [[B]]")],
        "B": [("2018-01-01T00:00:00Z", "#REDIRECT [[A]]")],
    }
    assert failed(read(Encyclopaedia(loop), "A", CUTOFF)).problem is FetchProblem.NOT_FOUND


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            {"code": "maxlag", "info": "Waiting for a database server: 6 seconds lagged."},
            FetchProblem.RATE_LIMITED,
        ),
        ({"code": "badvalue", "info": "Unrecognized value"}, FetchProblem.STATUS),
    ],
)
def test_errors_under_status_200_are_failures(error: dict[str, str], problem: FetchProblem) -> None:
    result = failed(read(Encyclopaedia(error=error), "Bank", None))
    assert result.problem is problem
    assert error["info"] in result.message


def test_html_instead_of_json_is_one_clear_sentence() -> None:
    with LoopbackServer(lambda seen: page("<html>Our servers are under maintenance</html>")) as server:
        result = failed(ask(wikipedia.INFO, server, lambda access: Wikipedia(access).document("Bank", None)))
    assert result.problem is FetchProblem.WRONG_TYPE
    assert "sent html where" in result.message
    assert "json was asked for" in result.message


def test_the_events_of_a_day() -> None:
    text = "{{Current events|content=\n'''Business'''\n*The Bank raises its rate by 50 points. [https://b.example]\n}}"
    wiki = Encyclopaedia({"Portal:Current events/2022 January 5": [("2022-01-06T00:00:00Z", text)]})
    with LoopbackServer(wiki) as server:
        items = ask(wikipedia.INFO, server, lambda access: Wikipedia(access).events(date(2022, 1, 5)))
    assert not isinstance(items, ProviderFailure)
    assert [item.text for item in items] == ["The Bank raises its rate by 50 points."]


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://en.wikipedia.org/wiki/Federal_Reserve", "Federal Reserve"),
        ("https://en.m.wikipedia.org/wiki/Caf%C3%A9", "Café"),
        ("https://de.wikipedia.org/wiki/Bank", None),
        ("https://en.wikipedia.org/w/index.php?title=Bank", None),
        ("https://bank.example/wiki/Bank", None),
    ],
)
def test_which_addresses_are_pages_of_the_encyclopaedia(url: str, title: str | None) -> None:
    assert title_of(url) == title


URL = "https://news.example/story"
COPIES = {
    URL: {"20200101000000": "<html>old", "20210228120000": "<html>before", "20210302120000": "<html>after"}
}


def capture(archive: WebArchive, at: datetime, url: str = URL) -> Capture | ProviderFailure:
    with LoopbackServer(archive) as server:
        return ask(wayback.INFO, server, lambda access: Wayback(access).capture(url, at))


def test_the_nearest_copy_before_the_moment_is_taken() -> None:
    found = capture(WebArchive(COPIES), datetime(2021, 2, 28, 13, tzinfo=UTC))
    assert found == Capture(URL, datetime(2021, 2, 28, 12, tzinfo=UTC))


def test_a_nearest_copy_after_the_moment_is_passed_over() -> None:
    found = capture(WebArchive(COPIES), datetime(2021, 3, 2, 11, tzinfo=UTC))
    assert found == Capture(URL, datetime(2021, 2, 28, 12, tzinfo=UTC))


def test_only_copies_after_the_moment_are_no_copies() -> None:
    result = failed(capture(WebArchive(COPIES), datetime(2019, 1, 1, tzinfo=UTC)))
    assert result.problem is FetchProblem.NO_CAPTURE
    assert "no copy of https://news.example/story from 2019-01-01 or before" in result.message


def test_an_unknown_page_has_no_copy() -> None:
    assert failed(capture(WebArchive(), CUTOFF)).problem is FetchProblem.NO_CAPTURE


def test_cdx_without_a_single_byte_means_no_copy() -> None:
    def silent(seen: object) -> Answer:
        archive = WebArchive()
        answer = archive(seen)  # type: ignore[arg-type]
        return answer if answer.body != b"[]" else Answer(b"", content_type="application/json")

    with LoopbackServer(silent) as server:
        result = failed(ask(wayback.INFO, server, lambda access: Wayback(access).capture(URL, CUTOFF)))
    assert result.problem is FetchProblem.NO_CAPTURE


def test_a_copy_is_read_and_named_by_what_was_served() -> None:
    with LoopbackServer(WebArchive(COPIES)) as server:
        wanted = Capture(URL, datetime(2021, 2, 28, 12, tzinfo=UTC))
        result = ask(wayback.INFO, server, lambda access: Wayback(access).page(wanted, CUTOFF))
        assert not isinstance(result, ProviderFailure)
        fetched, served = result
    assert isinstance(fetched, Fetched)
    assert fetched.content == b"<html>before"
    assert served.public_url == f"https://web.archive.org/web/20210228120000/{URL}"


def test_a_copy_that_leads_to_a_younger_one_is_refused() -> None:
    with LoopbackServer(WebArchive(COPIES, plays_the_nearest=True)) as server:
        wanted = Capture(URL, datetime(2021, 2, 28, 12, tzinfo=UTC))
        result = failed(ask(wayback.INFO, server, lambda access: Wayback(access).page(wanted, CUTOFF)))
    assert result.problem is FetchProblem.NO_CAPTURE
    assert "of 20210302, after the cut-off 20210301" in result.message


def test_the_archive_is_left_alone_after_429_and_asked_again() -> None:
    archive = WebArchive(COPIES, too_many=1)
    found = capture(archive, datetime(2021, 3, 2, 11, tzinfo=UTC))
    assert isinstance(found, Capture)
    assert archive.too_many == 0
