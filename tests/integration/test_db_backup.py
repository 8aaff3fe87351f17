"""A backup restores from either database into either, and nothing doubtful is restored."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from corpus.case import Status
from corpus.errors import InvalidFile, InvalidInput
from db.backup import backup, restore, verify
from db.curators import Curators, Leases
from db.decisions import Decision
from db.journal import CallRecord, Journal, ResponseRecord
from db.mapping import StoredDocument
from db.repository import Cases
from db.runs import Runs
from db.session import Store, open_store
from db.tables import TABLES, CallKind, RunState
from tests.builders import SEED_SOURCE, SEED_TEXT
from tests.postgres import PostgresServer
from tests.storing import case

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def filled(store: Store) -> Store:
    """A store with rows in every table."""
    runs = Runs(store)
    run = runs.create({"a": 1}, {}, program="0", commit="c", cap_nanousd=10**15)
    runs.add_seeds(run.run_id, [(f"s{number}", {"n": number}) for number in range(3)])
    seed = runs.claim(run.run_id)
    assert seed
    put = runs.finish_seed(seed, case(), (), [StoredDocument(SEED_SOURCE, SEED_TEXT)])
    journal = Journal(store, run.run_id)
    attempt = journal.begin(CallRecord("k", CallKind.MODEL, "role", {}, 5))
    assert isinstance(attempt, int)
    journal.finish(attempt, ResponseRecord(bytes(range(256)), {"status": 200}, 4))
    runs.finish(run.run_id, RunState.STOPPED, {"done": 1})
    Cases(store).set_status(Decision(put.case_id, 1, Status.APPROVED, "FICTIONAL Ann", "", "k"))
    Curators(store).add("FICTIONAL Ann")
    Leases(store, timedelta(minutes=5)).take(put.case_id, "FICTIONAL Ann")
    return store


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.reading() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in TABLES
        }


def test_a_backup_holds_every_table(store: Store, tmp_path: Path) -> None:
    manifest = backup(filled(store), tmp_path / "all.zip")
    assert verify(tmp_path / "all.zip") == manifest
    assert min(member.rows for member in manifest.members.values()) >= 1
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["all.zip"]


def test_it_restores_into_either_database(
    store: Store, bare_url: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    before = everything(filled(store))
    backup(store, tmp_path / "all.zip")
    restore(bare_url, tmp_path / "all.zip")
    restored = open_store(bare_url)
    assert everything(restored) == before
    put = Cases(restored).put(case("FICTIONAL after"))  # new rows get new numbers
    assert [event.kind for event in Cases(restored).history(put.case_id)] == ["stored"]
    assert isinstance(Journal(restored).begin(CallRecord("k2", CallKind.FETCH, "", {})), int)
    restored.close()


def test_a_store_with_rows_is_refused(store: Store, store_url: str, tmp_path: Path) -> None:
    backup(filled(store), tmp_path / "all.zip")
    with pytest.raises(InvalidInput, match="is not empty"):
        restore(store_url, tmp_path / "all.zip")


@pytest.fixture
def whole(sqlite_template: Path, tmp_path: Path) -> Path:
    """A backup of a filled SQLite store."""
    store = filled(open_store(tmp_path / "source.sqlite"))
    backup(store, tmp_path / "whole.zip")
    store.close()
    return tmp_path / "whole.zip"


def test_a_file_cut_anywhere_is_refused_before_the_store_is_touched(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    for length in [0, 1, *range(100, len(data), len(data) // 12), len(data) - 1]:
        (tmp_path / "cut.zip").write_bytes(data[:length])
        with pytest.raises(InvalidFile, match=r"cut\.zip is not a whole backup"):
            restore(tmp_path / "target.sqlite", tmp_path / "cut.zip")
    assert not (tmp_path / "target.sqlite").exists()


def test_one_flipped_byte_is_never_restored_as_something_else(whole: Path, tmp_path: Path) -> None:
    """Most flips are refused; one in a field that nobody reads (a timestamp of the ZIP) changes nothing."""
    data, manifest = bytearray(whole.read_bytes()), verify(whole)
    refused = 0
    for place in range(0, len(data), 41):
        data[place] ^= 0x10
        (tmp_path / "flipped.zip").write_bytes(data)
        try:
            assert verify(tmp_path / "flipped.zip") == manifest
        except InvalidFile:
            refused += 1
        data[place] ^= 0x10
    assert refused > len(data) / 41 * 0.5


def rewritten(whole: Path, target: Path, member: str, text: str) -> Path:
    """The same ZIP with one member replaced and every checksum of the ZIP itself right."""
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, text if name == member else old.read(name))
    return target


def test_an_edited_member_is_refused(whole: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(whole) as archive:
        edited = archive.read("case_revisions.jsonl").decode().replace("FICTIONAL", "GENUINE")
    with pytest.raises(InvalidFile, match="was altered: case_revisions"):
        verify(rewritten(whole, tmp_path / "edited.zip", "case_revisions.jsonl", edited))


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", "psychohistory-backup/2"), ("db_schema", "0042")],
    ids=["format", "schema"],
)
def test_a_newer_backup_is_refused(whole: Path, tmp_path: Path, field: str, value: str) -> None:
    with zipfile.ZipFile(whole) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    newer = rewritten(whole, tmp_path / "newer.zip", "manifest.json", json.dumps(manifest | {field: value}))
    with pytest.raises(InvalidFile, match=f"{value}.*pip install --upgrade"):
        verify(newer)


def test_what_is_no_backup_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read: No such file"):
        verify(tmp_path / "absent.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "FICTIONAL")
    with pytest.raises(InvalidFile, match="not a whole backup"):
        verify(tmp_path / "other.zip")


def test_a_backup_that_cannot_be_written_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        backup(store, tmp_path / "no" / "such.zip")
    with pytest.raises(InvalidInput, match="not a file that could be replaced"):
        backup(store, tmp_path)


def test_a_backup_over_the_space_left_keeps_the_older_one(store_url: str, tmp_path: Path) -> None:
    store = filled(open_store(store_url))
    backup(store, tmp_path / "all.zip")
    for number in range(200):
        Cases(store).put(case(f"FICTIONAL {number}", summary=random.randbytes(500).hex()))
    store.close()
    before = (tmp_path / "all.zip").read_bytes()
    program = (
        "import resource, sys, pathlib\n"
        "from db.backup import backup; from db.session import open_store; from corpus.errors import StoreFull\n"
        "store = open_store(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try: backup(store, pathlib.Path(sys.argv[2]))\n"
        "except StoreFull as error: sys.exit(str(error))\n"
    )
    command = [sys.executable, "-c", program, store_url, str(tmp_path / "all.zip")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, "No space is left for" in ended.stderr) == (1, True), ended.stderr
    assert (tmp_path / "all.zip").read_bytes() == before
    assert list(tmp_path.glob("*.partial")) == []
