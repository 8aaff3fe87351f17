"""Suites easy, medium, hard: frozen selections of levels, and the history of results on them.

Difficulty is the mean of three ranks among the split's levels (0 to 1 each): depth, the base rate's surprise
(−ln of its probability for what happened), and the months until the answer. The easiest third is `easy`,
and so on; at most 100 levels of each third are drawn with a fixed seed. A suite is stored by the levels'
ids and hashes, so that a changed level is noticed and results stay comparable over years.

Does not cover: difficulty of mode `generated` by itself; the same levels serve both modes.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import write_atomically
from corpus.identity import tagged_hash
from evaluation.baselines import BaseRate, uniform_shares
from evaluation.evaluate import Evaluation
from evaluation.levels import Level, LevelSet, with_answers
from evaluation.prediction import Mode, first_problem

SUITE_SIZE = 100
FEWEST_LEVELS = 6
TRACKED = {
    Mode.GIVEN: ("log_loss", "brier_binary", "accuracy", "skill_over_base_rate"),
    Mode.GENERATED: ("event_loss", "match_coverage"),
}
"""Figures of each mode that the history keeps."""


class SuiteName(StrEnum):
    """The three suites."""

    EASY = "easy"
    """The easiest third of the levels."""
    MEDIUM = "medium"
    """The third between."""
    HARD = "hard"
    """The hardest third."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SuiteLevel(_Frozen):
    """One level of a suite: its place and the hash of what it asks and answers."""

    case_id: str
    depth: int
    hash: str
    difficulty: float


class Suites(_Frozen):
    """The content of a suites file."""

    format: Literal[1] = 1
    snapshot_hash: str
    split: str
    seed: int
    suites: dict[SuiteName, tuple[SuiteLevel, ...]]

    def hash_of(self, name: SuiteName) -> str:
        """The suite's identity: over its levels' ids and hashes."""
        return tagged_hash(
            "suite/v1", [[level.case_id, level.depth, level.hash] for level in self.suites[name]]
        )


class TrackedFigure(_Frozen):
    """One figure in the history."""

    value: float | None
    low: float | None
    high: float | None


class HistoryEntry(_Frozen):
    """One line of the history: one model on one suite."""

    format: Literal[1] = 1
    at: AwareDatetime
    model: str
    suite: SuiteName
    suite_hash: str
    levels: int
    tokens_per_second: float | None
    figures: Annotated[dict[str, TrackedFigure], Field(min_length=1)]
    """`mode.figure` → value with interval."""


def level_hash(level: Level) -> str:
    """What identifies a level's question and answer."""
    asked = [
        level.seed,
        level.parent,
        list(level.options),
        level.outcome,
        str(level.as_of),
        level.horizon_months,
    ]
    return tagged_hash("level/v1", asked)[:16]


def make_suites(asked: LevelSet, levels: Sequence[Level], split: str, seed: int = 0) -> Suites:
    """Sort a split's levels into three suites; raises InvalidInput where there are too few."""
    scored = with_answers(levels)
    if len(scored) < FEWEST_LEVELS:
        raise InvalidInput(f"{len(scored)} levels do not make three suites; {FEWEST_LEVELS} are needed.")
    difficulty = difficulties(asked, scored)
    order = np.argsort(difficulty, kind="stable")
    rng = random.Random(seed)
    suites = {}
    for name, part in zip(SuiteName, np.array_split(order, len(SuiteName)), strict=True):
        drawn = rng.sample(sorted(int(i) for i in part), min(SUITE_SIZE, len(part)))
        suites[name] = tuple(
            SuiteLevel(
                case_id=scored[i].case_id,
                depth=scored[i].depth,
                hash=level_hash(scored[i]),
                difficulty=round(float(difficulty[i]), 4),
            )
            for i in sorted(drawn, key=lambda i: scored[i].key)
        )
    return Suites(snapshot_hash=asked.hash, split=split, seed=seed, suites=suites)


def difficulties(asked: LevelSet, levels: Sequence[Level]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean rank of depth, base-rate surprise and months to the answer (N,), 0 easiest to 1 hardest."""
    earlier = with_answers(asked.earlier_than(levels))
    shares = BaseRate(earlier).shares_of(levels) if earlier else [uniform_shares(level) for level in levels]
    surprise = [-np.log(max(1e-4, s[level.outcome or 0])) for s, level in zip(shares, levels, strict=True)]
    months = [(level.resolved - level.as_of.date()).days / 30.44 for level in levels]
    ranks = [_ranks(values) for values in ([level.depth for level in levels], surprise, months)]
    return np.asarray((np.mean(ranks, axis=0) - 1) / max(1, len(levels) - 1))


def _ranks(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Ranks from 1 (N,), ties sharing their mean."""
    ordered = np.sort(np.asarray(values, dtype=float))
    return np.asarray(
        (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2
    )


def suite_levels(stored: Suites, name: SuiteName, levels: Sequence[Level]) -> list[Level]:
    """The levels of a suite; raises InvalidInput where one is gone or was changed."""
    by_key = {level.key: level for level in levels}
    found = []
    for wanted in stored.suites[name]:
        level = by_key.get((wanted.case_id, wanted.depth))
        if level is None or level_hash(level) != wanted.hash:
            what = "is gone" if level is None else "was changed"
            raise InvalidInput(
                f"Suite {name}: depth {wanted.depth} of case {wanted.case_id} {what}; "
                "make new suites and a new history."
            )
        found.append(level)
    return found


def entry(stored: Suites, name: SuiteName, found: Evaluation, at: datetime) -> HistoryEntry:
    """The history's line for one evaluation on one suite; the suites of one run share their time."""
    figures = {}
    for scores in found.scores:
        for figure in TRACKED.get(scores.mode, ()):
            if figure in scores.figures:
                own = scores.figures[figure]
                figures[f"{scores.mode}.{figure}"] = TrackedFigure(
                    value=own.value, low=own.low, high=own.high
                )
    return HistoryEntry(
        at=at,
        model=found.model,
        suite=name,
        suite_hash=stored.hash_of(name),
        levels=len(stored.suites[name]),
        tokens_per_second=found.tokens_per_second,
        figures=figures,
    )


def append_history(path: Path, entries: Sequence[HistoryEntry]) -> None:
    """Append lines and bring them to disk."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(found.model_dump_json() + "\n" for found in entries)
        file.flush()
        os.fsync(file.fileno())


def read_history(path: Path) -> list[HistoryEntry]:
    """Read a history; raises InvalidFile naming line and field."""
    if not path.is_file():
        raise InvalidFile(f"{path} does not exist; `evaluation suite run --history` writes it.")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                found.append(HistoryEntry.model_validate_json(line))
            except ValidationError as fault:
                raise InvalidFile(f"{path}:{number}: {first_problem(fault)}") from fault
    if not found:
        raise InvalidFile(f"{path} is empty: no suite was run yet.")
    return found


def write_suites(path: Path, stored: Suites) -> None:
    """Write a suites file; an existing one is never overwritten, because histories hang on it."""
    if path.exists():
        raise InvalidInput(f"{path} exists already; suites are frozen, name another file.")
    write_atomically(path, [stored.model_dump_json(indent=1)])


def read_suites(path: Path) -> Suites:
    """Read a suites file; raises InvalidFile naming the field."""
    try:
        return Suites.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as fault:
        raise InvalidFile(f"{path} cannot be read as JSON: {fault}.") from fault
    except ValidationError as fault:
        raise InvalidFile(f"{path} is no suites file: {first_problem(fault)}") from fault
