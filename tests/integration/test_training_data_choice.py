"""What `export-and-train` trains on where no snapshot is named. FICTIONAL."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from corpus.case import Status
from corpus.snapshot import read_snapshot
from db.decisions import Decision
from db.repository import Cases
from db.session import open_store
from tests.storing import case
from training.commands.export_and_train import MIN_CASES, STARTER, chosen_snapshot


def store_with(approved: int, template: Path, folder: Path) -> str:
    url = str(shutil.copy(template, folder / "cases.sqlite"))
    store = open_store(url)
    cases = Cases(store)
    for n in range(approved):
        put = cases.put(case(f"FICTIONAL strike {n} in Ruritania begins", f"{1990 + n}-03-10"))
        cases.set_status(
            Decision(put.case_id, put.revision, Status.APPROVED, "FICTIONAL Ann", "", put.case_id)
        )
    store.close()
    return url


def test_enough_approved_cases_are_exported(sqlite_template: Path, tmp_path: Path) -> None:
    url = store_with(MIN_CASES, sqlite_template, tmp_path)
    found = chosen_snapshot(tmp_path / "out", url)
    assert found == tmp_path / "out" / "snapshot"
    manifest = read_snapshot(found).manifest
    assert (manifest.cases, manifest.synthetic, manifest.program) == (
        MIN_CASES,
        False,
        "training export-and-train",
    )


def test_with_too_few_the_starter_corpus_is_used(
    sqlite_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = store_with(MIN_CASES - 1, sqlite_template, tmp_path)
    assert chosen_snapshot(tmp_path / "out", url) == STARTER
    assert "fewer than 20 approved cases; the starter corpus is used" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_a_starter_corpus_a_synthetic_snapshot_is_made_once(
    sqlite_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = store_with(0, sqlite_template, tmp_path)
    found = chosen_snapshot(tmp_path / "out", url, tmp_path / "no-starter")
    assert "There is no starter corpus either; a synthetic snapshot is used." in capsys.readouterr().err
    made = read_snapshot(found)
    assert made.manifest.synthetic
    assert min(len(made.splits.train), len(made.splits.validation), len(made.splits.test)) >= MIN_CASES
    assert chosen_snapshot(tmp_path / "out", store_with(MIN_CASES, sqlite_template, tmp_path)) == found
    assert "snapshot" not in capsys.readouterr().err, "a second call goes on with what there is"
