"""The commands of `agents` as a user types them, on a FICTIONAL collection: from documents to pending cases."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from agents.commands.run import RESUMABLE
from corpus.case import Status
from corpus.identity import case_json
from db.decisions import Decision
from db.putting import Edit
from db.repository import Cases
from db.runs import Runs
from db.session import open_store
from tests.builders import sound_case
from tests.commands import Ended, run, start
from tests.fictional import archive_file, lines

ECONOMICS = ("--period", "2019", "--domains", "economics")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A home folder in which one run has been made."""
    home = tmp_path_factory.mktemp("home")
    archive_file(home)
    return home, agents(home, "run", *ECONOMICS, "--json")


def agents(home: Path, *words: str, db: str = "cases.sqlite") -> Ended:
    reads = words[0] in ("run", "research", "resume", "rerun")
    given = ("--archive", str(home / "fictional.sqlite")) if reads and "--archive" not in words else ()
    stores = words[0] not in ("archive", "providers", "prices", "--help")
    return run(home, "agents", *words, *given, *(("--db", str(home / db)) if stores else ()))


def test_a_run_leaves_pending_cases_with_quoted_dated_links(collected: tuple[Path, Ended]) -> None:
    home, ended = collected
    assert ended.code == 0
    assert "offline: no model and no network" in ended.err
    found = {case["seed_event"]: case for case in ended.json["cases"]}
    rate = next(case for event, case in found.items() if "policy rate by 250 basis points" in event)
    assert (rate["seed_date"], rate["status"]) == ("2019-03-10", "pending")
    case = agents(home, "show", rate["case_id"], "--json").json["case"]
    assert [outcome["date"] for outcome in case["outcomes"][:2]] == ["2019-05-02", "2019-08-20"]
    publishers = {source["source_id"]: source["publisher"] for source in case["sources"]}
    assert {publishers[e["source_id"]] for e in case["outcomes"][0]["evidence"]} == {
        "example.com",
        "example.net",
    }


def test_what_was_expected_is_mined_with_its_number(collected: tuple[Path, Ended]) -> None:
    home, ended = collected
    texts = [
        (candidate["text"], [e["value"] for e in candidate["estimates"]])
        for listed in ended.json["cases"]
        for outcome in agents(home, "show", listed["case_id"], "--json").json["case"]["outcomes"]
        for candidate in outcome["candidates"]
    ]
    assert any("below four to the dollar" in text and 0.63 in values for text, values in texts)


def test_list_show_status_and_verify(collected: tuple[Path, Ended]) -> None:
    home, ended = collected
    listed = agents(home, "list", "--status", "pending", "--json").json
    assert len(listed) == len(ended.json["cases"])
    assert "seed event" in agents(home, "list").out
    page = agents(home, "show", listed[0]["slug"]).out
    assert listed[0]["seed_event"][:30] in page
    status = agents(home, "status", "--json").json
    assert status["cases"]["pending"] == len(listed)
    assert status["runs"][0]["state"] == "finished"
    assert "finished" in agents(home, "status").out
    verified = agents(home, "verify", listed[0]["case_id"][:8], "--json")
    assert {check["check"] for check in verified.json} >= {"quote_in_text", "date_supported"}
    assert all(c["result"] == "passed" for c in verified.json if c["check"] == "quote_in_text")


def test_the_same_run_again_changes_nothing(collected: tuple[Path, Ended]) -> None:
    home, _ = collected
    before = agents(home, "list", "--json").json
    agents(home, "run", *ECONOMICS)
    assert [(c["case_id"], c["revision"]) for c in agents(home, "list", "--json").json] == [
        (c["case_id"], c["revision"]) for c in before
    ]


def test_research_and_rerun_of_one_event(collected: tuple[Path, Ended]) -> None:
    home, _ = collected
    named = "The Bank of Ruritania raises its policy rate by 250 basis points"
    ended = agents(home, "research", named, "--date", "2019-03-10", "--json")
    assert ended.code == 0
    case = ended.json["cases"][0]
    assert case["seed_event"] == named
    assert case["depth"] >= 2
    again = agents(home, "rerun", case["case_id"], "--json")
    assert again.json["cases"][0]["case_id"] == case["case_id"]


