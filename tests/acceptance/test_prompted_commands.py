"""`agents run` and `resume` with a model, as a user types them, against a loopback server of the real protocol."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.commands.run import NO_CASE, RESUMABLE
from agents.providers import configuration
from agents.providers.configuration import url_variable
from tests.commands import Ended, run
from tests.fictional import archive_file
from tests.integration.test_prompted_seeds import every
from tests.role_player import Asked, RolePlayer, next_reply
from tests.servers.data_services import fact_checks
from tests.servers.listed_web import ListedWeb
from tests.servers.loopback import Answer, LoopbackServer, Seen, page, redirect
from tests.servers.loopback_web import HONEST, LEAK, LYING, LoopbackWeb
from tests.servers.model_server import ModelServer
from tests.servers.search_engines import Row, SearchEngines

PERIOD = ("--period", "2019-03", "--domains", "economics", "--num-cases", "1", "--blind-share", "0")


@pytest.fixture(scope="module")
def model_server() -> Iterator[LoopbackServer]:
    """A model that plays all roles, with a key."""
    with LoopbackServer(ModelServer(RolePlayer(), key="right")) as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the FICTIONAL archive and a price for the model."""
    folder = tmp_path_factory.mktemp("home")
    archive_file(folder)
    priced = run(
        folder,
        "agents",
        "prices",
        "add",
        "tiny",
        "--input",
        "1",
        "--output",
        "4",
        XDG_CONFIG_HOME=str(folder),
    )
    assert priced.code == 0
    return folder


def agents(home: Path, *words: str, db: str = "cases.sqlite", key: str = "right") -> Ended:
    given = ("--archive", str(home / "fictional.sqlite")) if words[0] in ("run", "research", "resume") else ()
    environment = {"PSYCHOHISTORY_API_KEY": key, "XDG_CONFIG_HOME": str(home)}
    return run(home, "agents", *words, *given, "--db", str(home / db), **environment)


def with_model(server: LoopbackServer, *words: str) -> tuple[str, ...]:
    return (*words, "--model", "tiny", "--base-url", f"{server.url}/v1")


def test_a_run_with_a_model_is_recorded_and_replayed_without_it(
    home: Path, model_server: LoopbackServer
) -> None:
    tape = home / "tape"
    first = agents(
        home, *with_model(model_server, "run", *PERIOD, "--max-usd", "1", "--record", str(tape), "--json")
    )
    assert (first.code, len(first.json["cases"])) == (0, 1), first.err
    assert "tiny at http://127.0.0.1" in first.err
    assert "Cap $1.00" in first.err
    asked = len(model_server.seen)
    assert any("estimator:" in note and "calls" in note for note in first.json["notes"])
    again = agents(
        home,
        *with_model(model_server, "run", *PERIOD, "--replay", str(tape), "--json"),
        db="other.sqlite",
        key="",
    )
    assert again.code == 0, again.err
    assert len(model_server.seen) == asked
    one, two = (agents(home, "show", e.json["cases"][0]["case_id"], "--json", db=db).json["case"]
                for e, db in ((first, "cases.sqlite"), (again, "other.sqlite")))  # fmt: skip
    assert one["outcomes"] == two["outcomes"]
    assert one["provenance"]["models"] == dict.fromkeys(
        ("brainstormer", "chronicler", "estimator", "verifier"), "tiny"
    )
    assert set(one["provenance"]["prompts"]) >= {"propose", "edit", "weigh", "recall"}
    assert one["provenance"]["settings"]["mode"] == "model"


def test_a_cap_stops_the_run_cleanly_and_resume_pays_only_for_the_rest(
    home: Path, model_server: LoopbackServer
) -> None:
    before = len(model_server.seen)
    stopped = agents(
        home, *with_model(model_server, "run", *PERIOD, "--max-usd", "0.03", "--json"), db="capped.sqlite"
    )
    assert stopped.code == RESUMABLE, stopped.err
    assert any("cap of $0.03 is reached" in note for note in stopped.json["notes"])
    paid = len(model_server.seen) - before
    assert paid > 0
    ended = agents(home, "resume", "last", "--max-usd", "1", "--json", db="capped.sqlite")
    assert (ended.code, len(ended.json["cases"])) == (0, 1), ended.err
    both = len(model_server.seen) - before
    fresh = agents(
        home, *with_model(model_server, "run", *PERIOD, "--max-usd", "1", "--json"), db="whole.sqlite"
    )
    assert fresh.code == 0
    assert len(model_server.seen) - before == 2 * both, (
        "stopped and resumed cost as many calls as one run through"
    )


def test_a_wrong_key_is_one_sentence_and_the_run_can_be_resumed(
    home: Path, model_server: LoopbackServer
) -> None:
    ended = agents(
        home, *with_model(model_server, "run", *PERIOD, "--max-usd", "1"), db="wrong.sqlite", key="wrong"
    )
    assert ended.code == RESUMABLE
    assert "did not accept the key (401); check PSYCHOHISTORY_API_KEY." in ended.err
    assert "Traceback" not in ended.err
    assert agents(home, "resume", "last", db="wrong.sqlite").code == 0


