"""Two forecasters on the same levels: difference, interval, p-value, and who is better, if anyone.

The pairs are kept together: families are resampled with both forecasters' scores in them, and the permutation
test swaps the two within whole families. P-values are adjusted by Holm over the figures compared. A winner is
named only where the adjusted p is below 0.05 and the interval leaves out 0.

Does not cover: more than two at once; figures that need no pairing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from corpus.errors import InvalidInput
from corpus.intervals import REPLICATES, Interval, bootstrap
from evaluation.figures import FigureTable
from evaluation.metrics import Floats

PERMUTATIONS = 5_000
ALPHA = 0.05
POWER = 0.8
LESS_IS_BETTER = frozenset(
    {"log_loss", "perplexity", "brier_binary", "brier_sum", "when_rps", "event_loss", "event_perplexity",
     "token_perplexity", "ece_equal_width", "ece_equal_mass"}
)  # fmt: skip
GIVEN_FIGURES = ("log_loss", "brier_binary", "brier_sum", "accuracy", "auroc", "when_rps")
GENERATED_FIGURES = ("event_loss", "brier_sum", "match_coverage")
_EXACT_FAMILIES = 12
_CELLS = 4_000_000


@dataclass(frozen=True)
class Difference:
    """One figure of two forecasters."""

    figure: str
    first: float | None
    second: float | None
    difference: Interval
    """First minus second."""
    p_value: float | None
    p_adjusted: float | None
    better: str | None
    """`first`, `second`, or None: no difference shown."""
    families_needed: int | None
    """Families at which a true difference of this size would be shown with a chance of 80 %; None where the
    difference is 0, undefined or shown already."""


def compare(
    first: FigureTable,
    second: FigureTable,
    wanted: Sequence[str],
    *,
    replicates: int = REPLICATES,
    permutations: int = PERMUTATIONS,
) -> list[Difference]:
    """Compare two tables of the same levels in the same order."""
    if list(first.families) != list(second.families):
        raise InvalidInput(
            "The two forecasters were scored on different levels; score them on the same split."
        )
    figures = [name for name in wanted if name in first.figures and name in second.figures]
    if not figures:
        raise InvalidInput("The two forecasters share no figure; they answered in different modes.")
    a, items = first.sums()
    b, _ = second.sums()
    width = a.shape[1]

    def both(totals: Floats) -> Floats:
        return first.evaluate(totals[:, :width], figures) - second.evaluate(totals[:, width:], figures)

    intervals = bootstrap(np.column_stack([a, b]), items, both, replicates=replicates)
    p_values = _permuted(first, second, a, b, figures, permutations)
    with np.errstate(all="ignore"):
        points = (
            first.evaluate(a.sum(axis=0)[None], figures)[0],
            second.evaluate(b.sum(axis=0)[None], figures)[0],
        )
    adjusted = holm(p_values)
    return [
        _difference(name, _plain(points[0][m]), _plain(points[1][m]), intervals[m], p_values[m], adjusted[m])
        for m, name in enumerate(figures)
    ]


def _difference(
    name: str,
    first: float | None,
    second: float | None,
    interval: Interval,
    p_value: float | None,
    adjusted: float | None,
) -> Difference:
    shown = adjusted is not None and adjusted < ALPHA and _excludes_zero(interval)
    better = None
    if shown and interval.value is not None:
        better = "first" if (interval.value < 0) == (name in LESS_IS_BETTER) else "second"
    needed = None if shown else families_needed(interval)
    return Difference(name, first, second, interval, p_value, adjusted, better, needed)


def _excludes_zero(interval: Interval) -> bool:
    return interval.low is not None and interval.high is not None and (interval.low > 0 or interval.high < 0)


def families_needed(interval: Interval) -> int | None:
    """Families for a power of 80 % at level 5 %, if the true difference is the one found.

    n · ((z₀.₉₇₅ + z₀.₈) · s / d)², with the standard error s read off the interval's width.
    """
    if interval.value is None or interval.low is None or interval.high is None or interval.value == 0:
        return None
    error = (interval.high - interval.low) / (2 * float(ndtri((1 + interval.level) / 2)))
    reach = float(ndtri(1 - ALPHA / 2) + ndtri(POWER))
    return max(interval.families, math.ceil(interval.families * (reach * error / interval.value) ** 2))


def _permuted(
    first: FigureTable, second: FigureTable, a: Floats, b: Floats, figures: Sequence[str], permutations: int
) -> list[float | None]:
    """Two-sided p-values: how often swapping the two within families gives a difference at least as large."""
    families = a.shape[0]
    if families < 2:
        return [None] * len(figures)
    middle, half = (a.sum(axis=0) + b.sum(axis=0)) / 2, (a - b) / 2
    with np.errstate(all="ignore"):
        found = np.abs(
            first.evaluate((middle + half.sum(axis=0))[None], figures)
            - second.evaluate((middle - half.sum(axis=0))[None], figures)
        )[0]
        reached, drawn = np.zeros(len(figures)), 0
        for signs in _signs(families, permutations):
            moved = signs @ half
            away = first.evaluate(middle + moved, figures) - second.evaluate(middle - moved, figures)
            reached += (np.abs(away) >= found - 1e-12).sum(axis=0)
            drawn += len(signs)
    exact = families <= _EXACT_FAMILIES
    counts = reached / drawn if exact else (reached + 1) / (drawn + 1)
    return [_plain(p) if math.isfinite(found[m]) else None for m, p in enumerate(counts)]


def _signs(families: int, permutations: int) -> list[Floats] | _RandomSigns:
    """Every pattern of signs for few families, random ones otherwise."""
    if families > _EXACT_FAMILIES:
        return _RandomSigns(families, permutations)
    patterns = (np.arange(2**families)[:, None] >> np.arange(families)) & 1
    return [patterns.astype(np.float64) * 2 - 1]


class _RandomSigns:
    """Random signs in pieces (rows, families)."""

    def __init__(self, families: int, permutations: int) -> None:
        self._families, self._left = families, permutations
        self._rng = np.random.default_rng(0)

    def __iter__(self) -> _RandomSigns:
        return self

    def __next__(self) -> Floats:
        if self._left <= 0:
            raise StopIteration
        rows = min(self._left, max(1, _CELLS // self._families))
        self._left -= rows
        bits = self._rng.integers(0, 2, size=(rows, self._families), dtype=np.int8)
        return bits.astype(np.float64) * 2 - 1


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment (1979) over the p-values that exist."""
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, i) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[i] = running
    return adjusted


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def verdict_sentence(first: str, second: str, differences: Sequence[Difference]) -> Mapping[str, str]:
    """Figure → one sentence: who is better, or how many more families would show it."""
    return {found.figure: _sentence(first, second, found) for found in differences}


def _sentence(first: str, second: str, found: Difference) -> str:
    if found.better:
        return f"{first if found.better == 'first' else second} is better"
    if found.families_needed is None:
        return "no difference shown"
    more = found.families_needed - found.difference.families
    if more <= 0:
        return "no difference shown, though the interval leaves out 0: the p-values are adjusted for many figures"
    return f"no difference shown; about {more} more event families would show one of this size"