def test_a_case_that_was_sent_back_is_researched_by_the_next_run_with_its_note(tmp_path: Path) -> None:
    archive_file(tmp_path)
    first = agents(tmp_path, "run", *ECONOMICS, "--max-depth", "1", "--json").json["cases"][0]
    store = open_store(tmp_path / "cases.sqlite")
    cases, edited = Cases(store), Cases(store).get(first["case_id"]).case
    edited = edited.model_copy(update={"seed_event": f"{edited.seed_event}, as Ann words it"})
    cases.put(edited, (), Edit(1, "Ann", "wording"))
    cases.set_status(Decision(edited.case_id, 2, Status.NEEDS_WORK, "Ann", "what became of the loan?", "k"))
    again = agents(tmp_path, "run", *ECONOMICS, "--json")
    assert "1 case that needs work is researched again" in " ".join(again.json["notes"])
    taken = Runs(store).seeds(again.json["run"])[0].seed
    assert (taken["case_id"], taken["note"]) == (edited.case_id, "what became of the loan?")
    found = cases.get(edited.case_id)
    assert (found.case.revision, found.case.status, found.case.seed_event) == (
        3,
        Status.PENDING,
        edited.seed_event,
    )
    third = agents(tmp_path, "run", *ECONOMICS, "--json").json
    assert "needs work" not in " ".join(third["notes"])
    store.close()


def test_research_that_finds_the_same_brings_a_case_back_to_the_queue(tmp_path: Path) -> None:
    archive_file(tmp_path)
    case_id = agents(tmp_path, "run", *ECONOMICS, "--max-depth", "1", "--json").json["cases"][0]["case_id"]
    store = open_store(tmp_path / "cases.sqlite")
    cases, revisions = Cases(store), []
    for key in ("first", "second"):
        newest = cases.get(case_id).case.revision
        cases.set_status(Decision(case_id, newest, Status.NEEDS_WORK, "Ann", "what became of the loan?", key))
        again = agents(tmp_path, "rerun", case_id, "--json").json
        assert Runs(store).seeds(again["run"])[0].seed["note"] == "what became of the loan?"
        found = cases.get(case_id).case
        assert found.status is Status.PENDING
        revisions.append(found.revision)
    assert revisions[0] == revisions[1], "the second time there is nothing new"
    assert cases.history(case_id)[-1].reason == "Researched again: the same was found."
    store.close()


def test_a_table_and_the_next_command(tmp_path: Path) -> None:
    archive_file(tmp_path)
    ended = agents(tmp_path, "run", *ECONOMICS)
    assert "seed event" in ended.out
    assert "Look at one: agents show c" in ended.out


