"""The prediction format: what is written is read, and every fault is one sentence with line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidFile
from evaluation.prediction import (
    Mode,
    PredictedCandidate,
    Prediction,
    WhenShare,
    check_predictions,
    read_predictions,
    write_predictions,
)

GOOD: dict[str, Any] = {
    "case_id": "c1", "depth": 1, "mode": "given", "model": "m", "snapshot_hash": "h", "remainder": 0.2,
    "candidates": [{"text": "A", "probability": 0.5}, {"text": "B", "probability": 0.3}],
}  # fmt: skip


def written(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def with_candidate(**changes: Any) -> dict[str, Any]:
    return GOOD | {"candidates": [GOOD["candidates"][0] | changes, GOOD["candidates"][1]]}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (with_candidate(probability=float("nan")), r":1: candidates\.0\.probability: .*finite.*nan"),
        (
            with_candidate(probability=1.5),
            r":1: candidates\.0\.probability: .*less than or equal to 1 \(got 1\.5\)",
        ),
        (with_candidate(probability=-0.1), r":1: candidates\.0\.probability: .*greater than or equal to 0"),
        (GOOD | {"remainder": 0.3}, r":1: .*must sum to 1; they sum to 1\.1000"),
        (with_candidate(text="b "), r":1: .*'B' stands twice; merge"),
        (GOOD | {"depth": 6}, r":1: depth: .*less than or equal to 5"),
        (GOOD | {"mode": "guessed"}, r":1: mode: .*'given', 'generated' or 'tree'"),
        (GOOD | {"colour": 1}, r":1: colour: Extra inputs"),
        (
            GOOD | {"mode": "tree", "depth": 2},
            r":1: .*`parent_branch` must hold 1 texts in mode tree at depth 2",
        ),
        (GOOD | {"parent_branch": ["x"]}, r":1: .*must hold 0 texts in mode given"),
        (GOOD | {"format": 2}, r":1: .*format 2 is not 1"),
        (GOOD | {"spread": [0.1]}, r":1: .*`spread` holds 1 values for 2 candidates"),
        (GOOD | {"event_tokens": 3}, r":1: .*stand together or not at all"),
        (GOOD | {"knowledge_cutoff": "soon"}, r":1: knowledge_cutoff: .*is not a date"),
        ({"case_id": "c1"}, r":1: depth: Field required"),
        ("{", r":1: line: Invalid JSON"),
    ],
)
def test_every_fault_is_one_sentence_with_line_and_field(tmp_path: Path, row: Any, sentence: str) -> None:
    with pytest.raises(InvalidFile, match=sentence) as fault:
        read_predictions(written(tmp_path / "p.jsonl", row))
    assert "\n" not in str(fault.value)


def test_duplicates_name_both_lines(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r":3: case c1 at depth 1 \(given\) stands already in line 1"):
        read_predictions(written(tmp_path / "p.jsonl", GOOD, GOOD | {"case_id": "c2"}, GOOD))


@pytest.mark.parametrize(
    ("field", "value"), [("model", "n"), ("snapshot_hash", "i"), ("knowledge_cutoff", "2020")]
)
def test_one_file_holds_one_model_on_one_snapshot(tmp_path: Path, field: str, value: str) -> None:
    with pytest.raises(InvalidFile, match=rf":2: {field} is {value}.*write two files"):
        read_predictions(written(tmp_path / "p.jsonl", GOOD, GOOD | {"case_id": "c2", field: value}))


def test_empty_missing_and_undecodable_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="is empty"):
        read_predictions(written(tmp_path / "p.jsonl", ""))
    with pytest.raises(InvalidFile, match="does not exist"):
        read_predictions(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes("é".encode("latin-1"))
    with pytest.raises(InvalidFile, match="not UTF-8"):
        read_predictions(tmp_path / "latin.jsonl")
    with pytest.raises(InvalidFile, match="no prediction"):
        check_predictions([])


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        (((3, 0.5), (1, 0.5)), "must rise"),
        (((3, 0.5), (3, 0.5)), "must rise"),
        (((3, 0.5), (6, 0.4)), "sums to 0.9"),
    ],
)
def test_when_is_a_distribution_over_rising_months(when: Any, sentence: str) -> None:
    steps = tuple(WhenShare(within_months=m, probability=p) for m, p in when)
    with pytest.raises(ValueError, match=sentence):
        PredictedCandidate(text="A", probability=0.5, when=steps)


def test_modes_tokens_and_limits() -> None:
    rows = [
        Prediction(**(GOOD | {"seconds": 2.0, "tokens": 300})),
        Prediction(**(GOOD | {"mode": "generated", "seconds": 1.0, "tokens": 300})),
        Prediction(**(GOOD | {"case_id": "c2"})),
    ]
    found = check_predictions(rows)
    assert found.modes == (Mode.GIVEN, Mode.GENERATED)
    assert found.tokens_per_second == 200.0
    assert check_predictions(rows[2:]).tokens_per_second is None
    assert [row.case_id for row in found.limited_to({("c2", 1)}).rows] == ["c2"]


texts = st.lists(
    st.text(min_size=1, max_size=20), min_size=1, max_size=4, unique_by=lambda t: t.casefold().strip()
)


@given(texts, st.data())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, names: list[str], data) -> None:
    if len({" ".join(name.casefold().split()) for name in names}) < len(names):
        return
    raw = data.draw(st.lists(st.floats(0, 1), min_size=len(names) + 1, max_size=len(names) + 1))
    total = sum(raw) or 1.0
    shares = [x / total for x in raw] if sum(raw) else [0.0] * len(names) + [1.0]
    row = Prediction(
        case_id="c", depth=1, mode=Mode.GENERATED, model="m", snapshot_hash="h", remainder=shares[-1],
        candidates=[PredictedCandidate(text=t, probability=p) for t, p in zip(names, shares, strict=False)],
        knowledge_cutoff="2021-Q2", event_log_probability=-1.5, event_tokens=3,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("p") / "p.jsonl"
    assert write_predictions(path, [row]) == 1
    assert read_predictions(path).rows == (row,)
