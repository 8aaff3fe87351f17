"""Predictions beside the levels they answer: who answered what, and what is missing.

The rule for missing answers, the same in every figure: a level that a model left out is scored as if the
model knew nothing (mode `given`: uniform over its options; `generated` and `tree`: no match). It is counted
in the report, and no verdict is better than REVIEW while one is missing. Nothing is dropped in silence.

Does not cover: scores (`evaluation.scoring`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpus.dates import EventDate
from corpus.errors import InvalidInput
from corpus.text import normalise
from evaluation.levels import Level, LevelSet
from evaluation.metrics import Forecasts, forecasts
from evaluation.prediction import Mode, Prediction, Predictions


@dataclass(frozen=True)
class GivenPairs:
    """Mode `given`: the scored levels with a distribution each, and which of them were left out."""

    levels: tuple[Level, ...]
    forecasts: Forecasts
    rows: tuple[Prediction | None, ...]

    @property
    def missing(self) -> int:
        """Levels without an answer."""
        return sum(row is None for row in self.rows)


@dataclass(frozen=True)
class GeneratedPairs:
    """Modes `generated` and `tree`: the levels at which something happened, with the model's own list."""

    levels: tuple[Level, ...]
    rows: tuple[Prediction | None, ...]
    nothing_followed: int
    """Levels where Z happened: there is no event to match, so they are counted and not scored."""

    @property
    def missing(self) -> int:
        """Levels without a list."""
        return sum(row is None for row in self.rows)


def check_same_set(found: Predictions, asked: LevelSet) -> None:
    """Refuse predictions for another snapshot."""
    if found.snapshot_hash != asked.hash:
        raise InvalidInput(
            f"{found.origin} answers snapshot {found.snapshot_hash[:12]}…, but {asked.origin} is "
            f"{asked.hash[:12]}…; predict on this snapshot, or name the other one."
        )


def pair_given(rows: Sequence[Prediction], levels: Sequence[Level]) -> GivenPairs:
    """Distributions in the levels' own order of options; levels without a marked answer are left out."""
    scored = tuple(level for level in levels if level.outcome is not None)
    if not scored:
        raise InvalidInput("No level of this split says which candidate happened; nothing can be scored.")
    by_key = _by_key(rows, Mode.GIVEN)
    answers = tuple(by_key.get(level.key) for level in scored)
    _refuse_strangers(by_key, levels)
    shares = [_shares(row, level) for row, level in zip(answers, scored, strict=True)]
    binary = all(level.binary for level in scored)
    outcomes = [level.outcome if level.outcome is not None else 0 for level in scored]
    return GivenPairs(scored, forecasts(shares, outcomes, binary=binary), answers)


def pair_generated(rows: Sequence[Prediction], levels: Sequence[Level]) -> GeneratedPairs:
    """Lists beside the levels at which something happened."""
    scored = tuple(level for level in levels if level.event is not None)
    by_key = _by_key(rows, Mode.GENERATED)
    _refuse_strangers(by_key, levels)
    return GeneratedPairs(scored, tuple(by_key.get(level.key) for level in scored), len(levels) - len(scored))


def _by_key(rows: Sequence[Prediction], mode: Mode) -> dict[tuple[str, int], Prediction]:
    return {(row.case_id, row.depth): row for row in rows if row.mode is mode}


def _refuse_strangers(by_key: Mapping[tuple[str, int], Prediction], levels: Sequence[Level]) -> None:
    """An answer to a level of a case in this split that the case does not have is a mistake, not an extra."""
    known = {level.key for level in levels}
    cases = {level.case_id for level in levels}
    strange = next((key for key in by_key if key not in known and key[0] in cases), None)
    if strange:
        raise InvalidInput(
            f"Case {strange[0]} has no level at depth {strange[1]}, but the predictions answer it; "
            "predict on this snapshot anew."
        )


def _shares(row: Prediction | None, level: Level) -> list[float]:
    """The K options' probabilities and Z's, in the level's order, summing to exactly 1."""
    options = len(level.options) + 1
    if row is None:
        return [1 / options] * options
    stated = {normalise(candidate.text): candidate.probability for candidate in row.candidates}
    wanted = [normalise(text) for text in level.options]
    lacking = next((text for text, key in zip(level.options, wanted, strict=True) if key not in stated), None)
    if lacking is not None:
        raise InvalidInput(
            f"Case {level.case_id} depth {level.depth}: the prediction lacks the candidate {lacking!r}; "
            "mode given needs each of the case's own candidates once."
        )
    if len(stated) != len(wanted):
        extra = next(c.text for c in row.candidates if normalise(c.text) not in wanted)
        raise InvalidInput(
            f"Case {level.case_id} depth {level.depth}: the case does not list {extra!r}; "
            "a list of the model's own belongs to mode generated."
        )
    shares = np.array([*(stated[key] for key in wanted), row.remainder])
    return [float(share) for share in shares / shares.sum()]


def after_cutoff(levels: Sequence[Level], knowledge_cutoff: EventDate | None) -> npt.NDArray[np.bool_] | None:
    """Which levels were asked after the model's knowledge ends: all that could answer them came later.

    None where nobody says when the model's knowledge ends.
    """
    if knowledge_cutoff is None:
        return None
    return np.array([level.as_of.date() > knowledge_cutoff.last_day for level in levels], dtype=bool)
