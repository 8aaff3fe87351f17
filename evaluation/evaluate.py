"""One evaluation from start to end: predictions and levels in, scores, baselines and verdict out.

What the command line, the report, the bundle and the suites all use, so that they can never disagree.

Does not cover: reading files (each format has its module), showing results (`evaluation.report`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from corpus.errors import InvalidInput
from corpus.intervals import REPLICATES, Interval
from corpus.splits import Split
from evaluation.baselines import baselines
from evaluation.calibration import CalibrationFile
from evaluation.curves import Fit
from evaluation.generated import Scored, match_pairs, score_generated, score_trees
from evaluation.levels import Level, LevelSet, with_answers
from evaluation.matcher_audit import MatcherAudit
from evaluation.matching import Matcher
from evaluation.metrics import Forecasts, forecasts
from evaluation.pairing import (
    GeneratedPairs,
    GivenPairs,
    after_cutoff,
    check_same_set,
    pair_generated,
    pair_given,
)
from evaluation.prediction import Mode, Prediction, Predictions
from evaluation.scoring import Scores, score_given
from evaluation.verdict import Criteria, Evidence, Verdict, judge


@dataclass(frozen=True)
class Settings:
    """How an evaluation is done."""

    criteria: Criteria
    split: Split = Split.TEST
    matcher: Matcher = field(default_factory=Matcher)
    audit: MatcherAudit | None = None
    calibration: CalibrationFile | None = None
    fit: Fit | None = None
    replicates: int = REPLICATES


@dataclass(frozen=True)
class Judged:
    """One scored level, for the lists of best and worst cases."""

    level: Level
    mode: Mode
    probability: float
    loss: float
    said: str
    """The likeliest option or branch."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that is known of one prediction file."""

    model: str
    origin: str
    snapshot_hash: str
    split: Split
    scores: tuple[Scores, ...]
    baselines: tuple[Scores, ...]
    """Mode `given`, without groups."""
    baselines_missing: dict[str, str]
    """Baseline → why there is none."""
    verdict: Verdict
    coverage: dict[str, Interval]
    """Match coverage widened by the matcher's own error; empty without an audit."""
    judged: tuple[Judged, ...]
    matcher: str
    tokens_per_second: float | None
    unused: int
    """Predictions for cases outside the split: counted, not scored."""
    given: GivenPairs | None = None
    generated: tuple[GeneratedPairs, tuple[Scored, ...]] | None = None

    def of(self, mode: Mode) -> Scores | None:
        """The scores of one mode."""
        return next((found for found in self.scores if found.mode is mode), None)


def evaluate(found: Predictions, asked: LevelSet, settings: Settings) -> Evaluation:
    """Score a prediction file on one split of a level set."""
    check_same_set(found, asked)
    return evaluate_levels(found, asked, asked.of(settings.split), settings)


def evaluate_levels(
    found: Predictions, asked: LevelSet, levels: Sequence[Level], settings: Settings
) -> Evaluation:
    """Score a prediction file on some levels of a level set."""
    cases = {level.case_id for level in levels}
    unused = sum(row.case_id not in cases for row in found.rows)
    if unused == len(found.rows):
        raise InvalidInput(
            f"{found.origin} answers none of the {len(cases)} cases in split {settings.split} of {asked.origin}; "
            "predict on that split, or choose another with --split."
        )
    scores: list[Scores] = []
    judged: list[Judged] = []
    given = _given(found, levels, settings) if Mode.GIVEN in found.modes else None
    rivals, missing = _rivals(asked, given.levels if given else with_answers(levels), settings.replicates)
    if given:
        references = {name: pack for name, (_, pack) in rivals.items() if name != "uniform"}
        after = after_cutoff(given.levels, found.knowledge_cutoff)
        scores.append(
            score_given(found.model, given, references, after=after, replicates=settings.replicates)
        )
        judged += _judged_given(given)
    generated = None
    if Mode.GENERATED in found.modes:
        pairs = pair_generated(_shifted(found.of(Mode.GENERATED), levels, settings.calibration), levels)
        matched = match_pairs(pairs, settings.matcher)
        after = after_cutoff(pairs.levels, found.knowledge_cutoff)
        if matched:
            scores.append(
                score_generated(found.model, pairs, matched, after=after, replicates=settings.replicates)
            )
        judged += _judged_generated(pairs, matched)
        generated = pairs, tuple(matched)
    if Mode.TREE in found.modes:
        rows = found.of(Mode.TREE)
        scores.append(
            score_trees(found.model, rows, levels, settings.matcher, replicates=settings.replicates)
        )
    coverage = _coverage(scores, settings.audit)
    after_all = after_cutoff(levels, found.knowledge_cutoff)
    evidence = Evidence(None if after_all is None else int(np.sum(after_all)), coverage, settings.fit)
    return Evaluation(
        model=found.model,
        origin=found.origin,
        snapshot_hash=asked.hash,
        split=settings.split,
        scores=tuple(scores),
        baselines=tuple(score for score, _ in rivals.values()),
        baselines_missing=missing,
        verdict=judge(settings.criteria, scores, evidence),
        coverage=coverage,
        judged=tuple(judged),
        matcher=settings.matcher.name,
        tokens_per_second=found.tokens_per_second,
        unused=unused,
        given=given,
        generated=generated,
    )


