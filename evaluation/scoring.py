"""Scores of a prediction file on a level set: every figure of a mode with its interval, whole and by group.

Mode `given` compares distributions over the case's own options, Z among them; `generated` the model's own
lists; `tree` whole trees from the seed. Each has its own table; no figure mixes two of them.

Shares (accuracy, coverage) have Wilson intervals with the family design effect, everything else the bootstrap
over families. Groups with one family have no interval.

Does not cover: reading and joining (`evaluation.pairing`), verdicts (`evaluation.verdict`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.intervals import REPLICATES, Interval, wilson_by_family
from evaluation import metrics, reliability
from evaluation.figures import Figure, FigureTable, Totals
from evaluation.levels import Level
from evaluation.metrics import Floats, Forecasts
from evaluation.pairing import GivenPairs
from evaluation.prediction import Mode, Prediction
from evaluation.reliability import Binning, Decomposition, NullBand, Reliability


@dataclass(frozen=True)
class Group:
    """One slice of the levels: its figures and how many levels it holds."""

    by: str
    """depth, domain, year or knowledge."""
    value: str
    levels: int
    figures: dict[str, Interval]


@dataclass(frozen=True)
class Calibration:
    """What reliability shows, and what chance alone would show."""

    binning: Binning
    bins: Reliability
    null: NullBand
    decomposition: Decomposition | None = None


@dataclass(frozen=True)
class Scores:
    """One forecaster in one mode."""

    name: str
    mode: Mode
    levels: int
    families: int
    missing: int
    figures: dict[str, Interval]
    groups: tuple[Group, ...] = ()
    calibration: dict[str, Calibration] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    """Counts that belong beside the figures: zeros on what happened, stages, levels without an event."""

    def group(self, by: str, value: str) -> Group | None:
        """The slice with that value."""
        return next((g for g in self.groups if g.by == by and g.value == value), None)


def score_given(
    name: str,
    pairs: GivenPairs,
    references: Mapping[str, Forecasts],
    *,
    after: npt.NDArray[np.bool_] | None = None,
    replicates: int = REPLICATES,
    detailed: bool = True,
) -> Scores:
    """All figures of mode `given`. `references` are other forecasters on the same levels, for skill.

    `after` marks the levels asked after the model's knowledge ends. `detailed=False` leaves out groups and
    calibration, as the rows of a comparison table do.
    """
    table = given_table(pairs, references)
    figures = table.intervals(replicates)
    figures["accuracy"] = _share(metrics.top_accuracy(pairs.forecasts), table.families)
    on_outcome = pairs.forecasts.on_outcome_N
    p, y, _ = pairs.forecasts.pairs()
    notes: dict[str, Any] = {
        "zero_on_happened": int((on_outcome == 0).sum()),
        "zeros": int((p == 0).sum()),
        "ones": int((p == 1).sum()),
        "options": len(p),
        "happened_share": float(y.mean()),
        "pooled_distance": _pooled_distances(pairs),
    }
    groups = [
        Group(by, value, len(rows), _given_group(pairs, references, replicates, rows))
        for by, value, rows in (group_rows(pairs.levels, after) if detailed else ())
    ]
    groups += [
        Group(
            "band", band, len(rows), {"accuracy": _share(metrics.top_accuracy(pairs.forecasts.at(rows)), own)}
        )
        for band, rows in (band_rows(pairs.levels) if detailed else ())
        for own in [table.families[rows]]
    ]
    return Scores(
        name,
        Mode.GIVEN,
        len(pairs.levels),
        len(set(table.families)),
        pairs.missing,
        figures,
        tuple(groups),
        calibrations(pairs.forecasts) if detailed else {},
        notes,
    )


def given_table(pairs: GivenPairs, references: Mapping[str, Forecasts]) -> FigureTable:
    """Columns and figures of mode `given`."""
    found = pairs.forecasts
    table = FigureTable(np.array([level.family for level in pairs.levels]))
    loss = metrics.log_loss(found, metrics.LOG_FLOOR)
    table.mean_of("log_loss", loss)
    table.mean_of("perplexity", loss, np.exp)
    table.mean_of("log_score", -loss)
    table.mean_of("brier_sum", metrics.brier_sum(found))
    table.add("options", found.options_N)
    table.figures["brier_binary"] = _ratio("brier_sum sum", "options")
    table.mean_of("accuracy", metrics.top_accuracy(found))
    table.mean_of("sharpness", metrics.sharpness(found))
    for name, other in {"uniform": metrics.uniform(found), **references}.items():
        table.add(f"brier of {name}", metrics.brier_sum(other))
        table.figures[f"skill_over_{name}"] = _skill("brier_sum sum", f"brier of {name}")
    for binning in Binning:
        _add_ece(table, found, binning)
    _add_auroc(table, found)
    when = np.array([_when_score(row, level) for row, level in zip(pairs.rows, pairs.levels, strict=True)])
    if not np.isnan(when).all():
        table.mean_of("when_rps", when)
    _add_tokens(table, pairs.rows)
    return table


def _ratio(above: str, below: str) -> Figure:
    return lambda totals: totals[above] / totals[below]


def _skill(score: str, reference: str) -> Figure:
    return lambda totals: 1 - totals[score] / totals[reference]


def _add_ece(table: FigureTable, found: Forecasts, binning: Binning) -> None:
    """Columns count and (observed − forecast) of each bin; the bins stay fixed over the replicates."""
    p, y, level = found.pairs()
    index = reliability.bin_index(p, binning)
    gaps = []
    for b in range(reliability.BINS):
        inside = index == b
        name = f"{binning} gap {b}"
        table.add(name, np.bincount(level[inside], weights=(y - p)[inside], minlength=found.size))
        gaps.append(name)
    table.add(f"{binning} count", np.bincount(level, minlength=found.size))
    table.figures[f"ece_{binning}"] = _ece(gaps, f"{binning} count")


def _ece(gaps: Sequence[str], count: str) -> Figure:
    def figure(totals: Totals) -> Floats:
        away = np.sum([np.abs(totals[name]) for name in gaps], axis=0)
        return np.asarray(away / totals[count])

    return figure


def _add_auroc(table: FigureTable, found: Forecasts) -> None:
    """AUROC by its placement values: exact at the point, linear in the resampling (Hájek projection)."""
    p, y, level = found.pairs()
    value = metrics.auroc(p, y)
    if value is None:
        return
    placed = metrics.placements(p, y)
    for name, side in (("auroc positive", y), ("auroc negative", 1 - y)):
        table.add(name, np.bincount(level, weights=placed * side, minlength=found.size))
        table.add(f"{name} count", np.bincount(level, weights=side, minlength=found.size))
    # The value itself, spread over the positives: a total like the others, so that it can change sides with them.
    table.add("auroc value", value * table.columns["auroc positive count"])

    def figure(totals: Totals) -> Floats:
        above = totals["auroc positive"] / totals["auroc positive count"]
        below = totals["auroc negative"] / totals["auroc negative count"]
        centre = totals["auroc value"] / totals["auroc positive count"]
        return np.clip(above + below - centre, 0.0, 1.0)

    table.figures["auroc"] = figure


def _add_tokens(table: FigureTable, rows: Sequence[Prediction | None]) -> None:
    """The language model's own perplexity, where the predictions carry log-probabilities."""
    stated = [row for row in rows if row is not None and row.event_tokens is not None]
    if not stated:
        return
    table.add("token log", [row.event_log_probability or 0.0 if row else 0.0 for row in rows])
    table.add("tokens", [row.event_tokens or 0 if row else 0 for row in rows])
    table.figures["token_perplexity"] = lambda totals: np.exp(-totals["token log"] / totals["tokens"])


