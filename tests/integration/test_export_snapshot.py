"""From the store to a snapshot: what leaves, what stays, and the same bytes from the same content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.case import SCHEMA_VERSION, CheckKind, CheckResult, Fate, Status
from corpus.checking import check_snapshot
from corpus.comparing import diff_snapshots
from corpus.dates import EventDate
from corpus.errors import SnapshotError
from corpus.snapshot import SnapshotInfo, read_snapshot, write_snapshot
from corpus.splits import Ratios, Split
from db.decisions import Decision
from db.documents import Documents
from db.export import ExportChoice, approved_cases, export_snapshot, is_verified
from db.mapping import StoredDocument
from db.putting import Edit
from db.repository import Cases
from db.selection import CaseFilter
from db.session import Store
from tests.builders import SECOND_SOURCE, TEXTS
from tests.storing import case, checked, with_market_values

TODAY = EventDate.parse("2025-01-01").first_day
PROGRAM = {"program": "0.1.0", "commit": "abc"}


def approve(store: Store, *made: object) -> None:
    cases = Cases(store)
    for one in made:
        put = cases.put(one)  # type: ignore[arg-type]
        wish = Decision(
            put.case_id, put.revision, Status.APPROVED, "FICTIONAL Ann", "", f"{put.case_id}/{put.revision}"
        )
        cases.set_status(wish)


def many(count: int) -> list[object]:
    return [case(f"FICTIONAL strike {n} in Ruritania begins", f"20{n + 10}-03-10") for n in range(count)]


def ids(folder: Path) -> list[str]:
    return [one.case_id for one in read_snapshot(folder).cases]


def test_only_approved_cases_leave_and_the_same_content_gives_the_same_bytes(
    store: Store, tmp_path: Path
) -> None:
    approve(store, *many(4))
    Cases(store).put(case("FICTIONAL pending event"))
    done = export_snapshot(store, tmp_path / "a", ExportChoice(), **PROGRAM)
    export_snapshot(store, tmp_path / "b", ExportChoice(), **PROGRAM)
    assert done.manifest.cases == 4
    assert ids(tmp_path / "a") == sorted(ids(tmp_path / "a"))
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert done.manifest.query["status"] == "approved"
    with pytest.raises(SnapshotError, match="exists already"):
        export_snapshot(store, tmp_path / "a", ExportChoice(), **PROGRAM)
    findings = check_snapshot(tmp_path / "a", TODAY)
    assert (findings.faults, findings.cases) == ([], 4)


def test_filters(store: Store, tmp_path: Path) -> None:
    health = case("FICTIONAL outbreak in Ruritania", "2016-01-01", domain="health")
    approve(store, *many(3), health)
    chosen = ExportChoice(CaseFilter(domains=("health",)))
    assert export_snapshot(store, tmp_path / "h", chosen, **PROGRAM).manifest.domains == {"health": 1}
    deep = export_snapshot(store, tmp_path / "d", ExportChoice(CaseFilter(min_depth=2)), **PROGRAM)
    assert deep.manifest.cases == 0
    late = CaseFilter(first_day=EventDate.parse("2012-01-01").first_day)
    assert export_snapshot(store, tmp_path / "l", ExportChoice(late), **PROGRAM).manifest.cases == 2


def test_verified_only(store: Store, tmp_path: Path) -> None:
    both = (
        checked(CheckResult.PASSED, "seed_evidence[0]"),
        checked(CheckResult.PASSED, "outcomes[0].evidence[1]"),
    )
    proven = case("FICTIONAL proven event", verification=both)
    half = case("FICTIONAL half proven event", verification=both[:1])
    failed = checked(CheckResult.FAILED, "outcomes[0].date", CheckKind.DATE_SUPPORTED)
    wrong = case("FICTIONAL wrong event", verification=(*both, failed))
    assert [is_verified(one) for one in (proven, half, wrong)] == [True, False, False]
    approve(store, proven, half, wrong)
    done = export_snapshot(store, tmp_path / "s", ExportChoice(verified_only=True), **PROGRAM)
    assert ids(tmp_path / "s") == [proven.case_id]
    assert done.left_out == {"not verified": 2}


def test_values_that_forbid_training_stay_behind(store: Store, tmp_path: Path) -> None:
    mixed, alone = (
        with_market_values("FICTIONAL mixed", only=False),
        with_market_values("FICTIONAL alone", only=True),
    )
    approve(store, mixed, alone)
    free = export_snapshot(store, tmp_path / "s", ExportChoice(free_values_only=True), **PROGRAM)
    assert (free.manifest.values_dropped, free.levels_cut) == (2, 1)
    assert free.left_out == {"too few values that may be trained on": 1}
    (left,) = read_snapshot(tmp_path / "s").cases
    assert [c.probability_bp for c in left.outcomes[0].candidates] == [2500, 5500]
    assert [check.path for check in left.verification] == [
        "outcomes[0].candidates[0].estimates[0]",
        "outcomes[0].date",
    ]
    everything = export_snapshot(store, tmp_path / "all", ExportChoice(), **PROGRAM)
    assert (everything.manifest.values_dropped, everything.manifest.cases) == (0, 2)


def test_texts_travel_only_when_asked_for(store: Store, tmp_path: Path) -> None:
    made = case()
    held = [StoredDocument(s, TEXTS[s.source_id]) for s in made.sources if s != SECOND_SOURCE]
    Documents(store).put(held)
    approve(store, made)
    plain = export_snapshot(store, tmp_path / "p", ExportChoice(), **PROGRAM)
    assert "texts.jsonl" not in plain.manifest.files
    full = export_snapshot(store, tmp_path / "t", ExportChoice(with_texts=True), **PROGRAM)
    assert (full.manifest.files["texts.jsonl"].lines, full.texts_missing) == (3, 1)
    rows = [json.loads(line) for line in (tmp_path / "t" / "texts.jsonl").read_text().splitlines()]
    assert {row["sha256"]: row["text"] for row in rows} == {d.source.text_sha256: d.text for d in held}


def test_members_stay_in_their_split_and_the_diff_says_what_changed(store: Store, tmp_path: Path) -> None:
    first = many(10)
    approve(store, *first)
    export_snapshot(
        store, tmp_path / "old", ExportChoice(ratios=Ratios(train=0.6, validation=0.2, test=0.2)), **PROGRAM
    )
    old = read_snapshot(tmp_path / "old").splits
    changed = first[0].model_copy(update={"summary": "FICTIONAL and corrected"})  # type: ignore[attr-defined]
    put = Cases(store).put(changed, edit=Edit(1, "FICTIONAL Ann", "typo"))
    Cases(store).set_status(
        Decision(put.case_id, put.revision, Status.APPROVED, "FICTIONAL Ann", "", "again")
    )
    approve(store, *(case(f"FICTIONAL flood {n} in Ruritania", f"20{n + 10}-08-10") for n in range(10)))
    again = ExportChoice(previous=tmp_path / "old")
    export_snapshot(store, tmp_path / "new", again, **PROGRAM)
    new = read_snapshot(tmp_path / "new").splits
    assert (new.cutoff, new.ratios) == (old.cutoff, old.ratios)
    for split in Split:
        assert set(old.members(split)) <= set(new.members(split))
    found = diff_snapshots(tmp_path / "old", tmp_path / "new")
    assert (len(found.added), found.removed, found.changed, found.moved) == (10, (), (put.case_id,), {})
    (change,) = found.changes()
    assert [(f.path, f.old, f.new) for f in change.fields] == [("summary", "", "FICTIONAL and corrected")]
    assert (change.old_revision, change.new_revision) == (1, 2)


def test_a_case_under_correction_leaves_in_its_approved_revision(store: Store, tmp_path: Path) -> None:
    made = case()
    approve(store, made)
    Cases(store).put(
        made.model_copy(update={"summary": "FICTIONAL draft"}), edit=Edit(1, "FICTIONAL Ann", "?")
    )
    export_snapshot(store, tmp_path / "s", ExportChoice(), **PROGRAM)
    (left,) = read_snapshot(tmp_path / "s").cases
    assert (left.summary, left.revision) == ("", 1)


def test_an_unresolved_fate_is_kept(store: Store, tmp_path: Path) -> None:
    made = case()
    level = made.outcomes[0]
    other = level.candidates[1].model_copy(update={"fate": Fate.UNRESOLVED})
    changed = level.model_copy(update={"candidates": (level.candidates[0], other)})
    approve(store, made.model_copy(update={"outcomes": (changed,)}))
    export_snapshot(store, tmp_path / "s", ExportChoice(), **PROGRAM)
    assert read_snapshot(tmp_path / "s").cases[0].outcomes[0].candidates[1].fate is Fate.UNRESOLVED


def test_the_manifest_says_what_was_frozen_from_what_and_comes_last(store: Store, tmp_path: Path) -> None:
    approve(store, *many(3))
    folder, seen = tmp_path / "s", []

    choice = ExportChoice(CaseFilter(min_depth=1, domains=("economics",)), with_texts=True)

    def texts() -> Iterator[dict[str, str]]:
        seen.append((folder.exists(), sorted(p.name for p in (tmp_path / ".s.partial").iterdir())))
        yield {"sha256": "0", "text": "FICTIONAL"}

    info = SnapshotInfo(choice.query(), **PROGRAM)
    manifest = write_snapshot(folder, approved_cases(store, choice.cases), info, texts=texts())
    assert seen == [(False, ["candidates.jsonl", "cases.jsonl", "splits.json", "texts.jsonl.partial"])], (
        "neither folder nor manifest yet"
    )
    written = json.loads((folder / "manifest.json").read_text())
    assert written["schema_version"] == SCHEMA_VERSION
    assert set(written["files"]) == {"cases.jsonl", "candidates.jsonl", "splits.json", "texts.jsonl"}
    for name, entry in written["files"].items():
        body = (folder / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(body).hexdigest(), "lines": body.count(b"\n")}, name
    assert (written["program"], written["commit"]) == (PROGRAM["program"], PROGRAM["commit"])
    assert (written["query"]["min_depth"], written["query"]["domains"]) == (1, ["economics"])
    assert written["terms"] == {"open": 12}
    assert sorted(p.name for p in folder.iterdir()) == sorted([*written["files"], "manifest.json"])
    assert manifest.cases == 3
