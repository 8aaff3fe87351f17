"""`agents export` and `corpus …` as a user types them. All facts FICTIONAL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.case import Status
from corpus.snapshot import SnapshotInfo, write_snapshot
from db.decisions import Decision
from db.repository import Cases
from db.session import open_store
from tests.builders import sound_case, source
from tests.servers.loopback import NOT_FOUND, LoopbackServer, page
from tests.storing import case, with_market_values

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def typed(program: str, *arguments: object, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"{program}.cli", *map(str, arguments)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "160",
                 "PSYCHOHISTORY_DB": str(tmp_path / "cases.sqlite")} | extra,
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip

    return typed


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = open_store(tmp_path / "cases.sqlite")
    for n in range(6):
        put = Cases(store).put(case(f"FICTIONAL strike {n} in Ruritania begins", f"20{n + 10}-03-10"))
        Cases(store).set_status(Decision(put.case_id, 1, Status.APPROVED, "FICTIONAL Ann", "", put.case_id))
    store.close()
    return tmp_path


def test_from_store_to_checked_snapshot(run: Run, filled: Path) -> None:
    folder = filled / "snap"
    done = run("agents", "export", folder, "--domains", "economics", "--ratios", "60/20/20")
    assert done.returncode == 0, done.stderr
    assert "6 approved cases" in done.stdout
    assert f"Next: corpus audit {folder}" in done.stdout
    checked = run("corpus", "validate", folder, "--json")
    assert checked.returncode == 20  # its outcome lies years before most of these seeds' horizons
    answer = json.loads(checked.stdout)
    assert answer["cases"] == 6
    assert {"date_beyond_horizon", "context_too_late"} <= set(answer["codes"])
    assert (answer["errors"] > 6, answer["faults"]) == (True, 0)
    shown = run("corpus", "show", folder)
    assert "6 cases in" in shown.stdout
    one = run("corpus", "show", folder, "fictional-strike-3-in-ruritania-begins-2013-03-10")
    assert "FICTIONAL strike 3 in Ruritania begins" in one.stdout
    again = run("agents", "export", folder)
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists already; name another folder" in again.stderr


def test_audit_ends_with_the_verdicts_code_and_writes_a_page(run: Run, filled: Path) -> None:
    folder = filled / "snap"
    assert run("agents", "export", folder, "--json").returncode == 0
    done = run("corpus", "audit", folder, "--html", filled / "audit.html", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (20, "fail")
    assert "<title>Audit of a snapshot</title>" in (filled / "audit.html").read_text()


def test_an_open_snapshot_says_how_many_values_it_left_behind(run: Run, tmp_path: Path) -> None:
    store = open_store(tmp_path / "cases.sqlite")
    for name, only in (("FICTIONAL mixed", False), ("FICTIONAL alone", True)):
        put = Cases(store).put(with_market_values(name, only=only))
        Cases(store).set_status(Decision(put.case_id, 1, Status.APPROVED, "FICTIONAL Ann", "", put.case_id))
    store.close()
    every, free = run("agents", "export", tmp_path / "all", "--json"), run(
        "agents", "export", tmp_path / "open", "--licence", "open")  # fmt: skip
    assert "Dropped: 2 values, and 1 levels left without any." in free.stdout
    assert "Left out: 1 cases, too few values that may be trained on." in free.stdout
    changed = json.loads(run("corpus", "diff", tmp_path / "all", tmp_path / "open", "--json").stdout)
    assert (json.loads(every.stdout)["cases"], len(changed["removed"]), len(changed["changed"])) == (2, 1, 1)
    assert changed["old"] != changed["new"]
    assert run("corpus", "validate", tmp_path / "open").returncode == 0, "its hashes are its own"


def test_addresses_of_a_snapshot_are_asked_and_a_second_call_asks_no_more(run: Run, tmp_path: Path) -> None:
    with LoopbackServer(
        lambda seen: NOT_FOUND if "gone" in seen.path else page("<html>here</html>")
    ) as server:
        sources = [
            source(f"{server.url}/{name}", f"FICTIONAL {name}", "2019-03-09") for name in ("here", "gone")
        ]
        write_snapshot(tmp_path / "s", [sound_case(sources=tuple(sources))], SnapshotInfo({}))
        allowed = {"PSYCHOHISTORY_ALLOW": server.peer}
        first = run("agents", "check-sources", tmp_path / "s", "--json", **allowed)
        asked = sum(seen.path == "/here" for seen in server.seen)
        again = run("agents", "check-sources", tmp_path / "s", **allowed)
        assert sum(seen.path == "/here" for seen in server.seen) == asked == 1
    report = json.loads(first.stdout)
    assert (first.returncode, report["counts"]["answers"], report["counts"]["gone"]) == (10, 1, 1)
    assert [row["url"] for row in report["gone"]] == [sources[1].url]
    assert "2 addresses, 2 known from" in again.stderr


def test_a_sound_snapshot_validates(run: Run, tmp_path: Path) -> None:
    store = open_store(tmp_path / "cases.sqlite")
    put = Cases(store).put(case(date="2019-03-10"))
    Cases(store).set_status(Decision(put.case_id, 1, Status.APPROVED, "FICTIONAL Ann", "", "k"))
    store.close()
    assert run("agents", "export", tmp_path / "a").returncode == 0
    done = run("corpus", "validate", tmp_path / "a")
    assert (done.returncode, "0 errors" in done.stdout) == (0, True)
    assert run("corpus", "diff", tmp_path / "a", tmp_path / "a").stdout.startswith("Both hold the same")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("agents", "export", "x", "--ratios", "80/30/10"), 2, "no ratio"),
        (("agents", "export", "x", "--domains", "§"), 2, "no name for a domain"),
        (("corpus", "show", "nowhere"), 2, "does not exist"),
        (("corpus", "validate", "corpus"), 1, "not a snapshot"),
    ],
)
def test_wrong_input_ends_in_one_sentence(
    run: Run, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_help_shows_an_example_for_every_command(run: Run) -> None:
    for words in (("corpus",), ("corpus", "validate"), ("corpus", "audit"), ("corpus", "show"), ("corpus", "diff"),
                  ("agents", "export")):  # fmt: skip
        done = run(*words, "--help")
        assert done.returncode == 0
        assert "Example:" in done.stdout or "Begin with:" in done.stdout