def _when_score(row: Prediction | None, level: Level) -> float:
    """Ranked probability score of the candidate that happened; NaN where there is no *when*."""
    if row is None or level.months is None or level.outcome is None or level.outcome >= len(level.options):
        return float("nan")
    wanted = level.options[level.outcome].casefold().strip()
    when = next((c.when for c in row.candidates if c.text.casefold().strip() == wanted), ())
    return rps_of(when, level.months) if when else float("nan")


def rps_of(when: Sequence[Any], months: int) -> float:
    """Ranked probability score of a *when* distribution of a prediction."""
    return metrics.ranked_probability_score(
        [share.within_months for share in when], [share.probability for share in when], months
    )


def _share(hits: npt.ArrayLike, families: npt.ArrayLike) -> Interval:
    return wilson_by_family(hits, families)


def calibrations(found: Forecasts) -> dict[str, Calibration]:
    """Reliability in both binnings with null bands; the decomposition over distinct values."""
    p, y, _ = found.pairs()
    nulls = reliability.ece_nulls(found, tuple(Binning))
    return {
        binning.value: Calibration(
            binning,
            reliability.reliability(p, y, binning),
            nulls[binning],
            reliability.decompose(p, y) if binning is Binning.EQUAL_WIDTH else None,
        )
        for binning in Binning
    }