def _given(found: Predictions, levels: Sequence[Level], settings: Settings) -> GivenPairs:
    pairs = pair_given(found.of(Mode.GIVEN), levels)
    if settings.calibration is None or settings.calibration.calibrator is None:
        return pairs
    settings.calibration.check_later(pairs.levels)
    bent = settings.calibration.calibrator.apply_levels(pairs.forecasts)
    return GivenPairs(pairs.levels, bent, pairs.rows)


def _shifted(
    rows: Sequence[Prediction], levels: Sequence[Level], stored: CalibrationFile | None
) -> Sequence[Prediction]:
    """The model's own lists with Z as it was fitted on their miss rate."""
    if stored is None or stored.remainder is None:
        return rows
    stored.check_later(levels)
    return [stored.remainder.shifted(row) for row in rows]


def _rivals(
    asked: LevelSet, levels: Sequence[Level], replicates: int
) -> tuple[dict[str, tuple[Scores, Forecasts]], dict[str, str]]:
    """The baselines' scores and distributions, and why one is missing."""
    if not levels:
        return {}, {}
    outcomes = [level.outcome if level.outcome is not None else 0 for level in levels]
    binary = all(level.binary for level in levels)
    rivals, missing = {}, {}
    for baseline in baselines(asked, levels):
        if not baseline.shares:
            missing[baseline.name.value] = baseline.missing
            continue
        pack = forecasts(baseline.shares, outcomes, binary=binary)
        rivals[baseline.name.value] = baseline.name.value, pack
    packs = {name: pack for name, (_, pack) in rivals.items()}
    references = {name: pack for name, pack in packs.items() if name != "uniform"}
    pairs = {name: GivenPairs(tuple(levels), pack, (None,) * len(levels)) for name, pack in packs.items()}
    scored = {
        name: score_given(name, pair, references, replicates=replicates, detailed=False)
        for name, pair in pairs.items()
    }
    return {name: (_answered(scored[name]), packs[name]) for name in packs}, missing


def _answered(scores: Scores) -> Scores:
    """A baseline answers every level; it merely has no lines in a file."""
    return Scores(
        scores.name, scores.mode, scores.levels, scores.families, 0, scores.figures, notes=scores.notes
    )


def _coverage(scores: Sequence[Scores], audit: MatcherAudit | None) -> dict[str, Interval]:
    found = next((score for score in scores if score.mode is Mode.GENERATED), None)
    if found is None or audit is None:
        return {}
    widened = {"all": audit.widen(found.figures["match_coverage"])}
    widened |= {
        group.value: audit.widen(group.figures["match_coverage"])
        for group in found.groups
        if group.by == "band"
    }
    return widened


def _judged_given(pairs: GivenPairs) -> list[Judged]:
    found = pairs.forecasts
    rows = []
    for n, level in enumerate(pairs.levels):
        names = [*level.options, "Z: none of them"]
        p = float(found.on_outcome_N[n])
        top = names[int(found.probability_NK[n].argmax())]
        rows.append(Judged(level, Mode.GIVEN, p, float(-np.log(max(p, 5e-5))), top))
    return rows


def _judged_generated(pairs: GeneratedPairs, scored: Sequence[Scored]) -> list[Judged]:
    rows = []
    for item, row in zip(scored, pairs.rows, strict=True):
        best = max(row.candidates, key=lambda c: c.probability, default=None) if row else None
        loss = float(-np.log(max(item.probability, 0.01)))
        rows.append(
            Judged(item.level, Mode.GENERATED, item.probability, loss, best.text if best else "no list")
        )
    return rows
