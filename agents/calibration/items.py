"""Labelled items to calibrate on: resolved yes/no questions, or levels of approved cases with a market or survey.

An item is a level whose answer is known. A question is asked as of the day it was asked; a case's level as of its
parent. What the crowd said (a question's `crowd`, a level's market or survey) is never shown to the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from agents.prompted.level import BlindLevel, blind_level
from corpus.case import Candidate, Case, Method, Status
from corpus.dates import EventDate
from corpus.errors import InvalidFile
from corpus.families import families
from evaluation.levels import case_levels
from evaluation.questions import Question, level, read_questions

CROWDS = frozenset({Method.MARKET, Method.SURVEY})


@dataclass(frozen=True)
class Item:
    """One level with its answer."""

    item_id: str
    family: str
    domain: str
    level: BlindLevel
    read_until: datetime
    candidates: tuple[Candidate, ...]
    """Wordings only: no estimates, no evidence."""
    outcome: int
    """Index of what happened; the number of candidates where Z did."""
    crowd: tuple[float, ...] | None
    """What the crowd gave the candidates and Z at the time."""

    @property
    def depth(self) -> int:
        """1 for questions."""
        return self.level.depth

    @property
    def base_rate_band(self) -> str:
        """How sure the crowd was of its likeliest option; the answer plays no part."""
        if self.crowd is None:
            return "no crowd"
        first = self.crowd[0] if len(self.crowd) == 2 else max(self.crowd)
        return "low" if first < 1 / 3 else "middle" if first < 2 / 3 else "high"

    @property
    def stratum(self) -> tuple[str, int, str]:
        """Domain, depth and base rate: what a sample is stratified by."""
        return self.domain, self.depth, self.base_rate_band


def read_items(path: Path) -> list[Item]:
    """The items of a file of questions or of cases (JSON lines), or of a snapshot folder; raises `InvalidFile`."""
    if path.is_dir():
        path = path / "cases.jsonl"
    if not path.is_file():
        raise InvalidFile(f"{path} does not exist; name a file of questions, of cases, or a snapshot folder.")
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    if '"case_id"' not in first:
        return [of_question(question) for question in read_questions(path)]
    cases = list(_cases(path))
    found = [
        item for case, family in zip(cases, _families(cases), strict=True) for item in of_case(case, family)
    ]
    if not found:
        raise InvalidFile(f"{path} holds no level of an approved case with a market or survey value.")
    return found


def _cases(path: Path) -> Iterator[Case]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield Case.model_validate_json(line)
                except ValidationError as error:
                    raise InvalidFile(f"{path}:{number} is no case: {error.errors()[0]['msg']}.") from error


def _families(cases: list[Case]) -> list[str]:
    by_case = families(cases)
    return [by_case[case.case_id] for case in cases]


def of_question(question: Question) -> Item:
    """A yes/no question as a level with the one option "yes"."""
    asked = level(question)
    crowd = None if question.crowd is None else (question.crowd, 1 - question.crowd)
    blind = BlindLevel(
        case_id=asked.case_id, domain=question.source, depth=1,
        happened=((EventDate(question.asked), f"This question is asked: {question.question}"),),
        context=(), as_of=asked.as_of, horizon_months=asked.horizon_months,
    )  # fmt: skip
    yes = Candidate(text=f"Yes, by {question.resolved}: what the question asks about is the case")
    return Item(asked.case_id, asked.family, question.source, blind, asked.as_of, (yes,),
                asked.outcome or 0, crowd)  # fmt: skip


def of_case(case: Case, family: str) -> Iterator[Item]:
    """The levels of an approved case whose probabilities rest on a market or a survey."""
    if case.status is not Status.APPROVED:
        return
    for found in case_levels(case, family):
        if found.outcome is None or found.pooled is None or not CROWDS & set(found.methods):
            continue
        wordings = tuple(Candidate(text=text) for text in found.options)
        limit = case.reading_limit(found.depth) or found.as_of
        yield Item(f"{case.case_id}/{found.depth}", family, case.domain, blind_level(case, found.depth), limit,
                   wordings, found.outcome, found.pooled)  # fmt: skip