def _pooled_distances(pairs: GivenPairs) -> dict[str, dict[str, float | int]]:
    """Distance of predicted to stored pooled probabilities, by the method behind the stored ones."""
    away: dict[str, list[tuple[float, float]]] = {}
    for n, level in enumerate(pairs.levels):
        if level.pooled is None:
            continue
        methods = level.methods or (None,) * len(level.pooled)
        for k, (stored, method) in enumerate(zip(level.pooled, methods, strict=True)):
            pair = (float(pairs.forecasts.probability_NK[n, k]), stored)
            away.setdefault("all", []).append(pair)
            away.setdefault(method.value if method else "remainder", []).append(pair)
    result: dict[str, dict[str, float | int]] = {}
    for method_name, values in away.items():
        distance = metrics.pooled_distance(*zip(*values, strict=True))
        if distance:
            result[method_name] = {"options": len(values), "mae": distance[0], "rmse": distance[1]}
    return result


def _given_group(
    pairs: GivenPairs, references: Mapping[str, Forecasts], replicates: int, rows: npt.NDArray[np.int64]
) -> dict[str, Interval]:
    found = pairs.forecasts.at(rows)
    table = FigureTable(np.array([pairs.levels[i].family for i in rows]))
    table.mean_of("log_loss", metrics.log_loss(found, metrics.LOG_FLOOR))
    table.mean_of("brier_sum", metrics.brier_sum(found))
    table.add("options", found.options_N)
    table.figures["brier_binary"] = _ratio("brier_sum sum", "options")
    for name, other in {
        "uniform": metrics.uniform(found),
        **{k: r.at(rows) for k, r in references.items()},
    }.items():
        table.add(f"brier of {name}", metrics.brier_sum(other))
        table.figures[f"skill_over_{name}"] = _skill("brier_sum sum", f"brier of {name}")
    figures = table.intervals(replicates)
    figures["accuracy"] = _share(metrics.top_accuracy(found), table.families)
    return figures


def group_rows(
    levels: Sequence[Level], after: npt.NDArray[np.bool_] | None
) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    """Slices by depth, domain, year and (where it is known) the model's knowledge: by, value, row numbers."""
    keys: dict[tuple[str, str], list[int]] = {}
    for n, level in enumerate(levels):
        named = {"depth": str(level.depth), "domain": level.domain, "year": str(level.as_of.year)}
        if after is not None:
            named["knowledge"] = "after" if after[n] else "before"
        for key in named.items():
            keys.setdefault(key, []).append(n)
    order = ("depth", "domain", "year", "knowledge")
    for by, value in sorted(keys, key=lambda key: (order.index(key[0]), key[1])):
        yield by, value, np.array(keys[by, value])


BANDS = {"1": (1,), "2-3": (2, 3), "4-5": (4, 5), "3+": (3, 4, 5)}
"""The seeds' groups of depths, for which they state targets."""


def band_rows(levels: Sequence[Level]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """The groups of depths that hold a level: name, row numbers."""
    depths = np.array([level.depth for level in levels], dtype=np.int64)
    for band, members in BANDS.items():
        rows = np.flatnonzero(np.isin(depths, members))
        if rows.size:
            yield band, rows
