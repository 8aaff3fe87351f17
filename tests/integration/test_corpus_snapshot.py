"""Snapshots: same cases, same bytes; complete or not there; an altered one is refused."""

from __future__ import annotations

import json
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from corpus.case import Case
from corpus.checking import check_snapshot
from corpus.dates import EventDate
from corpus.errors import SnapshotError
from corpus.identity import canonical_json
from corpus.snapshot import SnapshotInfo, read_snapshot, write_snapshot
from tests.audit_corpus import Maker
from tests.builders import sound_case


def cases() -> list[Case]:
    return [
        sound_case(
            case_id=f"c{n:02d}",
            seed_event=f"Strike {n} begins",
            seed_date=EventDate.parse(f"20{n + 10}-03-10"),
        )
        for n in range(9)
    ]


INFO = SnapshotInfo(query={"min_depth": 1}, program="0.1.0")
TODAY = date(2026, 1, 1)


def test_there_and_back(tmp_path: Path) -> None:
    manifest = write_snapshot(tmp_path / "s", cases(), INFO)
    snapshot = read_snapshot(tmp_path / "s")
    assert list(snapshot.cases) == cases()
    assert (manifest.cases, manifest.levels, manifest.domains) == (9, {"1": 9}, {"economics": 9})
    assert snapshot.hash == manifest.hash
    record = json.loads((tmp_path / "s" / "candidates.jsonl").read_text().splitlines()[0])
    assert record["levels"][0]["candidates"][0] == {
        "event": "The Ruritanian crown falls 7 percent against the dollar", "label": 1, "probability": 0.25
    }  # fmt: skip


def test_the_same_cases_give_the_same_bytes(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "a", cases(), INFO)
    write_snapshot(tmp_path / "b", cases(), INFO)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_an_existing_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(SnapshotError, match="exists already"):
        write_snapshot(tmp_path / "s", cases(), INFO)


def test_a_break_in_the_middle_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    def breaking() -> list[Case]:
        yield cases()[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_snapshot(tmp_path / "s", breaking(), INFO)
    assert not (tmp_path / "s").exists()
    write_snapshot(tmp_path / "s", cases(), INFO)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_faults_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with pytest.raises(SnapshotError, match="never finished"):
        read_snapshot(folder)
    write_snapshot(folder, cases(), INFO)
    whole = (folder / "cases.jsonl").read_bytes()
    (folder / "cases.jsonl").write_bytes(whole[:-10])
    with pytest.raises(SnapshotError, match=r"cases\.jsonl does not match its manifest"):
        read_snapshot(folder)
    (folder / "cases.jsonl").unlink()
    with pytest.raises(SnapshotError, match="missing"):
        read_snapshot(folder)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", cases(), INFO)
    path = tmp_path / "s" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(canonical_json(manifest | {"schema_version": 99}))
    with pytest.raises(SnapshotError, match="schema version 99"):
        read_snapshot(tmp_path / "s")


def peak_of_checking(folder: Path, count: int) -> int:
    """The most bytes that checking holds of a snapshot of so many cases."""
    maker = Maker(depth=1)
    write_snapshot(folder, (maker.case(n % 250) for n in range(count)), INFO)
    check_snapshot(folder, TODAY, workers=1)  # whatever is loaded or remembered once is there by now
    tracemalloc.start()
    check_snapshot(folder, TODAY, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_checking_reads_line_by_line_and_keeps_little_of_a_case(tmp_path: Path) -> None:
    few, many = (peak_of_checking(tmp_path / str(count), count) for count in (250, 750))
    size = (tmp_path / "750" / "cases.jsonl").stat().st_size // 750
    assert size > 5_000
    assert (many - few) / 500 < 0.1 * size


def test_with_texts(tmp_path: Path) -> None:
    manifest = write_snapshot(tmp_path / "s", cases(), INFO, texts=[{"sha256": "x", "text": "y"}])
    assert manifest.files["texts.jsonl"].lines == 1
