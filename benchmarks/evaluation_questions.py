"""Crowd, TF-IDF and base rate on resolved yes/no questions, with intervals over questions.

    python benchmarks/evaluation_questions.py FOLDER [--cutoff 2025-12-31]

FOLDER holds `forecastbench_market_train.jsonl` and `forecastbench_dataset_train.jsonl`
(forecastingresearch/forecastbench-datasets, CC BY-SA 4.0). The market part scores the crowd, as it was and
re-fitted by sigmoid on earlier questions; the dataset part fits TF-IDF and the base rate on the questions
of one half resolved by the cut-off and tests on those of the other half asked after it.
"""

from __future__ import annotations

import argparse
import hashlib
from datetime import date
from pathlib import Path

import numpy as np

from corpus.intervals import Interval
from corpus.splits import Split
from evaluation.baselines import BaselineName, TfidfLogistic, baselines
from evaluation.calibration import CalibratorKind, fit_calibrator
from evaluation.levels import Level, LevelSet
from evaluation.metrics import Forecasts, forecasts
from evaluation.pairing import GivenPairs
from evaluation.questions import open_questions
from evaluation.scoring import score_given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cutoff", type=date.fromisoformat, default=date(2025, 12, 31))
    chosen = parser.parse_args()
    market(chosen.folder / "forecastbench_market_train.jsonl", chosen.cutoff)
    dataset(chosen.folder / "forecastbench_dataset_train.jsonl", chosen.cutoff)


def market(path: Path, cutoff: date) -> None:
    """The crowd on every question, and re-fitted on the later half."""
    every = open_questions(path).of(Split.TEST)
    print(f"\n## {path.name}: {len(every)} questions, {len({level.family for level in every})} distinct")
    header()
    row("crowd", every, crowd(every))
    row("always 0.5", every, pack(every, [0.5] * len(every)))
    split = open_questions(path, cutoff).splits
    fit, test = split[Split.TRAIN], split[Split.TEST]
    print(f"\nfitted on {len(fit)} resolved by {cutoff}, tested on {len(test)} others asked after it")
    header()
    row("crowd", test, crowd(test))
    for kind in (CalibratorKind.SIGMOID, CalibratorKind.TEMPERATURE):
        row(f"crowd, {kind}", test, fit_calibrator(kind, crowd(fit)).apply_levels(crowd(test)))


def dataset(path: Path, cutoff: date) -> None:
    """TF-IDF against base rate and 0.5, split by time and by question; sigmoid against isotonic."""
    asked = open_questions(path, cutoff)
    test = asked.of(Split.TEST)
    fitted = asked.earlier_than(test)
    print(
        f"\n## {path.name}: fitted on {len(fitted)} resolved by {cutoff}, tested on {len(test)} other questions"
    )
    header()
    row("always 0.5", test, pack(test, [0.5] * len(test)))
    for found in baselines(asked, test):
        if found.shares and found.name is not BaselineName.UNIFORM:
            row(found.name.value, test, pack(test, [share[0] for share in found.shares]))
    recalibrated(asked, test)


def recalibrated(asked: LevelSet, test: tuple[Level, ...]) -> None:
    """Calibrators fitted on the earlier questions, each predicted by a model that did not see its family."""
    earlier = asked.earlier_than(test)
    halves = [[level for level in earlier if is_even(level) is even] for even in (True, False)]
    held, known = [], []
    for fit, hold in (halves, halves[::-1]):
        held += [share[0] for share in TfidfLogistic(fit).shares_of(hold)]
        known += hold
    raw = [share[0] for share in TfidfLogistic(halves[0]).shares_of(test)]
    packed, fitted_on = pack(test, raw), pack(known, held)
    print(f"\nTF-IDF fitted on {len(halves[0])}; calibrators fitted on {len(known)} out-of-family forecasts")
    header()
    row("as it is", test, packed)
    for kind in CalibratorKind:
        row(f"{kind}", test, fit_calibrator(kind, fitted_on).apply_levels(packed))


def is_even(level: Level) -> bool:
    """A half by the hash of the question, so that a recurring question stays whole."""
    return hashlib.sha256(f"half {level.family}".encode()).digest()[0] % 2 == 0


def crowd(levels) -> Forecasts:
    return pack(levels, [level.crowd for level in levels])


def pack(levels, yes) -> Forecasts:
    return forecasts([(p, 1 - p) for p in yes], [level.outcome for level in levels], binary=True)


def header() -> None:
    print(f"{'':>22}  {'brier_binary':>24}  {'log_score':>26}  {'AUROC':>8}  {'ECE':>6}  {'null 95 %':>9}")


def row(name: str, levels, found: Forecasts) -> None:
    scores = score_given(name, GivenPairs(tuple(levels), found, (None,) * len(levels)), {})
    figures, calibration = scores.figures, scores.calibration["equal_mass"]
    print(
        f"{name:>22}  {shown(figures['brier_binary']):>24}  {shown(figures['log_score']):>26}  "
        f"{figures['auroc'].value if 'auroc' in figures else np.nan:8.3f}  {calibration.bins.ece:6.3f}  "
        f"{calibration.null.limit:9.3f}"
    )


def shown(figure: Interval) -> str:
    return f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"


if __name__ == "__main__":
    main()