def test_a_server_that_goes_away_stops_the_run_and_no_seed_is_lost(home: Path) -> None:
    """From the Chronicler's first question on a proxy's page comes instead of a reply."""
    player = RolePlayer({"NextReply": lambda asked: page("<html>502 Bad Gateway</html>")})
    with LoopbackServer(ModelServer(player)) as server:
        stopped = agents(home, *with_model(server, "run", *PERIOD, "--max-usd", "1"), db="gone.sqlite")
        assert stopped.code == RESUMABLE, stopped.err
        assert "sent a web page (200); check --base-url" in stopped.err
        del player.changes["NextReply"]
        ended = agents(home, "resume", "last", "--json", db="gone.sqlite")
    assert (ended.code, len(ended.json["cases"]), ended.json["failed"]) == (0, 1, []), ended.err


def test_a_run_whose_every_seed_failed_says_why_and_ends_with_a_code_of_its_own(home: Path) -> None:
    with LoopbackServer(ModelServer(RolePlayer({"NextReply": lambda asked: {"nonsense": 1}}))) as server:
        ended = agents(home, *with_model(server, "run", *PERIOD, "--max-usd", "1"), db="none.sqlite")
    assert ended.code == NO_CASE, ended.err
    assert "No case for 'The Bank of Ruritania" in ended.err
    assert "No seed ended as a case" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model-for", "verifier=other"), "name one for the others by --model"),
        (("--model", "nobody-knows", "--max-usd", "1"), "No price is known for nobody-knows"),
    ],
)
def test_wrong_usage_is_one_sentence(home: Path, words: tuple[str, ...], said: str) -> None:
    ended = agents(home, "run", *PERIOD, *words, db="usage.sqlite")
    assert ended.code == 2
    assert said in " ".join(ended.err.split())


WEB_ROWS = (*HONEST[:3], LYING[0], LYING[7], *LYING[3:6])
"""What the engine knows: pages that may be read at the cut-off, and pages that lie about their dates."""


def from_hindsight(asked: Asked) -> Any:
    """The Chronicler reads what came later: that is its right."""
    if numbers := asked.numbers("raised its key rate to nine percent"):
        event = "The bank of Ruritania raises its key rate to nine percent"
        return next_reply(action="link", event=event, date="2022-06-15", evidence=numbers)
    return next_reply()


def reached_by(home: Path, sites: LoopbackServer) -> dict[str, str]:
    """An environment in which every service lives on one loopback server."""
    limits = home / "hosts.toml"
    limits.write_text("[default]\nper_minute = 60000\nparallel = 8\nburst = 200\n")
    services = {url_variable(name): sites.url for name in configuration.load({}).services}
    return {
        **services, "PSYCHOHISTORY_ALLOW": sites.peer, "PSYCHOHISTORY_HOSTS": str(limits),
        "PSYCHOHISTORY_CONTACT": "tests@example.org", "XDG_CONFIG_HOME": str(home),
    }  # fmt: skip


def test_the_web_gives_hindsight_to_the_chronicler_and_none_to_the_estimator(home: Path) -> None:
    """An engine that ignores dates hands every role every page; only the ladder decides who may read it."""
    web, engines = LoopbackWeb(), SearchEngines(ignores_dates=True)
    player = RolePlayer({"NextReply": from_hindsight})
    answers = {"/search": engines, "/v1alpha1/claims:search": fact_checks}
    with (
        LoopbackServer(lambda seen: answers.get(seen.path, web)(seen)) as sites,
        LoopbackServer(ModelServer(player)) as server,
    ):
        engines.rows = [
            Row(sites.url + page.path, f"{LEAK} in the title", "2021-02-01", LEAK) for page in WEB_ROWS
        ]
        extra = reached_by(home, sites) | {"GOOGLE_FACT_CHECK_API_KEY": "right"}
        ended = run(
            home, "agents", "research", "The bank of Ruritania keeps its key rate at two percent",
            "--date", "2021-03-01", "--web", "--max-depth", "1", "--max-usd", "1", "--json", *with_model(server),
            "--db", str(home / "web.sqlite"), "--archive", str(home / "fictional.sqlite"), **extra,
        )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.json["cases"][0]["depth"] == 1, ended.json
    blind = [
        a for form in ("ContextReply", "ProposeReply", "MatchReply", "WeighReply") for a in player.of(form)
    ]
    assert not [a.form for a in blind if LEAK in a.whole]
    assert any("analysts expect no change" in a.user for a in player.of("ProposeReply"))
    assert any(LEAK in a.user for a in player.of("NextReply"))
    case = agents(home, "show", ended.json["cases"][0]["case_id"], "--json", db="web.sqlite").json["case"]
    assert case["provenance"]["settings"]["mode"] == "model and web"
    assert case["outcomes"][0]["date"] == "2022-06-15"
    read = next(check["note"] for check in case["verification"] if check["check"] == "stated")
    assert "Fact checks of like claims: FICTIONAL Checks: Mostly false" in read
    notes = " ".join(ended.json["notes"])
    assert "not shown available in time" in notes
    assert "tavily: has no key; set TAVILY_API_KEY." in notes
    assert "polymarket failed" in notes


