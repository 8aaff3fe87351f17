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
from db.decisions import Decision
from db.repository import Cases
from db.session import open_store
from tests.storing import case

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def typed(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"{program}.cli", *map(str, arguments)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "160",
                 "PSYCHOHISTORY_DB": str(tmp_path / "cases.sqlite")},
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
