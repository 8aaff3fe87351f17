"""Resolved yes/no questions as levels, and their import from ForecastBench.

One JSON object a line: `source`, `id`, `asked`, `resolved` (days), `outcome` (0 or 1), `question`, and
`crowd` (a probability) where there was one. A question that recurs over days is one family. Questions have
no splits of their own: a cut-off day makes them (what is resolved by it trains, what is asked after it
tests, and by half: see `split_questions`).

Does not cover: questions with more than two answers or with fractional ones; those are counted and left out.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.case import Probability
from corpus.dates import end_of_day
from corpus.errors import InvalidFile
from corpus.files import file_sha256, write_atomically
from corpus.identity import canonical_json
from corpus.splits import Split
from evaluation.levels import YES, Level, LevelSet
from evaluation.prediction import first_problem


class Question(BaseModel):
    """One line of a question file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1)]
    id: Annotated[str, Field(min_length=1)]
    asked: date
    resolved: date
    outcome: Probability
    question: Annotated[str, Field(min_length=1)]
    crowd: Probability | None = None

    @property
    def name(self) -> str:
        """What a recurring question is told by."""
        return f"{self.source}:{self.id}"

    @property
    def case_id(self) -> str:
        """One asking of the question."""
        return f"{self.name}:{self.asked}:{self.resolved}"


def read_questions(path: Path) -> list[Question]:
    """Read and check a file; raises InvalidFile naming file, line and field."""
    if not path.is_file():
        raise InvalidFile(f"{path} does not exist; name a file of resolved questions.")
    found: list[Question] = []
    seen: dict[str, int] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                found.append(_read(line, f"{path}:{number}"))
                earlier = seen.setdefault(found[-1].case_id, number)
                if earlier != number:
                    raise InvalidFile(
                        f"{path}:{number}: {found[-1].case_id} stands already in line {earlier}."
                    )
    if not found:
        raise InvalidFile(f"{path} is empty: it holds no question.")
    return found


def _read(line: str, where: str) -> Question:
    try:
        question = Question.model_validate_json(line)
    except ValidationError as fault:
        raise InvalidFile(f"{where}: {first_problem(fault)}") from fault
    if question.outcome not in (0.0, 1.0):
        raise InvalidFile(f"{where}: outcome {question.outcome} is neither 0 nor 1; leave the question out.")
    if question.resolved < question.asked:
        raise InvalidFile(
            f"{where}: resolved on {question.resolved}, before it was asked on {question.asked}."
        )
    return question


def level(question: Question) -> Level:
    """A question as a level: the option "yes", and Z for "no"."""
    months = max(1, round((question.resolved - question.asked).days / 30.44))
    return Level(
        case_id=question.case_id,
        family=question.name,
        depth=1,
        domain=question.source,
        seed=question.question,
        context="",
        parent=question.question,
        options=(YES,),
        outcome=int(question.outcome == 0.0),
        event=YES if question.outcome else None,
        as_of=end_of_day(question.asked),
        resolved=question.resolved,
        horizon_months=months,
        months=None,
        pooled=None,
        crowd=question.crowd,
        binary=True,
    )


def open_questions(path: Path, cutoff: date | None = None) -> LevelSet:
    """A question file as a level set; without a cut-off every question is test."""
    levels = [level(question) for question in read_questions(path)]
    splits = split_questions(levels, cutoff) if cutoff else {Split.TEST: tuple(levels)}
    return LevelSet(file_sha256(path), str(path), splits)


def split_questions(levels: Iterable[Level], cutoff: date) -> dict[Split, tuple[Level, ...]]:
    """By time and by question: train is resolved by the cut-off, test asked after it, and no question is in both.

    Which half a question belongs to is decided by its name's hash, so that a recurring question never
    straddles; the other half's rows of each time are left out.
    """
    found: dict[Split, list[Level]] = {Split.TRAIN: [], Split.TEST: []}
    for item in levels:
        for_test = hashlib.sha256(item.family.encode()).digest()[0] % 2 == 0
        if item.as_of.date() > cutoff and for_test:
            found[Split.TEST].append(item)
        elif item.resolved <= cutoff and not for_test:
            found[Split.TRAIN].append(item)
    return {split: tuple(rows) for split, rows in found.items()}


@dataclass
class Imported:
    """What an import took and what it left out, with the reason."""

    questions: list[Question] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def import_forecastbench(question_set: Path, resolution_set: Path) -> Imported:
    """Join a ForecastBench question set with its resolution set.

    Combinations of questions, unresolved ones and fractional outcomes are left out and counted. The crowd is
    the freeze value of market questions.
    """
    asked, resolutions = _json(question_set), _json(resolution_set)
    due = asked.get("forecast_due_date") or resolutions.get("forecast_due_date")
    by_id = {str(q.get("id")): q for q in asked.get("questions", []) if isinstance(q.get("id"), str)}
    if not due or not by_id or "resolutions" not in resolutions:
        raise InvalidFile(
            f"{question_set} and {resolution_set} are no ForecastBench question and resolution set."
        )
    result = Imported()
    for row in resolutions["resolutions"]:
        reason = _unusable(row, by_id)
        if reason:
            result.left_out[reason] += 1
        else:
            result.questions.append(_joined(by_id[row["id"]], row, str(due)))
    return result


def write_questions(path: Path, questions: Iterable[Question]) -> int:
    """Write a question file by way of a temporary one; returns the number of lines."""
    return write_atomically(path, (canonical_json(_plain(question)) for question in questions))[1]


def _plain(question: Question) -> dict[str, Any]:
    return question.model_dump(mode="json", exclude_none=True)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as fault:
        raise InvalidFile(f"{path} cannot be read as JSON: {fault}.") from fault
    if not isinstance(found, dict):
        raise InvalidFile(f"{path} holds no JSON object.")
    return found


def _unusable(row: Mapping[str, Any], by_id: Mapping[str, Any]) -> str | None:
    if not isinstance(row.get("id"), str):
        return "combination of questions"
    if row["id"] not in by_id:
        return "question not in the set"
    if not row.get("resolved"):
        return "not resolved"
    if row.get("resolved_to") not in (0, 1):
        return "neither yes nor no"
    return None


def _joined(question: Mapping[str, Any], row: Mapping[str, Any], due: str) -> Question:
    market = question.get("resolution_dates") in (None, "N/A", [])
    try:
        crowd = float(question.get("freeze_datetime_value", "")) if market else None
    except ValueError:
        crowd = None
    return Question(
        source=str(question["source"]),
        id=str(question["id"]),
        asked=date.fromisoformat(due),
        resolved=date.fromisoformat(str(row["resolution_date"])[:10]),
        outcome=float(row["resolved_to"]),
        question=str(question["question"]),
        crowd=crowd if crowd is not None and 0 <= crowd <= 1 else None,
    )
