"""Web search: four engines with their own protocols, keys, date filters and traps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest

from agents.fetching.result import FetchProblem
from agents.providers import brave, exa, searxng, tavily
from agents.providers.base import Access, Hit, ProviderFailure, ProviderInfo, Query, WebSearch
from agents.providers.presets import presets, sites_of
from agents.providers.searching import claimed_date, with_sites
from corpus.dates import EventDate
from corpus.errors import InvalidInput
from tests.provider_access import ask, failed
from tests.servers.loopback import Answer, LoopbackServer, as_json, page
from tests.servers.search_engines import Row, SearchEngines

ROWS = [
    Row("https://a.example/1?utm_source=x", "FICTIONAL: early", "2021-03-01"),
    Row("https://a.example/1", "FICTIONAL: the same page", "2021-03-01"),
    Row("https://b.example/2", "FICTIONAL: late", "2022-06-15"),
    Row("javascript:alert(1)", "no page", "2021-01-01"),
]
Engine = tuple[ProviderInfo, Callable[[Access], WebSearch]]
KEYED: list[Engine] = [(tavily.INFO, tavily.Tavily), (brave.INFO, brave.Brave), (exa.INFO, exa.Exa)]
ALL: list[Engine] = [*KEYED, (searxng.INFO, searxng.SearXNG)]
IDS = [info.name for info, _ in ALL]


def search(
    engine: Engine, server: SearchEngines | Callable[..., Answer], query: Query, key: str = "right"
) -> Sequence[Hit] | ProviderFailure:
    info, make = engine
    with LoopbackServer(server) as loopback:
        return ask(info, loopback, lambda access: make(access).search(query), key)


def hits(result: Sequence[Hit] | ProviderFailure) -> Sequence[Hit]:
    assert not isinstance(result, ProviderFailure), result
    return result


@pytest.mark.parametrize("engine", ALL, ids=IDS)
def test_hits_have_address_title_and_claimed_date_and_each_page_once(engine: Engine) -> None:
    found = hits(search(engine, SearchEngines(ROWS), Query("bank rate")))
    assert [hit.url for hit in found] == ["https://a.example/1?utm_source=x", "https://b.example/2"]
    assert found[0].title == "FICTIONAL: early"
    assert found[0].claimed_date == EventDate.parse("2021-03-01")
    assert {hit.engine for hit in found} == {engine[0].name}


@pytest.mark.parametrize("engine", KEYED, ids=IDS[:3])
def test_dates_are_passed_on_in_the_form_the_engine_obeys(engine: Engine) -> None:
    before = hits(search(engine, SearchEngines(ROWS), Query("bank", before=date(2021, 12, 31))))
    since = hits(search(engine, SearchEngines(ROWS), Query("bank", since=date(2022, 1, 1))))
    assert [hit.url for hit in before] == ["https://a.example/1?utm_source=x"]
    assert [hit.url for hit in since] == ["https://b.example/2"]


@pytest.mark.parametrize("engine", KEYED, ids=IDS[:3])
def test_a_wrong_key_is_one_sentence_that_names_the_variable(engine: Engine) -> None:
    result = failed(search(engine, SearchEngines(ROWS), Query("bank"), key="wrong"))
    assert result.problem is FetchProblem.UNAUTHORISED
    assert f"check {engine[0].key_variable}" in result.message
    assert "wrong" not in result.message


@pytest.mark.parametrize("engine", ALL, ids=IDS)
@pytest.mark.parametrize(
    "body", [{}, {"results": None}, {"results": "none"}, {"web": {"results": 3}}, [1], "x"]
)
def test_an_answer_without_rows_is_a_failure_or_empty_but_never_a_crash(engine: Engine, body: Any) -> None:
    result = search(engine, lambda seen: as_json(body), Query("bank"))
    if isinstance(result, ProviderFailure):
        assert result.problem is FetchProblem.WRONG_TYPE
    else:
        assert (engine[0].name, list(result)) == ("brave", [])


@pytest.mark.parametrize("engine", ALL, ids=IDS)
def test_html_where_json_belongs_and_half_a_json(engine: Engine) -> None:
    html = failed(search(engine, lambda seen: page("<html>busy</html>"), Query("bank")))
    half = failed(
        search(engine, lambda seen: Answer(b'{"results": [', content_type="application/json"), Query("b"))
    )
    assert html.problem is half.problem is FetchProblem.WRONG_TYPE
    assert "JSON that cannot be read" in half.message


def test_a_searxng_that_keeps_json_off_says_what_to_do() -> None:
    result = failed(search(ALL[3], SearchEngines(json_enabled=False), Query("bank")))
    assert result.problem is FetchProblem.NOT_SET_UP
    assert "enable it in its settings" in result.message


def test_sites_reach_every_engine() -> None:
    sites = sites_of("central_banks")
    for engine in ALL:
        with LoopbackServer(SearchEngines(ROWS)) as server:
            ask(
                engine[0],
                server,
                lambda access, make=engine[1]: make(access).search(Query("rate", domains=sites)),
            )
            seen = server.seen[0]
        sent = seen.query.get("q", "") + seen.body.decode()
        assert all(site in sent for site in sites), engine[0].name


def test_presets_fit_the_shortest_query_limit_and_lists_of_sites_are_checked() -> None:
    assert set(presets()) == {"think_tanks", "central_banks", "statistics_offices", "economic_press"}
    for name, sites in presets().items():
        assert 4 <= len(sites) <= 8
        assert len(with_sites(Query("x" * 150, domains=sites))) <= 400, name
    assert sites_of("a.example, B.example") == ("a.example", "b.example")
    assert sites_of("") == ()
    for wrong in (",", "no_such_preset", "https://a.example/"):
        with pytest.raises(InvalidInput, match="neither a preset"):
            sites_of(wrong)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-03-01", "2021-03-01"),
        ("2021-03-01T08:00:00Z", "2021-03-01"),
        ("2021-03-01T08:00:00.000+02:00", "2021-03-01"),
        ("Mon, 01 Mar 2021 08:00:00 GMT", "2021-03-01"),
        ("3 days ago", None),
        ("", None),
        (None, None),
        (17, None),
        ("20222-01-01", None),
    ],
)
def test_dates_as_engines_claim_them(text: Any, day: str | None) -> None:
    assert claimed_date(text) == (EventDate.parse(day) if day else None)
