"""Do answers stand where a model could read them: in a case's own context, or in cases it is trained on?

A context may speak of the past in the answer's words ("the bank had raised its rate by 50 basis points"). So a
fact that names its dates, all up to the seed, is no leak, and one that a source proves to have been known on
the seed date only calls for a look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus.audit.facts import CaseFact, Facts
from corpus.audit.rows import EXAMPLES, Example, Group, Row, Rule, Verdict
from corpus.audit.statements import AnswerIndex, Reader, Statement
from corpus.dates import EventDate
from corpus.families import families
from corpus.intervals import wilson_by_family
from corpus.snapshot import iter_cases
from corpus.splits import Split
from corpus.text import explicit_dates

NEAR_DAYS = 31
"""Days within which two equal statements are about one event."""
_ORDER = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@dataclass(frozen=True)
class _Leak:
    """A text that states an answer."""

    case: int
    example: Example
    certain: bool
    """False where the text may as well speak of an earlier event."""


@dataclass(frozen=True)
class _Answer:
    case: int
    depth: int
    when: EventDate | None
    statement: Statement


def leakage_rows(facts: Facts, folder: Path) -> list[Row]:
    """The three rows on leakage."""
    reader = Reader(_texts(facts))
    answers = [
        _Answer(level.case, level.depth, level.when, reader.read(level.event))
        for level in facts.levels
        if level.event is not None
    ]
    index = AnswerIndex([answer.statement for answer in answers])
    own: list[_Leak] = []
    across: list[_Leak] = []
    for number, case in enumerate(facts.cases):
        for entry_number, entry in enumerate(case.context):
            for a in index.stated_by(reader.read(entry.text)):
                leak = _context_leak(facts, number, entry_number, answers[a])
                if leak is not None:
                    (own if answers[a].case == number else across).append(leak)
        for text, when, place in _events(facts, number):
            for a in index.stated_by(reader.read(text)):
                across += _event_leak(facts, number, text, when, place, answers[a])
    return [
        _row(facts, Rule.ANSWER_IN_CONTEXT, own, "state in their own context what happened later"),
        _row(
            facts, Rule.ANSWER_ACROSS_SPLITS, across, "ask for what a case states that is learned from before"
        ),
        _family_row(facts, folder),
    ]


def _texts(facts: Facts) -> Iterator[str]:
    for case in facts.cases:
        yield case.seed_event
        yield from (entry.text for entry in case.context)
    yield from (level.event for level in facts.levels if level.event)


def _events(facts: Facts, number: int) -> Iterator[tuple[str, EventDate | None, str]]:
    """Seed and outcomes of a case that is learned from, as far as they are kept."""
    case = facts.cases[number]
    if case.split in (Split.TRAIN, Split.VALIDATION):
        yield case.seed_event, case.seed_date, "seed_event"
        for level in facts.levels_of(number)[: case.levels_kept]:
            if level.event is not None:
                yield level.event, level.when, f"outcomes[{level.depth - 1}].event"


def _context_leak(facts: Facts, number: int, entry_number: int, answer: _Answer) -> _Leak | None:
    """A context fact that states an answer which lies after the fact's own seed date."""
    case, entry = facts.cases[number], facts.cases[number].context[entry_number]
    if answer.case != number and not _learned_before(case, facts.cases[answer.case]):
        return None
    if answer.when is None or answer.when.first_day <= case.seed_date.last_day:
        return None
    dates = [mention.date for mention in explicit_dates(entry.text)]
    if dates and all(when.first_day <= case.seed_date.last_day for when in dates):
        return None
    certain = any(when.overlaps(answer.when) for when in dates) or not entry.proven
    text = f"{entry.text} | {answer.statement.text}"
    return _Leak(answer.case, Example(case.case_id, f"context[{entry_number}]", text), certain)


def _event_leak(
    facts: Facts, number: int, text: str, when: EventDate | None, place: str, answer: _Answer
) -> Iterator[_Leak]:
    """An event of a case that is learned from and an answer asked for later, at about the same time."""
    case, asked = facts.cases[number], facts.cases[answer.case]
    if not _learned_before(case, asked) or when is None or answer.when is None:
        return
    if when.days_to(answer.when) <= NEAR_DAYS:
        example = Example(case.case_id, place, f"{text} ({when}) | {asked.case_id}: {answer.statement.text}")
        yield _Leak(answer.case, example, certain=True)


def _learned_before(case: CaseFact, asked: CaseFact) -> bool:
    """Whether a model has read `case` when it is asked for `asked`: train, then validation, then test."""
    if case.split is None or asked.split is None:
        return False
    return _ORDER.index(case.split) < _ORDER.index(asked.split)


def _row(facts: Facts, rule: Rule, leaks: list[_Leak], what: str) -> Row:
    touched = {leak.case for leak in leaks}
    certain = sum(leak.certain for leak in leaks)
    hits = np.array([i in touched for i in range(len(facts.cases))], dtype=float)
    figure = wilson_by_family(hits, [case.family for case in facts.cases])
    verdict = Verdict.FAIL if certain else Verdict.REVIEW if leaks else Verdict.PASS
    doubtful = f"; {len(leaks) - certain} more may speak of earlier events" if len(leaks) > certain else ""
    ordered = sorted(leaks, key=lambda leak: not leak.certain)
    return Row(
        Group.LEAKAGE, rule, verdict, figure, "none",
        f"{len({leak.case for leak in leaks if leak.certain})} of {len(facts.cases)} cases {what}{doubtful}.",
        tuple(leak.example for leak in ordered[:EXAMPLES]),
    )  # fmt: skip


def _family_row(facts: Facts, folder: Path) -> Row:
    """Families are found anew over the cases that stand in a split; who was left out joins nobody."""
    placed = {case.case_id: case.split for case in facts.cases if case.split is not None}
    family_of = families(case for case in iter_cases(folder) if case.case_id in placed)
    splits: dict[str, set[Split]] = {}
    for case_id, family in family_of.items():
        splits.setdefault(family, set()).add(placed[case_id])
    astray = [case_id for case_id, family in family_of.items() if len(splits[family]) > 1]
    moved = set(astray)
    hits = np.array([case.case_id in moved for case in facts.cases], dtype=float)
    events = {case.case_id: case.seed_event for case in facts.cases}
    return Row(
        Group.LEAKAGE, Rule.FAMILY_STRADDLES, Verdict.FAIL if astray else Verdict.PASS,
        wilson_by_family(hits, [case.family for case in facts.cases]), "none",
        f"{len(astray)} of {len(facts.cases)} cases belong to an event family that stands in several splits.",
        tuple(Example(c, "splits.json", f"{placed[c]}: {events[c]}") for c in astray[:EXAMPLES]),
    )  # fmt: skip