JANUARY = (
    "--period",
    "2022-01",
    "--domains",
    "geopolitics",
    "--num-cases",
    "31",
    "--blind-share",
    "0",
    "--web",
)


def test_seeds_come_from_the_webs_dated_lists(home: Path) -> None:
    """The archive at hand knows nothing of the period: what is found stands in the portal and in GDELT's files."""
    web = ListedWeb()
    with LoopbackServer(web) as sites:
        web.fill(sites.url)
        extra = reached_by(home, sites)
        given = ("--archive", str(home / "fictional.sqlite"), "--db", str(home / "listed.sqlite"), "--json")
        ended = run(home, "agents", "run", *JANUARY, *given, **extra)
    assert ended.code == 0, ended.err
    found = {case["seed_date"]: case["seed_event"] for case in ended.json["cases"]}
    assert set(found) == {"2022-01-12", "2022-01-20"}
    assert "Alliance of Zenda" in found["2022-01-12"]
    notes = " ".join(ended.json["notes"])
    assert "Dated lists (wikipedia, gdelt): 31 of 31 days, one drawn by lot" in notes
    assert "wikipedia failed 29 times, last: Wikipedia has no page" in notes
    case = agents(home, "show", ended.json["cases"][0]["case_id"], "--json", db="listed.sqlite").json["case"]
    quoted = {check["result"] for check in case["verification"] if check["check"] == "quote_in_text"}
    assert quoted == {"passed"}


def test_a_model_ranks_seeds_of_one_list_and_a_resumed_run_needs_no_web(home: Path) -> None:
    web, player = ListedWeb(), RolePlayer({"BrainstormReply": every})
    given = ("--archive", str(home / "fictional.sqlite"), "--db", str(home / "ranked.sqlite"), "--json")
    with LoopbackServer(web) as sites, LoopbackServer(ModelServer(player)) as server:
        web.fill(sites.url)
        extra = reached_by(home, sites)
        words = with_model(server, "run", *JANUARY, "--lists", "wikipedia")
        stopped = run(home, "agents", *words, "--max-usd", "0.006", *given, **extra)
        assert stopped.code == RESUMABLE, stopped.err + stopped.out
        web.wiki.pages = {}
        ended = run(home, "agents", "resume", "last", "--max-usd", "1", *given, **extra)
    assert ended.code == 0, ended.err
    assert [case["seed_date"] for case in ended.json["cases"]] == ["2022-01-12"]
    assert not sites.asked("/gdeltv2/")
    case = agents(home, "show", ended.json["cases"][0]["case_id"], "--json", db="ranked.sqlite").json["case"]
    assert {check["result"] for check in case["verification"] if check["check"] == "quote_in_text"} == {
        "passed"
    }


def test_faults_of_the_web_are_a_sentence_each_and_leave_the_case(home: Path) -> None:
    """A redirect to a private address, a compressed bomb, and a service that sends HTML where it should send JSON."""
    web, engines = LoopbackWeb(), SearchEngines()
    bomb = gzip.compress(b"x" * 20_000_000)

    def answer(seen: Seen) -> Answer:
        if seen.path == "/search":
            return engines(seen)
        if seen.path == "/moved":
            return redirect("http://169.254.169.254/latest/meta-data")
        if seen.path == "/bomb":
            return Answer(bomb, headers={"Content-Encoding": "gzip"})
        if seen.path == "/api/v2/doc/doc":
            return page("<html>We are improving our site</html>")
        return web(seen)

    with LoopbackServer(answer) as sites, LoopbackServer(ModelServer(RolePlayer())) as server:
        engines.rows = [Row(f"{sites.url}/{name}", "T", "2021-02-01", "S") for name in ("moved", "bomb")]
        ended = run(
            home, "agents", "research", "The bank of Ruritania keeps its key rate at two percent",
            "--date", "2021-03-01", "--web", "--max-depth", "1", "--max-usd", "1", "--json", *with_model(server),
            "--db", str(home / "faults.sqlite"), "--archive", str(home / "fictional.sqlite"),
            **reached_by(home, sites),
        )  # fmt: skip
    assert ended.code == 0, ended.err
    assert len(ended.json["cases"]) == 1
    (read,) = [note for note in ended.json["notes"] if note.startswith("Web: ")]
    assert "unreachable or unreadable (private_address " in read
    assert "too_large " in read
    assert re.search(r"last: \S+ (?:is larger than 10,000,000 bytes unpacked|was not fetched: \S+ )", read), (
        read
    )
    (articles,) = [note for note in ended.json["notes"] if note.startswith("gdelt failed")]
    assert re.search(r"last: 127\.0\.0\.1:\d+ sent html where empty or json was asked for: ", articles)
