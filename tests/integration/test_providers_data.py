"""GDELT, FRED, World Bank, survey, markets and fact checks: their fields, their traps, their as-of."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.fetching.result import FetchProblem
from agents.providers import fact_checks, fred, gdelt, manifold, polymarket, survey, world_bank
from agents.providers.base import Access, Forecast, ProviderFailure, ProviderInfo, Query
from agents.providers.gdelt import FEWEST_ARTICLES, SAMPLE_HOURS, Gdelt
from agents.providers.survey import known_from
from corpus.case import Terms
from corpus.dates import EventDate
from tests.provider_access import ask, failed
from tests.servers import data_services
from tests.servers.data_services import GdeltFiles, gdelt_row, survey_sheet, zipped
from tests.servers.loopback import NOT_FOUND, Answer, LoopbackServer, Seen, as_json, page

DAY = date(2021, 3, 1)


def put(info: ProviderInfo, handler: Callable[[Seen], Answer], question: Any, key: str = "right") -> Any:
    """One question to a provider whose services are played by `handler`."""
    with LoopbackServer(handler) as server:
        return ask(info, server, question, key)


# GDELT


def gdelt_events(lines: list[str], day: date = DAY) -> Any:
    return put(gdelt.INFO, GdeltFiles(lines), lambda access: Gdelt(access).events(day))


def test_gdelt_adds_up_a_days_sample_and_skips_files_that_are_missing() -> None:
    url = "https://herald.example/1"
    lines = [
        gdelt_row("20210301", "RURITANIA", "STRELSAU", "14", 9, url, "Strelsau, Ruritania"),
        gdelt_row("20210301", "RURITANIA", "STRELSAU", "14", 1, "https://b.example/2", "Strelsau, Ruritania"),
        gdelt_row("20210301", "LONE", "", "01", 1, url),
        gdelt_row("20110301", "RURITANIA", "STRELSAU", "14", 500, url),
        gdelt_row("2021030x", "BAD", "DATE", "14", 500, url),
        gdelt_row("20210301", "", "", "14", 500, url),
    ]
    (item,) = gdelt_events(lines)
    read = sum(not hour % 6 for hour in SAMPLE_HOURS)
    assert item.weight == 10 * read >= FEWEST_ARTICLES
    assert item.text == "Ruritania protests against Strelsau in Strelsau, Ruritania"
    assert item.links == (url, "https://b.example/2")


def test_gdelt_begins_in_2015_and_says_so() -> None:
    result = failed(gdelt_events([], date(2014, 1, 1)))
    assert "begin on 2015-02-19" in result.message


def test_gdelt_with_all_files_missing_is_a_failure() -> None:
    result = failed(put(gdelt.INFO, lambda seen: NOT_FOUND, lambda access: Gdelt(access).events(DAY)))
    assert result.problem is FetchProblem.NOT_FOUND


@pytest.mark.parametrize("body", [b"PK\x03\x04broken", zipped("x", "a") + b"", b"<html>moved</html>"])
def test_gdelt_archives_that_cannot_be_read(body: bytes) -> None:
    result = put(gdelt.INFO, lambda seen: Answer(body), lambda access: Gdelt(access).events(DAY))
    assert isinstance(result, ProviderFailure) or result == ()


def test_gdelt_does_not_unpack_a_bomb() -> None:
    bomb = zipped("\0" * 60_000_000)
    result = failed(put(gdelt.INFO, lambda seen: Answer(bomb), lambda access: Gdelt(access).events(DAY)))
    assert "a usual size" in result.message


def gdelt_search(answer: Answer, *more: Answer) -> Any:
    answers = [answer, *more]
    handler = lambda seen: answers.pop(0) if len(answers) > 1 else answers[0]  # noqa: E731
    return put(gdelt.INFO, handler, lambda access: Gdelt(access).search(Query("bank", before=DAY)))


def test_gdelt_search_and_its_prose_under_status_200() -> None:
    rows = {
        "articles": [
            {
                "url": "https://a.example/1",
                "title": "T",
                "seendate": "20210228T101500Z",
                "domain": "a.example",
            }
        ]
    }
    prose = Answer(b"Please limit requests to one every 5 seconds or contact us.", content_type="text/html")
    (hit,) = gdelt_search(prose, as_json(rows))
    assert hit.claimed_date == EventDate.parse("2021-02-28")
    assert gdelt_search(as_json({})) == ()
    limited = failed(gdelt_search(prose))
    assert limited.problem is FetchProblem.RATE_LIMITED
    assert "in prose under status 200" in limited.message
    odd = failed(gdelt_search(Answer(b"Your query was too short or too long.", content_type="text/html")))
    assert odd.problem is FetchProblem.WRONG_TYPE


# FRED


def observations(as_of: date, series: str = "RURGDP", key: str = "right") -> Any:
    return put(
        fred.INFO, data_services.fred, lambda access: fred.Fred(access).observations(series, as_of), key
    )


def test_fred_gives_the_vintage_of_the_day_and_leaves_missing_values_out() -> None:
    before, after = observations(date(2021, 3, 1)), observations(date(2021, 5, 1))
    assert [o.value for o in before] == [2.1, 1.0]
    assert [o.value for o in after] == [2.1, 9.9]
    assert before[1].known_from == date(2021, 1, 28)


def test_fred_wrong_key_and_unknown_series_are_explained_without_the_key() -> None:
    for result in (failed(observations(DAY, key="hush")), failed(observations(DAY, "NOPE"))):
        assert "check FRED_API_KEY" in result.message
        assert "hush" not in result.message


def test_fred_refuses_a_vintage_from_after_the_day() -> None:
    row = {"realtime_start": "2022-01-01", "date": "2020-07-01", "value": "9"}
    answer = as_json({"observations": [row]})
    result = failed(
        put(fred.INFO, lambda seen: answer, lambda access: fred.Fred(access).observations("X", DAY))
    )
    assert result.problem is FetchProblem.NO_CAPTURE


# World Bank


def indicator(name: str) -> Any:
    bank = lambda access: world_bank.WorldBank(access).observations("RU", name, 2018, 2020)  # noqa: E731
    return put(world_bank.INFO, data_services.world_bank, bank)


def test_world_bank_rows_have_no_vintage_and_an_error_is_an_array_of_one() -> None:
    found = indicator("GDP")
    assert [(str(o.period), o.value, o.known_from) for o in found] == [
        ("2018", 4.0, None),
        ("2020", 5.5, None),
    ]
    assert "parameter value is not valid" in failed(indicator("BAD")).message
    assert indicator("EMPTY") == ()


# Survey of Professional Forecasters

ROWS = [
    [2020, 4, 10.5, 9.0, 8.0, 7.0, 6.0],
    [2021, 1, 20.0, "#N/A", 15.0, 12.5, None],
    [2021, 2, 5.0, 5.0, 5.0, 5.0, 105.0],
]


def recession(as_of: datetime, words: str = "US recession", body: bytes | None = None) -> Any:
    sheet = survey_sheet(ROWS) if body is None else body
    source = lambda access: survey.ProfessionalForecasters(access).forecasts(words, as_of)  # noqa: E731
    return put(survey.INFO, lambda seen: Answer(sheet, content_type="application/octet-stream"), source)


def test_the_newest_survey_known_at_the_moment_is_read() -> None:
    before = recession(datetime(2021, 2, 20, tzinfo=UTC))
    after = recession(datetime(2021, 3, 1, tzinfo=UTC))
    assert [f.probability for f in before] == [0.105, 0.09, 0.08, 0.07, 0.06]
    assert [f.probability for f in after] == [0.2, 0.15, 0.125]
    assert after[1].question == "Does US real GDP decline in 2021-Q3, quarter over quarter?"
    assert all(f.at <= datetime(2021, 3, 1, tzinfo=UTC) for f in after)


def test_the_survey_is_asked_only_about_its_topic_and_before_its_time_has_nothing() -> None:
    assert recession(datetime(2021, 3, 1, tzinfo=UTC), "an election in Ruritania") == ()
    assert recession(datetime(1950, 1, 1, tzinfo=UTC)) == ()


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04no", zipped("x"), b"<html>moved</html>", survey_sheet([])[:-40]]
)
def test_a_spreadsheet_that_cannot_be_read_is_a_failure(body: bytes) -> None:
    assert failed(recession(datetime(2021, 3, 1, tzinfo=UTC), body=body)).problem is FetchProblem.WRONG_TYPE


def test_a_spreadsheet_bomb_is_not_unpacked(tmp_path: Any) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b"\0" * 60_000_000)
    result = failed(recession(datetime(2021, 3, 1, tzinfo=UTC), body=bomb.read_bytes()))
    assert "unpacks to more than" in result.message


@given(st.integers(1970, 2100), st.integers(1, 4))
def test_a_survey_is_known_within_its_own_quarter(year: int, quarter: int) -> None:
    period = EventDate.parse(f"{year}-Q{quarter}")
    assert period.first_day < known_from(period).date() < period.last_day


# Markets


def poly(
    as_of: datetime, handler: Any = data_services.polymarket, words: str = "Bank of Ruritania raises rate"
) -> Any:
    return put(polymarket.INFO, handler, lambda access: polymarket.Polymarket(access).forecasts(words, as_of))


def test_polymarket_reads_arrays_in_strings_and_prices_at_the_moment() -> None:
    found = poly(datetime(2023, 4, 5, tzinfo=UTC))
    assert [(f.option, f.probability) for f in found] == [("Yes", 0.62), ("No", 0.38)]
    assert all(f.at <= datetime(2023, 4, 5, tzinfo=UTC) for f in found)
    assert found[0].closes == datetime(2023, 5, 31, tzinfo=UTC)


def test_polymarket_takes_no_market_that_was_not_open_and_no_stale_price() -> None:
    assert poly(datetime(2022, 12, 1, tzinfo=UTC)) == ()
    assert poly(datetime(2023, 5, 10, tzinfo=UTC)) == ()
    assert poly(datetime(2023, 4, 5, tzinfo=UTC), words="an election elsewhere") == ()


def test_polymarket_where_it_is_blocked() -> None:
    result = failed(poly(datetime(2023, 4, 5, tzinfo=UTC), lambda seen: Answer(b"", status=451)))
    assert result.problem is FetchProblem.BLOCKED
    assert "not available from this country (451)" in result.message


def mani(as_of: datetime, handler: Any = data_services.manifold) -> Any:
    return put(manifold.INFO, handler, lambda access: manifold.Manifold(access).forecasts("rate", as_of))


def test_manifold_gives_the_last_bet_before_the_moment_with_its_terms() -> None:
    (found,) = mani(datetime(2022, 3, 1, tzinfo=UTC))
    assert isinstance(found, Forecast)
    assert (found.probability, found.samples, found.terms) == (0.55, 12, Terms.NON_COMMERCIAL)
    assert found.at == datetime.fromtimestamp(1645000000, UTC)


def test_manifold_before_the_market_was_made_has_nothing() -> None:
    assert mani(datetime(2021, 1, 1, tzinfo=UTC)) == ()


# Fact checks


def checks(text: str, key: str = "right") -> Any:
    return put(
        fact_checks.INFO, data_services.fact_checks, lambda a: fact_checks.FactChecks(a).claims(text), key
    )


def test_fact_checks_with_their_rating_and_none_where_there_is_none() -> None:
    (found,) = checks("bank failed")
    assert (found.rating, found.publisher, found.url) == (
        "Mostly false",
        "FICTIONAL Checks",
        "https://checks.example/1",
    )
    assert found.reviewed == EventDate.parse("2022-07-01")
    assert checks("something else") == ()
    assert "check GOOGLE_FACT_CHECK_API_KEY" in failed(checks("bank", key="wrong")).message


# Any of them

SOURCES: list[tuple[ProviderInfo, Callable[[Access], Any]]] = [
    (fred.INFO, lambda a: fred.Fred(a).observations("X", DAY)),
    (world_bank.INFO, lambda a: world_bank.WorldBank(a).observations("RU", "X", 2019, 2020)),
    (
        polymarket.INFO,
        lambda a: polymarket.Polymarket(a).forecasts("bank rate", datetime(2023, 4, 5, tzinfo=UTC)),
    ),
    (manifold.INFO, lambda a: manifold.Manifold(a).forecasts("bank", datetime(2022, 3, 1, tzinfo=UTC))),
    (fact_checks.INFO, lambda a: fact_checks.FactChecks(a).claims("bank")),
]
IDS = [info.name for info, _ in SOURCES]
ODD: list[Any] = [
    {},
    [],
    None,
    3,
    "x",
    [1, 2],
    [[]],
    {"error": "x"},
    [{"id": 1}],
    {"observations": [1]},
    [{}, [{}]],
]


@pytest.mark.parametrize(("info", "question"), SOURCES, ids=IDS)
def test_html_for_json_is_one_clear_sentence(info: ProviderInfo, question: Any) -> None:
    result = failed(put(info, lambda seen: page("<html>We are improving our site</html>"), question))
    assert result.problem is FetchProblem.WRONG_TYPE
    assert "sent html where" in result.message


@pytest.mark.parametrize(("info", "question"), SOURCES, ids=IDS)
@pytest.mark.parametrize("body", ODD, ids=repr)
def test_any_json_is_an_answer_or_a_failure_and_never_a_crash(
    info: ProviderInfo, question: Any, body: Any
) -> None:
    result = put(info, lambda seen: as_json(body), question)
    assert isinstance(result, ProviderFailure) or list(result) == []
