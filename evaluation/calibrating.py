"""Fitting a calibrator on a prediction file for an earlier split, and bending a whole file by one.

Does not cover: the calibrators themselves (`evaluation.calibration`).
"""

from __future__ import annotations

from corpus.splits import Split
from evaluation.calibration import CalibrationFile, CalibratorKind, RemainderShift, fit_calibrator
from evaluation.generated import match_pairs
from evaluation.levels import LevelSet
from evaluation.matching import Matcher
from evaluation.metrics import forecasts
from evaluation.pairing import check_same_set, pair_generated, pair_given
from evaluation.prediction import Mode, Prediction, Predictions


def fit_on(
    found: Predictions, asked: LevelSet, split: Split, kind: CalibratorKind, matcher: Matcher
) -> CalibrationFile:
    """Fit on the answered levels of a split; Z's shift on the lists of mode `generated`, if there are some.

    Levels without a prediction teach nothing and are left out of the fit.
    """
    check_same_set(found, asked)
    levels = asked.of(split)
    calibrator, shift, count = None, None, 0
    if Mode.GIVEN in found.modes:
        answered = {(row.case_id, row.depth) for row in found.of(Mode.GIVEN)}
        pairs = pair_given(found.of(Mode.GIVEN), [level for level in levels if level.key in answered])
        calibrator, count = fit_calibrator(kind, pairs.forecasts), len(pairs.levels)
    if Mode.GENERATED in found.modes:
        z_of = {(row.case_id, row.depth): row.remainder for row in found.of(Mode.GENERATED)}
        asked_of = [level for level in levels if level.key in z_of]
        lists = pair_generated(found.of(Mode.GENERATED), asked_of)
        hits = {item.level.key for item in match_pairs(lists, matcher) if item.best.found}
        # where nothing of note followed, every list missed and Z was right
        missed = [level.key not in hits for level in asked_of]
        shift = RemainderShift.fit([z_of[level.key] for level in asked_of], missed)
        count = max(count, len(missed))
    return CalibrationFile(
        calibrator=calibrator,
        remainder=shift,
        model=found.model,
        snapshot_hash=asked.hash,
        split=split.value,
        levels=count,
        answered_until=max(level.resolved for level in levels),
    )


def bent(found: Predictions, stored: CalibrationFile | None) -> Predictions:
    """A prediction file as it is served: given lists after the calibrator, own lists after Z's shift.

    The same as `evaluation.evaluate` does to figures. Whole trees stay as they are.
    """
    if stored is None:
        return found
    return Predictions(tuple(_bent(row, stored) for row in found.rows), found.origin)


def _bent(row: Prediction, stored: CalibrationFile) -> Prediction:
    if row.mode is Mode.GENERATED and stored.remainder is not None:
        return stored.remainder.shifted(row)
    if row.mode is not Mode.GIVEN or stored.calibrator is None:
        return row
    shares = [*(candidate.probability for candidate in row.candidates), row.remainder]
    after = stored.calibrator.apply_levels(forecasts([shares], [0])).probability_NK[0]
    candidates = tuple(
        candidate.model_copy(update={"probability": float(share)})
        for candidate, share in zip(row.candidates, after[:-1], strict=True)
    )
    return row.model_copy(update={"candidates": candidates, "remainder": float(after[-1])})
