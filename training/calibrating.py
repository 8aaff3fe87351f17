"""Fitting a calibration on validation forecasts; the calibrators themselves are `evaluation.calibration`."""

from __future__ import annotations

from corpus.errors import InvalidInput
from corpus.splits import Split
from evaluation.calibration import CalibrationFile, CalibratorKind, RemainderShift, fit_calibrator
from evaluation.generated import match_pairs
from evaluation.levels import LevelSet
from evaluation.matching import Matcher
from evaluation.pairing import check_same_set, pair_generated, pair_given
from evaluation.prediction import Mode, Predictions


def fit(found: Predictions, asked: LevelSet, split: Split, kind: CalibratorKind) -> CalibrationFile:
    """A calibration from the lines of one split; raises InvalidInput where no line is of mode `given`."""
    check_same_set(found, asked)
    levels = asked.of(split)
    if Mode.GIVEN not in found.modes:
        raise InvalidInput(f"{found.origin} has no line of mode given; predict with --mode given.")
    pairs = pair_given(found.of(Mode.GIVEN), levels)
    if pairs.missing:
        raise InvalidInput(
            f"{found.origin} lacks {pairs.missing} of the {len(pairs.levels)} levels of split {split}; "
            f"predict with --split {split}."
        )
    return CalibrationFile(
        calibrator=fit_calibrator(kind, pairs.forecasts),
        remainder=_remainder(found, asked, split) if Mode.GENERATED in found.modes else None,
        model=found.model,
        snapshot_hash=asked.hash,
        split=split.value,
        levels=len(pairs.levels),
        answered_until=max(level.resolved for level in pairs.levels),
    )


def _remainder(found: Predictions, asked: LevelSet, split: Split) -> RemainderShift | None:
    """Z's shift, so that its mean over the model's own lists is the share of lists that miss.

    A level at which nothing of note followed is a miss of every list: there Z was right.
    """
    z_of = {(row.case_id, row.depth): row.remainder for row in found.of(Mode.GENERATED)}
    levels = [level for level in asked.of(split) if level.key in z_of]
    pairs = pair_generated(found.of(Mode.GENERATED), levels)
    hit = {item.level.key for item in match_pairs(pairs, Matcher()) if item.best.found}
    if not levels:
        return None
    return RemainderShift.fit(
        [z_of[level.key] for level in levels], [level.key not in hit for level in levels]
    )
