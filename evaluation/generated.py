"""Scores of the modes `generated` and `tree`: a model's own lists against what happened.

`generated` goes down the realised path, level by level: does any branch tell of what happened, and how much
probability do those branches carry? `tree` takes whole trees from the seed alone: an event of depth d may
stand anywhere at depth d, and its probability is the sum of the paths that lead to a match; `chain_coverage`
asks for a path that matches at every depth.

Levels where nothing followed hold no event to match: they are counted and not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.intervals import REPLICATES, Interval, wilson_by_family
from evaluation import metrics
from evaluation.figures import FigureTable
from evaluation.levels import Level
from evaluation.matching import LevelMatch, Match, Matcher, Stage
from evaluation.pairing import GeneratedPairs
from evaluation.prediction import Mode, Prediction
from evaluation.scoring import Group, Scores, band_rows, group_rows, rps_of


@dataclass(frozen=True)
class Scored:
    """One level with what the matcher found."""

    level: Level
    probability: float
    """Sum over the branches that match; 0 without a match."""
    brier_sum: float
    best: Match
    when_rps: float


def match_pairs(pairs: GeneratedPairs, matcher: Matcher) -> list[Scored]:
    """Match every list with what happened."""
    texts = [tuple(c.text for c in row.candidates) if row else () for row in pairs.rows]
    events = [level.event or "" for level in pairs.levels]
    found = matcher.match_levels(list(zip(texts, events, strict=True)))
    return [
        _scored(level, row, match) for level, row, match in zip(pairs.levels, pairs.rows, found, strict=True)
    ]


def _scored(level: Level, row: Prediction | None, match: LevelMatch) -> Scored:
    shares = [candidate.probability for candidate in row.candidates] if row else []
    hit = float(sum(p for p, matched in zip(shares, match.matched, strict=True) if matched))
    when = float("nan")
    if row and match.best.found and level.months is not None:
        first = row.candidates[match.matched.index(True)]
        when = rps_of(first.when, level.months) if first.when else when
    return Scored(level, min(1.0, hit), metrics.generated_brier_sum(shares, match.matched), match.best, when)


def score_generated(
    name: str,
    pairs: GeneratedPairs,
    scored: Sequence[Scored],
    *,
    after: npt.NDArray[np.bool_] | None = None,
    replicates: int = REPLICATES,
) -> Scores:
    """All figures of mode `generated`, whole and by depth, domain, year and knowledge."""
    table = generated_table(pairs, scored)
    figures = table.intervals(replicates)
    figures["match_coverage"] = _coverage(scored)
    groups = []
    for by, value, rows in group_rows([item.level for item in scored], after):
        inside = [scored[i] for i in rows]
        groups.append(Group(by, value, len(inside), _group_figures(inside, replicates)))
    for band, rows in band_rows([item.level for item in scored]):
        coverage = _coverage([scored[i] for i in rows])
        groups.append(Group("band", band, len(rows), {"match_coverage": coverage}))
    return Scores(
        name, Mode.GENERATED, len(scored), len(set(table.families)), pairs.missing, figures, tuple(groups),
        notes={"nothing_followed": pairs.nothing_followed, "stages": stages(scored)},
    )  # fmt: skip


def generated_table(pairs: GeneratedPairs, scored: Sequence[Scored]) -> FigureTable:
    """Columns and figures of mode `generated`."""
    table = FigureTable(np.array([item.level.family for item in scored]))
    loss = metrics.event_loss([item.probability for item in scored])
    table.mean_of("event_loss", loss)
    table.mean_of("event_perplexity", loss, np.exp)
    table.mean_of("brier_sum", [item.brier_sum for item in scored])
    table.mean_of("match_coverage", [float(item.best.found) for item in scored])
    when = np.array([item.when_rps for item in scored])
    if not np.isnan(when).all():
        table.mean_of("when_rps", when)
    stated = [(r.event_log_probability, r.event_tokens) if r else (None, None) for r in pairs.rows]
    if any(tokens for _, tokens in stated):
        table.add("token log", [log or 0.0 for log, _ in stated])
        table.add("tokens", [tokens or 0 for _, tokens in stated])
        table.figures["token_perplexity"] = lambda totals: np.exp(-totals["token log"] / totals["tokens"])
    return table


def _group_figures(scored: Sequence[Scored], replicates: int) -> dict[str, Interval]:
    table = FigureTable(np.array([item.level.family for item in scored]))
    loss = metrics.event_loss([item.probability for item in scored])
    table.mean_of("event_loss", loss)
    table.mean_of("event_perplexity", loss, np.exp)
    return {**table.intervals(replicates), "match_coverage": _coverage(scored)}


def _coverage(scored: Sequence[Scored]) -> Interval:
    return wilson_by_family(
        [float(item.best.found) for item in scored], [item.level.family for item in scored]
    )


def stages(scored: Sequence[Scored]) -> dict[str, dict[str, int]]:
    """Depth (and `all`) → stage → levels."""
    counts: dict[str, dict[str, int]] = {"all": {stage.value: 0 for stage in Stage}}
    for item in scored:
        for key in ("all", str(item.level.depth)):
            row = counts.setdefault(key, {stage.value: 0 for stage in Stage})
            row[item.best.stage.value] += 1
    return counts


def score_trees(
    name: str,
    rows: Sequence[Prediction],
    levels: Sequence[Level],
    matcher: Matcher,
    *,
    replicates: int = REPLICATES,
) -> Scores:
    """Whole trees from the seed alone, as a second table beside `generated`."""
    by_case: dict[str, list[Prediction]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    asked = [level for level in levels if level.event is not None]
    scored = _tree_levels(by_case, asked, matcher)
    table = FigureTable(np.array([level.family for level in asked]))
    loss = metrics.event_loss([item[0] for item in scored])
    table.mean_of("event_loss", loss)
    table.mean_of("event_perplexity", loss, np.exp)
    figures = table.intervals(replicates)
    families = [level.family for level in asked]
    figures["match_coverage"] = wilson_by_family([float(item[1]) for item in scored], families)
    figures["chain_coverage"] = wilson_by_family([float(item[2]) for item in scored], families)
    missing = sum(level.case_id not in by_case for level in asked)
    groups = [
        Group(
            "depth", str(depth), len(ids), _tree_group([scored[i] for i in ids], [families[i] for i in ids])
        )
        for depth in sorted({level.depth for level in asked})
        if (ids := [i for i, level in enumerate(asked) if level.depth == depth])
    ]
    return Scores(
        name, Mode.TREE, len(asked), len(set(families)), missing, figures, tuple(groups),
        notes={"nothing_followed": len(levels) - len(asked)},
    )  # fmt: skip


def _tree_group(scored: Sequence[tuple[float, bool, bool]], families: Sequence[str]) -> dict[str, Interval]:
    return {
        "match_coverage": wilson_by_family([float(item[1]) for item in scored], families),
        "chain_coverage": wilson_by_family([float(item[2]) for item in scored], families),
    }


def _tree_levels(
    by_case: dict[str, list[Prediction]], asked: Sequence[Level], matcher: Matcher
) -> list[tuple[float, bool, bool]]:
    """Of each level: summed path probability of its matches, whether any matches, whether the chain does."""
    branches = [_branches(by_case.get(level.case_id, []), level.depth) for level in asked]
    found = matcher.match_levels(
        [
            ([branch.text for branch in own], level.event or "")
            for own, level in zip(branches, asked, strict=True)
        ]
    )
    on_chain: dict[tuple[str, int], set[tuple[str, ...]]] = {}
    result = []
    for level, own, match in zip(asked, branches, found, strict=True):
        hits = [branch for branch, matched in zip(own, match.matched, strict=True) if matched]
        parents = on_chain.get((level.case_id, level.depth - 1), set())
        chain = {(*b.parents, b.text) for b in hits if level.depth == 1 or b.parents in parents}
        on_chain[level.case_id, level.depth] = chain
        result.append((min(1.0, sum(branch.path for branch in hits)), bool(hits), bool(chain)))
    return result


@dataclass(frozen=True)
class _Branch:
    parents: tuple[str, ...]
    text: str
    path: float


def _branches(rows: Sequence[Prediction], depth: int) -> list[_Branch]:
    """The branches of a tree at one depth, with their path probabilities."""
    conditional: dict[tuple[str, ...], float] = {
        (*row.parent_branch, c.text): c.probability for row in rows for c in row.candidates
    }
    found = []
    for path in conditional:
        if len(path) == depth:
            steps: list[Any] = [conditional.get(path[: i + 1], 0.0) for i in range(depth)]
            found.append(_Branch(path[:-1], path[-1], float(np.prod(steps))))
    return found
