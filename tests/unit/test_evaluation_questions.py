"""Question files and ForecastBench sets: read, split without straddling, faults named."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import InvalidFile
from corpus.splits import Split
from evaluation.questions import (
    import_forecastbench,
    level,
    open_questions,
    read_questions,
    split_questions,
    write_questions,
)

GOOD: dict[str, Any] = {
    "source": "fair", "id": "1", "asked": "2024-01-01", "resolved": "2024-03-01", "outcome": 1.0,
    "question": "FICTIONAL: will the bridge open?", "crowd": 0.7,
}  # fmt: skip


def written(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_a_question_is_a_level_with_yes_and_z(tmp_path: Path) -> None:
    rows = read_questions(written(tmp_path / "q.jsonl", GOOD, GOOD | {"id": "2", "outcome": 0}))
    yes, no = (level(row) for row in rows)
    assert (yes.options, yes.outcome, yes.event, yes.crowd, yes.binary) == (("yes",), 0, "yes", 0.7, True)
    assert (no.outcome, no.event) == (1, None)
    assert yes.family == "fair:1"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (GOOD | {"outcome": 0.5}, r":1: outcome 0\.5 is neither 0 nor 1"),
        (GOOD | {"outcome": float("nan")}, ":1: outcome"),
        (GOOD | {"crowd": 1.2}, ":1: crowd"),
        (GOOD | {"resolved": "2023-01-01"}, ":1: resolved on 2023-01-01, before it was asked"),
        (GOOD | {"question": ""}, ":1: question"),
        ("[]", ":1: line"),
    ],
)
def test_faults_are_one_sentence(tmp_path: Path, row: Any, sentence: str) -> None:
    with pytest.raises(InvalidFile, match=sentence):
        read_questions(written(tmp_path / "q.jsonl", row))


def test_empty_doubled_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="is empty"):
        read_questions(written(tmp_path / "q.jsonl", ""))
    with pytest.raises(InvalidFile, match=r":2: .* stands already in line 1"):
        read_questions(written(tmp_path / "q.jsonl", GOOD, GOOD))
    with pytest.raises(InvalidFile, match="does not exist"):
        read_questions(tmp_path / "none")


def test_a_recurring_question_is_never_in_both_splits(tmp_path: Path) -> None:
    rows = [
        GOOD | {"id": str(n), "asked": f"20{year}-01-01", "resolved": f"20{year}-06-01"}
        for n in range(40)
        for year in (20, 22, 24)
    ]
    found = open_questions(written(tmp_path / "q.jsonl", *rows), date(2022, 12, 31))
    train, test = found.splits[Split.TRAIN], found.splits[Split.TEST]
    assert train
    assert test
    assert not {item.family for item in train} & {item.family for item in test}
    assert max(item.resolved for item in train) <= date(2022, 12, 31) < min(i.as_of.date() for i in test)
    assert split_questions([*train, *test], date(2022, 12, 31))[Split.TEST] == test


def forecastbench(folder: Path) -> tuple[Path, Path]:
    """FICTIONAL sets in ForecastBench's shape."""
    questions = [
        {"id": "m1", "source": "fair", "question": "Will it?", "freeze_datetime_value": "0.61",
         "resolution_dates": "N/A"},
        {"id": "d1", "source": "gauge", "question": "Rise?", "freeze_datetime_value": "17.3",
         "resolution_dates": ["2024-08-01"]},
        {"id": ["m1", "d1"], "source": "fair", "question": "Both?"},
    ]  # fmt: skip
    resolutions = [
        {"id": "m1", "source": "fair", "resolution_date": "2024-08-01", "resolved_to": 1, "resolved": True},
        {"id": "d1", "source": "gauge", "resolution_date": "2024-08-01", "resolved_to": 0.0, "resolved": True},
        {"id": "d1", "source": "gauge", "resolution_date": "2025-08-01", "resolved_to": 0.4, "resolved": False},
        {"id": "d1", "source": "gauge", "resolution_date": "2024-09-01", "resolved_to": 0.4, "resolved": True},
        {"id": ["m1", "d1"], "source": "fair", "resolution_date": "2024-08-01", "resolved_to": 0, "resolved": True},
        {"id": "gone", "source": "fair", "resolution_date": "2024-08-01", "resolved_to": 0, "resolved": True},
    ]  # fmt: skip
    one, two = folder / "questions.json", folder / "resolutions.json"
    one.write_text(json.dumps({"forecast_due_date": "2024-07-21", "questions": questions}))
    two.write_text(json.dumps({"forecast_due_date": "2024-07-21", "resolutions": resolutions}))
    return one, two


def test_forecastbench_sets_are_joined_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    found = import_forecastbench(*forecastbench(tmp_path))
    assert [(q.name, q.outcome, q.crowd) for q in found.questions] == [
        ("fair:m1", 1.0, 0.61),
        ("gauge:d1", 0.0, None),
    ]
    assert found.left_out == {
        "not resolved": 1, "neither yes nor no": 1, "combination of questions": 1, "question not in the set": 1
    }  # fmt: skip
    path = tmp_path / "out.jsonl"
    assert write_questions(path, found.questions) == 2
    assert read_questions(path) == found.questions
    with pytest.raises(InvalidFile, match="no ForecastBench"):
        import_forecastbench(tmp_path / "resolutions.json", tmp_path / "questions.json")
    with pytest.raises(InvalidFile, match="cannot be read as JSON"):
        import_forecastbench(tmp_path / "none.json", tmp_path / "questions.json")
