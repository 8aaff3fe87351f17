"""The ledger of costs: sums, crashes, entries written once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from training.costs import Entry, Kind, Ledger, default_ledger, grouped

START = datetime(2026, 11, 27, tzinfo=UTC)


def entry(kind: Kind = Kind.ACTUAL, minute: int = 0, **more: object) -> Entry:
    fields = {"run": "r", "stage": "sft", "dataset": "d", "backend": "modal", "gpu": "H100", "seconds": 10.0,
              "usd": 0.5} | more  # fmt: skip
    return Entry.model_validate({"at": START + timedelta(minutes=minute), "kind": kind, **fields})


def test_estimates_stand_against_actuals_by_stage_run_and_dataset() -> None:
    entries = [
        entry(Kind.ESTIMATE, usd=1.0),
        entry(Kind.ESTIMATE, 1, usd=2.0),
        entry(minute=2, usd=0.5),
        entry(minute=3, usd=0.25),
        entry(minute=4, stage="score", usd=0.125),
    ]
    by_stage = grouped(entries, "stage")
    assert by_stage["sft"].estimated_usd == 2.0, "planned again, not run twice"
    assert by_stage["sft"].actual_usd == 0.75
    assert by_stage["score"].estimated_usd is None
    assert grouped(entries, "run")["r"].actual_usd == 0.875
    assert grouped(entries, "dataset")["d"].actual_seconds == 30.0


def test_an_entry_with_a_known_key_is_written_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "deep" / "costs.jsonl")
    assert ledger.read().entries == ()
    assert ledger.add([entry(key="a"), entry(key="b"), entry()]) == 3
    assert ledger.add([entry(key="a"), entry()]) == 1
    assert len(ledger.read().entries) == 4


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), st.data())
def test_a_crash_at_any_byte_loses_no_whole_entry(runs: list[str], data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "costs.jsonl")
        ledger.add([entry(run=name) for name in runs])
        whole = ledger.path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        ledger.path.write_bytes(whole[:cut])
        # a line that lacks only its line break is whole
        kept = sum(1 for line in whole[:cut].split(b"\n") if line.endswith(b"}") and line.count(b'"key"'))
        ledger.add([entry(run="after")])
        found = ledger.read()
        assert [one.run for one in found.entries] == [*runs[:kept], "after"]
        assert found.cut == (0 if whole[:cut].endswith((b"\n", b"}")) or not cut else 1)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    assert default_ledger({"PSYCHOHISTORY_COSTS": str(tmp_path / "x")}) == tmp_path / "x"
    assert default_ledger({}).name == "costs.jsonl"
