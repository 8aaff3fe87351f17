"""Fetching from real servers on loopback: caps, redirects, addresses, pace, journal, faults."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from pathlib import Path

import pytest

from agents.fetching.buckets import HostLimit
from agents.fetching.result import Fetched, FetchFailure, FetchProblem, WebRequest
from agents.fetching.settings import FetchSettings
from agents.fetching.sniff import MediaType
from agents.tape import Player, Recorder
from tests.journals import MemoryJournal
from tests.servers.loopback import NOT_FOUND, Answer, LoopbackServer, Seen, as_json, page, redirect
from tests.webclients import fetch_all, fetch_one, web_client

BOMB = gzip.compress(b"\0" * 200_000_000)
SLOW = FetchSettings(timeout_s=0.4)


def failure(result: Fetched | FetchFailure) -> FetchFailure:
    assert isinstance(result, FetchFailure), result
    return result


def fetched(result: Fetched | FetchFailure) -> Fetched:
    assert isinstance(result, Fetched), result
    return result


def test_a_page_comes_with_its_type_and_the_program_names_itself() -> None:
    with LoopbackServer(lambda seen: page("<html><body>Grüße</body></html>")) as server:
        result = fetched(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/a", {"q": "x y"})))
    assert result.media is MediaType.HTML
    assert "Grüße" in result.text()
    assert server.seen[0].query == {"q": "x y"}
    assert server.seen[0].headers["user-agent"] == "PsychoHistory/0.1.0 (tests@example.org)"


def test_a_pdf_without_a_suffix_is_known_by_its_bytes() -> None:
    with LoopbackServer(lambda seen: Answer(b"%PDF-1.7\n...", content_type="text/html")) as server:
        result = fetched(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/report")))
    assert result.media is MediaType.PDF


def test_loopback_is_refused_unless_allowed() -> None:
    with LoopbackServer(lambda seen: page("<html>")) as server:
        result = failure(fetch_one(web_client(), WebRequest(f"{server.url}/")))
        assert server.seen == []
    assert result.problem is FetchProblem.PRIVATE_ADDRESS
    assert "not a public address" in result.message


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:{port}/",
        "http://10.0.0.1/",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(target: str) -> None:
    with LoopbackServer(lambda seen: redirect(target.format(port=server.port))) as server:
        result = failure(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/")))
        assert len(server.seen) == 1
    assert result.problem is FetchProblem.PRIVATE_ADDRESS


def test_a_name_that_turns_private_between_two_requests_is_refused() -> None:
    answers = [["127.0.0.1"], ["127.0.0.9"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0)

    with LoopbackServer(lambda seen: page("<html>", headers={"Connection": "close"})) as server:
        client = web_client(server.peer, resolver=rebinding)

        async def two() -> list[Fetched | FetchFailure]:
            async with client:
                first = await client.fetch(WebRequest(f"http://site.example:{server.port}/1"))
                return [first, await client.fetch(WebRequest(f"http://site.example:{server.port}/2"))]

        server.handler = lambda seen: Answer(b"<html>", cut_at=6)
        first, second = asyncio.run(two())
    assert fetched(first).status == 200
    assert server.seen[0].headers["host"] == f"site.example:{server.port}"
    assert failure(second).problem is FetchProblem.PRIVATE_ADDRESS


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.example/", "http://u:p@b.example/"])
def test_a_redirect_to_something_that_is_no_page_is_refused(target: str) -> None:
    with LoopbackServer(lambda seen: redirect(target)) as server:
        result = failure(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/")))
    assert result.problem is FetchProblem.BAD_ADDRESS


def test_redirects_are_followed_and_bounded() -> None:
    def handler(seen: Seen) -> Answer:
        return page("<html>end") if seen.path == "/3" else redirect(f"/{int(seen.path[1:]) + 1}")

    with LoopbackServer(handler) as server:
        result = fetched(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/0")))
        assert result.url == f"{server.url}/3"
        lost = failure(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/4")))
    assert lost.problem is FetchProblem.REDIRECTS


def test_a_key_does_not_follow_a_redirect_to_another_origin_and_is_not_stored() -> None:
    with LoopbackServer(lambda seen: page("<html>")) as other:
        with LoopbackServer(lambda seen: redirect(f"{other.url}/?api_key=hush")) as server:
            journal = MemoryJournal()
            request = WebRequest(
                f"{server.url}/",
                secret_params={"api_key": "hush"},
                secret_headers={"Authorization": "Bearer hush"},
            )
            result = fetched(fetch_one(web_client(server.peer, other.peer, journal=journal), request))
        assert server.seen[0].query["api_key"] == "hush"
        assert server.seen[0].headers["authorization"] == "Bearer hush"
        assert "authorization" not in other.seen[0].headers
    assert "hush" not in repr(journal)
    assert "hush" not in repr(result)


def test_cookies_are_not_kept() -> None:
    with LoopbackServer(lambda seen: page("<html>", headers={"Set-Cookie": "a=1; Path=/"})) as server:
        client = web_client(server.peer)

        async def two() -> None:
            async with client:
                await client.fetch(WebRequest(f"{server.url}/1"))
                await client.fetch(WebRequest(f"{server.url}/2"))

        asyncio.run(two())
    assert all("cookie" not in seen.headers for seen in server.seen)


def test_a_compressed_bomb_costs_no_more_memory_than_the_cap() -> None:
    with LoopbackServer(lambda seen: Answer(BOMB, headers={"Content-Encoding": "gzip"})) as server:
        client = web_client(server.peer, settings=FetchSettings(max_bytes=2_000_000))
        tracemalloc.start()
        result = failure(fetch_one(client, WebRequest(f"{server.url}/")))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert result.problem is FetchProblem.TOO_LARGE
    assert result.message == f"{server.url}/ is larger than 2,000,000 bytes unpacked."
    assert peak < 12_000_000


def test_a_page_that_never_ends_stops_at_the_byte_cap_and_a_trickle_at_the_time_cap() -> None:
    def handler(seen: Seen) -> Answer:
        return (
            Answer(b"x" * 65536, endless=True)
            if seen.path == "/flood"
            else Answer(b".", endless=True, pause_s=0.02)
        )

    with LoopbackServer(handler) as server:
        settings = FetchSettings(max_bytes=1_000_000, timeout_s=0.5, tries=1)
        flood = failure(
            fetch_one(web_client(server.peer, settings=settings), WebRequest(f"{server.url}/flood"))
        )
        trickle = failure(
            fetch_one(web_client(server.peer, settings=settings), WebRequest(f"{server.url}/drip"))
        )
    assert flood.problem is FetchProblem.TOO_LARGE
    assert trickle.problem is FetchProblem.TIMEOUT
    assert "took longer than 0.5 s" in trickle.message


def test_a_body_in_a_coding_nobody_asked_for_is_a_failure() -> None:
    with LoopbackServer(lambda seen: Answer(b"??", headers={"Content-Encoding": "br"})) as server:
        result = failure(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/")))
    assert result.problem is FetchProblem.BAD_ENCODING


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (401, FetchProblem.UNAUTHORISED),
        (403, FetchProblem.UNAUTHORISED),
        (404, FetchProblem.NOT_FOUND),
        (410, FetchProblem.NOT_FOUND),
        (418, FetchProblem.STATUS),
        (429, FetchProblem.RATE_LIMITED),
        (451, FetchProblem.BLOCKED),
        (500, FetchProblem.STATUS),
    ],
)
def test_each_status_is_a_failure_of_its_kind_with_one_sentence(status: int, problem: FetchProblem) -> None:
    with LoopbackServer(lambda seen: Answer(b"<html>sorry</html>", status=status)) as server:
        result = failure(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/a")))
        tries = len(server.seen)
    assert (result.problem, result.status) == (problem, status)
    assert str(status) in result.message
    assert tries == (3 if status in {429, 500} else 1)


def test_passing_faults_are_tried_again_and_retry_after_is_waited_for() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    answers = [Answer(status=503, headers={"Retry-After": "7"}), Answer(status=500), page("<html>up again")]
    with LoopbackServer(lambda seen: answers.pop(0)) as server:
        client = web_client(server.peer, sleep=sleep)
        assert fetched(fetch_one(client, WebRequest(f"{server.url}/"))).status == 200
    assert waits[0] == 7.0
    assert 1.0 <= waits[1] <= 2.0


def test_a_rate_limit_quiets_the_host_for_as_long_as_it_asks() -> None:
    answers = [Answer(status=429, headers={"Retry-After": "0.3"}), page("<html>"), page("<html>")]
    with LoopbackServer(lambda seen: answers.pop(0)) as server:
        client = web_client(server.peer, sleep=asyncio.sleep)

        async def timed() -> float:
            async with client:
                start = asyncio.get_running_loop().time()
                await client.fetch(WebRequest(f"{server.url}/1"))
                return asyncio.get_running_loop().time() - start

        assert asyncio.run(timed()) >= 0.3


def test_a_wait_longer_than_the_limit_is_not_waited_for() -> None:
    with LoopbackServer(lambda seen: Answer(status=429, headers={"Retry-After": "86400"})) as server:
        result = failure(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/")))
        assert len(server.seen) == 1
    assert result.problem is FetchProblem.RATE_LIMITED


def test_html_where_json_was_asked_for_is_a_failure_and_is_not_journalled() -> None:
    journal = MemoryJournal()
    request_type = frozenset({MediaType.JSON})
    with LoopbackServer(lambda seen: page("<html>We are down for maintenance</html>")) as server:
        request = WebRequest(f"{server.url}/api", expect=request_type)
        result = failure(fetch_one(web_client(server.peer, journal=journal), request))
        assert result.problem is FetchProblem.WRONG_TYPE
        assert "sent html where json was asked for" in result.message
        assert "maintenance" in result.excerpt
        assert journal.responses == {}
        server.handler = lambda seen: as_json({"up": True})
        assert fetched(fetch_one(web_client(server.peer, journal=journal), request)).status == 200


def test_prose_about_limits_under_status_200_counts_as_a_rate_limit() -> None:
    body = b"Please limit requests to one every 5 seconds or contact us for larger queries."
    answers = [Answer(body, content_type="text/html"), as_json({"articles": []})]
    with LoopbackServer(lambda seen: answers.pop(0)) as server:
        request = WebRequest(f"{server.url}/doc", expect=frozenset({MediaType.JSON}))
        assert fetched(fetch_one(web_client(server.peer), request)).media is MediaType.JSON


def test_a_finished_fetch_is_never_made_again_not_found_included() -> None:
    journal = MemoryJournal()
    with LoopbackServer(lambda seen: page("<html>") if seen.path == "/a" else NOT_FOUND) as server:
        requests = [WebRequest(f"{server.url}/a"), WebRequest(f"{server.url}/gone")]
        first = fetch_all(web_client(server.peer, journal=journal), requests)
        again = fetch_all(web_client(server.peer, journal=journal), requests)
        assert len(server.seen) == 2
    assert fetched(again[0]).from_journal
    assert fetched(again[0]).content == fetched(first[0]).content
    assert failure(again[1]) == failure(first[1])
    assert journal.open == {}


def test_the_same_request_made_twice_at_once_is_sent_once() -> None:
    with LoopbackServer(lambda seen: page("<html>", delay_s=0.1)) as server:
        results = fetch_all(web_client(server.peer), [WebRequest(f"{server.url}/a")] * 20)
        assert len(server.seen) == 1
    assert all(isinstance(result, Fetched) for result in results)


def test_who_gives_up_does_not_stop_a_fetch_that_another_waits_for() -> None:
    with LoopbackServer(lambda seen: page("<html>", delay_s=0.2)) as server:
        client = web_client(server.peer)

        async def go() -> Fetched | FetchFailure:
            async with client:
                request = WebRequest(f"{server.url}/a")
                impatient = asyncio.create_task(client.fetch(request))
                patient = asyncio.create_task(client.fetch(request))
                await asyncio.sleep(0.05)
                impatient.cancel()
                return await patient

        assert fetched(asyncio.run(go())).status == 200
        assert len(server.seen) == 1


def test_robots_txt_is_obeyed_for_pages_and_read_once() -> None:
    rules = "User-agent: *\nDisallow: /private\nAllow: /private/but-this\nCrawl-delay: 1\n"

    def handler(seen: Seen) -> Answer:
        return (
            Answer(rules.encode(), content_type="text/plain")
            if seen.path == "/robots.txt"
            else page("<html>")
        )

    paths = ["/open", "/private/x", "/private/but-this"]
    with LoopbackServer(handler) as server:
        client = web_client(server.peer)

        async def go() -> list[Fetched | FetchFailure]:
            async with client:
                return [await client.fetch(WebRequest(f"{server.url}{path}", is_page=True)) for path in paths]

        results = asyncio.run(go())
        assert len(server.asked("/robots.txt")) == 1
        assert server.asked("/private/x") == []
    assert [isinstance(result, Fetched) for result in results] == [True, False, True]
    assert failure(results[1]).problem is FetchProblem.ROBOTS


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False), (503, False)])
def test_a_missing_robots_txt_allows_and_a_failing_one_does_not(status: int, allowed: bool) -> None:
    def handler(seen: Seen) -> Answer:
        return Answer(status=status) if seen.path == "/robots.txt" else page("<html>")

    with LoopbackServer(handler) as server:
        result = fetch_one(web_client(server.peer), WebRequest(f"{server.url}/a", is_page=True))
    assert isinstance(result, Fetched) is allowed


def test_a_server_that_is_not_there_and_a_name_that_does_not_exist() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    settings = FetchSettings(tries=2)
    nobody = failure(fetch_one(web_client("127.0.0.1", settings=settings), WebRequest("http://127.0.0.1:9/")))
    nowhere = failure(
        fetch_one(web_client(resolver=unknown, settings=settings), WebRequest("http://no.example/"))
    )
    assert nobody.problem is nowhere.problem is FetchProblem.UNREACHABLE
    assert "http://127.0.0.1:9/ did not answer" in nobody.message
    assert "Name or service not known" in nowhere.message


def test_a_connection_cut_in_the_middle_is_tried_again() -> None:
    answers = [Answer(b"<html>half", cut_at=4), page("<html>whole")]
    with LoopbackServer(lambda seen: answers.pop(0)) as server:
        assert b"whole" in fetched(fetch_one(web_client(server.peer), WebRequest(f"{server.url}/"))).content


def test_the_hosts_own_bound_on_parallel_requests_holds() -> None:
    with LoopbackServer(lambda seen: page("<html>", delay_s=0.03)) as server:
        limits = {"127.0.0.1": HostLimit(600_000, parallel=3, burst=100)}
        fetch_all(
            web_client(server.peer, limits=limits), [WebRequest(f"{server.url}/{i}") for i in range(12)]
        )
    assert server.most_at_once == 3


def test_a_run_recorded_on_tape_replays_without_a_network(tmp_path: Path) -> None:
    answers = {"/a": page("<html>Grüße"), "/pdf": Answer(b"%PDF-1.7\xff\xfe\x00"), "/gone": NOT_FOUND}
    with LoopbackServer(lambda seen: answers[seen.path]) as server:
        requests = [WebRequest(f"{server.url}{path}") for path in answers]
        recorded = fetch_all(web_client(server.peer, journal=Recorder(MemoryJournal(), tmp_path)), requests)
    replayed = fetch_all(web_client(journal=Player(tmp_path)), requests)
    for before, after in zip(recorded, replayed, strict=True):
        if isinstance(before, Fetched):
            assert fetched(after).content == before.content
            assert fetched(after).fetched_at == before.fetched_at
        else:
            assert after == before
    unknown = failure(fetch_one(web_client(journal=Player(tmp_path)), WebRequest(f"{server.url}/new")))
    assert unknown.problem is FetchProblem.NOT_RECORDED
    assert "record the run again" in unknown.message