def test_own_documents_from_file_to_case(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text("\n".join(lines()), encoding="utf-8")
    archive = str(tmp_path / "fictional.sqlite")
    added = run(tmp_path, "agents", "archive", "add", str(tmp_path / "news.jsonl"), "--archive", archive)
    assert added.code == 0, added.err
    assert agents(tmp_path, "run", *ECONOMICS, "--json").json["cases"]


def test_import_backup_and_restore(tmp_path: Path) -> None:
    rows = [case_json(sound_case()), '{"seed_event": "half a li']
    (tmp_path / "cases.jsonl").write_text("\n".join(rows), encoding="utf-8")
    ended = agents(tmp_path, "import", str(tmp_path / "cases.jsonl"))
    assert ended.code == 1
    assert "line 2 is not JSON" in ended.err
    assert "1 new" in ended.out
    again = agents(tmp_path, "import", str(tmp_path / "cases.jsonl"), "--json")
    assert again.json["results"] == {"unchanged": 1}
    assert agents(tmp_path, "backup", str(tmp_path / "b.zip")).code == 0
    assert agents(tmp_path, "restore", str(tmp_path / "b.zip"), db="new.sqlite").code == 0
    assert len(agents(tmp_path, "list", "--json", db="new.sqlite").json) == 1
    refused = agents(tmp_path, "restore", str(tmp_path / "b.zip"), db="new.sqlite")
    assert refused.code == 2
    assert "Traceback" not in refused.err


WRONG = [
    (("run", "--period", "2022-2018", "--domains", "economics"), 2, "ends before it starts"),
    (("run", "--period", "soon", "--domains", "economics"), 2, "is not a period"),
    (("run", "--period", "2019", "--domains", "astrology"), 2, "not a known domain (economics, "),
    (("research", "FICTIONAL event", "--date", "20222-01-01"), 2, "'20222-01-01' is not a date"),
    (("research", " ", "--date", "2022"), 2, "The event is empty"),
    (("run", *ECONOMICS, "--archive", "nowhere.sqlite"), 1, "does not exist; fill it first"),
    (("resume", "r-none"), 1, "There is no run 'r-none'"),
    (("show", "c-none"), 1, "c-none"),
    (("import", "missing.jsonl"), 2, "does not exist"),
    (("run",), 2, "Missing option '--period'"),
    (("rum",), 2, "No such command 'rum'"),
]


@pytest.mark.parametrize(
    ("words", "code", "message"), WRONG, ids=lambda v: v[0] if isinstance(v, tuple) else None
)
def test_bad_input_ends_in_one_clear_sentence(
    collected: tuple[Path, Ended], words: tuple[str, ...], code: int, message: str
) -> None:
    home, _ = collected
    ended = agents(home, *words)
    assert ended.code == code
    assert message in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_new_domain_is_taken_when_it_is_wanted(tmp_path: Path) -> None:
    archive_file(tmp_path)
    ended = agents(
        tmp_path, "run", "--period", "2019", "--domains", "deep-sea", "--allow-new-domain", "--json"
    )
    assert ended.code == 0
    assert ended.json["cases"] == []


def test_an_empty_archive(tmp_path: Path) -> None:
    from agents.archive import Archive

    Archive.open(tmp_path / "fictional.sqlite").close()
    ended = agents(tmp_path, "run", *ECONOMICS)
    assert ended.code == 1
    assert "holds no document; fill it first" in ended.err


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    archive_file(tmp_path)
    agents(tmp_path, "status")
    with sqlite3.connect(tmp_path / "cases.sqlite") as connection:
        connection.execute("UPDATE store_version SET version_num = '9999_from_tomorrow'")
    connection.close()
    ended = agents(tmp_path, "run", *ECONOMICS)
    assert ended.code == 1
    assert "newer" in ended.err
    assert "Traceback" not in ended.err


def test_ctrl_c_stops_cleanly_and_names_the_resume_command(tmp_path: Path) -> None:
    archive_file(tmp_path)
    db = str(tmp_path / "cases.sqlite")
    words = (
        "run",
        *ECONOMICS,
        "--archive",
        str(tmp_path / "fictional.sqlite"),
        "--db",
        db,
        "--concurrency",
        "1",
    )
    process = start(tmp_path, "agents", *words)
    _wait_for_seeds(tmp_path / "cases.sqlite")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode == RESUMABLE:
        assert "Go on with: agents resume r" in err
    else:  # it had finished before the signal came
        assert process.returncode in (0, 130), err
    ended = agents(tmp_path, "resume", "last", "--json")
    assert ended.json["state"] == "finished"


def test_killed_at_random_moments_and_resumed_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    archive_file(tmp_path)
    whole = agents(tmp_path, "run", *ECONOMICS, "--json", db="whole.sqlite").json
    db = str(tmp_path / "cases.sqlite")
    words = (
        "run",
        *ECONOMICS,
        "--archive",
        str(tmp_path / "fictional.sqlite"),
        "--db",
        db,
        "--concurrency",
        "2",
    )
    process = start(tmp_path, "agents", *words)
    _wait_for_seeds(tmp_path / "cases.sqlite")
    dice = random.Random(7)
    for _ in range(3):
        time.sleep(dice.uniform(0.0, 0.4))
        process.kill()
        process.communicate()
        process = start(tmp_path, "agents", "resume", "last", "--archive", words[6], "--db", db)
    process.communicate(timeout=60)
    final = agents(tmp_path, "resume", "last", "--json").json
    assert sorted(c["case_id"] for c in final["cases"]) == sorted(c["case_id"] for c in whole["cases"])
    assert all(c["revision"] == 1 for c in agents(tmp_path, "list", "--json").json)


def _wait_for_seeds(store: Path) -> None:
    """Until the run has laid its seeds down."""
    until = time.monotonic() + 40
    while time.monotonic() < until:
        if store.exists():
            connection = sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
            try:
                if connection.execute("SELECT count(*) FROM run_seeds").fetchone()[0]:
                    return
            except sqlite3.OperationalError:
                pass  # the tables are not there yet
            finally:
                connection.close()
        time.sleep(0.02)
    raise AssertionError("no seed was laid down in 40 s")


def test_two_runs_at_once_on_one_file(tmp_path: Path) -> None:
    archive_file(tmp_path)
    words = (
        "run",
        *ECONOMICS,
        "--archive",
        str(tmp_path / "fictional.sqlite"),
        "--db",
        str(tmp_path / "cases.sqlite"),
    )
    both = [start(tmp_path, "agents", *words, "--json") for _ in range(2)]
    ended = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    cases = [sorted(c["case_id"] for c in json.loads(out)["cases"]) for out, _ in ended]
    assert cases[0] == cases[1]
    assert all(c["revision"] == 1 for c in agents(tmp_path, "list", "--json").json)


def test_documents_added_without_a_name_are_what_a_run_reads(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text("\n".join(lines()), encoding="utf-8")
    assert run(tmp_path, "agents", "archive", "add", str(tmp_path / "news.jsonl")).code == 0
    db = ("--db", str(tmp_path / "cases.sqlite"))
    own = run(tmp_path, "agents", "run", *ECONOMICS, *db)
    assert "12 archived documents" in own.err
    shipped = run(tmp_path, "agents", "run", *ECONOMICS, "--num-cases", "1", "--archive", "starter", *db)
    assert shipped.code == 0
    assert "12 archived documents" not in shipped.err
