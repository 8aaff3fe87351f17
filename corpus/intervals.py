"""Intervals: how sure a figure is, given that cases of one event family are not independent.

The one idea: every figure is a function of *totals* of columns (a mean is one total over another, a
reliability error a function of a bin's totals, a difference a function of two sets of totals). Families are
resampled, their column sums are added up, and the function is applied to all replicates at once. So one
resampling serves all figures, and the work is a matrix product.

Axis letters: _F families, _C columns, _B replicates, _M figures, _N items.

Does not cover: time series, weights that are not sums, exact small-sample tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figures = Callable[[Floats], Floats]
"""Totals (B, C) → figures (B, M); must work row by row and may return NaN where a figure is undefined."""

LEVEL = 0.95
REPLICATES = 2_000
MIN_DEFINED = 0.9
"""Share of replicates in which a figure must be defined for an interval to be given."""
POISSON_FROM = 2_000
"""Families from which the counts are drawn as independent Poisson(1) numbers (Chamandy et al. 2012,
"Estimating uncertainty for massive data streams"): several times faster, and no different at that size."""
_CHUNK_CELLS = 2_000_000
_BLOCK, _ROWS, _THREADS = 8_192, 125, 2
_ALL_BITS = 2**64 - 1


class IntervalMethod(StrEnum):
    """How an interval was made."""

    BCA = "bca"
    """Bias-corrected and accelerated bootstrap over families (Efron 1987)."""
    PERCENTILE = "percentile"
    """Plain bootstrap quantiles over families, where the acceleration is undefined."""
    WILSON = "wilson"
    """Wilson's score interval (1927), with the family design effect where families are given."""
    NONE = "none"
    """No interval is defined: fewer than two families, or the figure is undefined too often."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval; `low` and `high` are None where none is defined, never 0."""

    value: float | None
    low: float | None
    high: float | None
    families: int
    """Independent units the interval rests on."""
    items: int
    method: IntervalMethod
    level: float = LEVEL

    @property
    def defined(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return {
            "value": self.value, "low": self.low, "high": self.high, "families": self.families,
            "items": self.items, "method": self.method.value, "level": self.level,
        }  # fmt: skip


def undefined(families: int = 0, items: int = 0, value: float | None = None) -> Interval:
    """A figure without an interval."""
    return Interval(value, None, None, families, items, IntervalMethod.NONE)


def family_sums(columns_NC: Floats, families: npt.ArrayLike) -> tuple[Floats, Ints]:
    """Sums of each column by family (F, C), and the number of items in each family (F,)."""
    _, index = np.unique(np.asarray(families), return_inverse=True)
    count = int(index.max()) + 1 if index.size else 0
    sums = np.empty((count, columns_NC.shape[1]))
    for column in range(columns_NC.shape[1]):
        sums[:, column] = np.bincount(index, weights=columns_NC[:, column], minlength=count)
    return sums, np.bincount(index, minlength=count)


def bootstrap(
    sums_FC: Floats,
    items: int,
    figures: Figures,
    *,
    replicates: int = REPLICATES,
    level: float = LEVEL,
    seed: int = 0,
) -> list[Interval]:
    """Intervals of M figures by resampling F families with replacement.

    `sums_FC` holds each family's column sums, `items` how many items they add up. BCa where the jackknife
    over families gives a finite acceleration, percentile otherwise; no interval below two families.
    """
    families = sums_FC.shape[0]
    total = sums_FC.sum(axis=0, keepdims=True)
    with np.errstate(all="ignore"):
        points = figures(total)[0]
        if families < 2:
            return [undefined(families, items, _finite(value)) for value in points]
        spread_BM = figures(_resampled(sums_FC, replicates, seed))
        acceleration = _acceleration(figures(total - sums_FC))
    return [
        _interval(float(point), spread_BM[:, m], float(acceleration[m]), families, items, level)
        for m, point in enumerate(points)
    ]


def mean_interval(values: Floats, families: npt.ArrayLike, **options: Any) -> Interval:
    """Interval of the mean of N values by resampling their families."""
    kept = ~np.isnan(values)
    if not kept.any():
        return undefined()
    columns = np.column_stack([values[kept], np.ones(int(kept.sum()))])
    sums, _ = family_sums(columns, np.asarray(families)[kept])
    return bootstrap(sums, int(kept.sum()), lambda totals: totals[:, :1] / totals[:, 1:], **options)[0]


def _resampled(sums_FC: Floats, replicates: int, seed: int) -> Floats:
    """Totals of `replicates` resamples (B, C), in pieces that stay in the processor's cache."""
    rng = np.random.default_rng(seed)
    families, columns = sums_FC.shape
    if families < POISSON_FROM:
        rows = max(1, _CHUNK_CELLS // families)
        sizes = [min(rows, replicates - start) for start in range(0, replicates, rows)]
        return np.concatenate([_multinomial_counts(rng, size, families) @ sums_FC for size in sizes])
    starts = range(0, families, _BLOCK)
    seeds = np.random.SeedSequence(seed).spawn(len(starts))
    blocks = [sums_FC[start : start + _BLOCK] for start in starts]

    def one(index: int) -> Floats:
        return _poisson_totals(np.random.default_rng(seeds[index]), blocks[index], replicates)

    with ThreadPoolExecutor(_THREADS) as pool:
        return np.asarray(sum(pool.map(one, range(len(blocks))), start=np.zeros((replicates, columns))))


def _poisson_totals(rng: np.random.Generator, block_FC: Floats, replicates: int) -> Floats:
    """Totals of one block of families (B, C). Single precision: a replicate's error stays below 1e-6."""
    block = np.ascontiguousarray(block_FC, dtype=np.float32)
    totals = np.empty((replicates, block.shape[1]))
    for row in range(0, replicates, _ROWS):
        rows = min(_ROWS, replicates - row)
        totals[row : row + rows] = _poisson_counts(rng, rows, len(block)) @ block
    return totals


def _multinomial_counts(rng: np.random.Generator, rows: int, families: int) -> Floats:
    """How often each of F families is drawn in F draws with replacement, `rows` times."""
    drawn = rng.integers(0, families, size=(rows, families))
    drawn += families * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * families).reshape(rows, families).astype(float)


def _poisson_table() -> npt.NDArray[np.float32]:
    """Poisson(1) quantiles at 65,536 equal steps, so that 16 random bits make one count."""
    cumulative = np.cumsum(np.exp(-1.0) / np.array([math.factorial(k) for k in range(12)], dtype=float))
    return np.searchsorted(cumulative, (np.arange(65_536) + 0.5) / 65_536).astype(np.float32)


_POISSON = _poisson_table()


def _poisson_counts(rng: np.random.Generator, rows: int, families: int) -> npt.NDArray[np.float32]:
    """Independent Poisson(1) counts; a replicate's size varies by 1/√F, which every ratio cancels."""
    wanted = rows * families
    drawn = rng.integers(0, _ALL_BITS, size=-(-wanted // 4), dtype=np.uint64, endpoint=True).view(np.uint16)
    return np.take(
        _POISSON, drawn[:wanted].reshape(rows, families), mode="clip"
    )  # uint16 cannot leave the table; clip spares the check


def _acceleration(jackknife_FM: Floats) -> Floats:
    """Efron's acceleration from leave-one-family-out figures; NaN where they do not vary."""
    away = jackknife_FM.mean(axis=0) - jackknife_FM
    return np.asarray((away**3).sum(axis=0) / (6.0 * (away**2).sum(axis=0) ** 1.5))


def _interval(
    point: float, spread: Floats, acceleration: float, families: int, items: int, level: float
) -> Interval:
    defined = spread[np.isfinite(spread)]
    if not math.isfinite(point) or defined.size < MIN_DEFINED * spread.size:
        return undefined(families, items, _finite(point))
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    method = IntervalMethod.PERCENTILE
    tolerance = 1e-12 * max(1.0, abs(point))
    below = float(np.mean(defined < point - tolerance) + 0.5 * np.mean(np.abs(defined - point) <= tolerance))
    if math.isfinite(acceleration) and 0.0 < below < 1.0:
        shift = ndtri(below)
        reach = shift + ndtri(tails)
        tails = ndtr(shift + reach / (1 - acceleration * reach))
        method = IntervalMethod.BCA
    low, high = np.quantile(defined, tails)
    return Interval(point, float(low), float(high), families, items, method, level)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def wilson(hits: float, trials: float, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share; `trials` may be an effective (fractional) number."""
    if trials <= 0:
        return undefined()
    share = hits / trials
    low, high = _wilson_bounds(share, trials, level)
    return Interval(share, low, high, int(trials), int(trials), IntervalMethod.WILSON, level)


def _wilson_bounds(share: float, trials: float, level: float) -> tuple[float, float]:
    z = float(ndtri((1 + level) / 2))
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def wilson_by_family(hits: npt.ArrayLike, families: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share of N items, at the effective number that the families leave.

    The design effect is 1 + (m − 1)·ICC (Kish 1965), with the intraclass correlation by analysis of variance
    (Donner 1986), not below 0, and m the mean family size weighted by size. Where all or none
    hit, the correlation cannot be estimated and each family counts as one item.
    """
    flags = np.asarray(hits, dtype=float)
    if flags.size == 0:
        return undefined()
    sums, sizes = family_sums(flags[:, None], families)
    count, items = sizes.size, int(flags.size)
    share = float(flags.mean())
    if count < 2:
        return undefined(count, items, share)
    effective = items / design_effect(sums[:, 0], sizes)
    low, high = _wilson_bounds(share, effective, level)
    return Interval(share, low, high, count, items, IntervalMethod.WILSON, level)


def design_effect(hits_F: Floats, sizes_F: Ints) -> float:
    """How many times larger the variance of a share is than for as many independent items (≥ 1)."""
    items, count = float(sizes_F.sum()), sizes_F.size
    weighted = float((sizes_F.astype(float) ** 2).sum()) / items
    if items == count:
        return 1.0
    share = float(hits_F.sum()) / items
    if share in (0.0, 1.0):
        return items / count
    rates = hits_F / sizes_F
    between = float((sizes_F * (rates - share) ** 2).sum()) / (count - 1)
    within = float((sizes_F * rates * (1 - rates)).sum()) / (items - count)
    typical = (items - weighted) / (count - 1)
    correlation = (between - within) / (between + (typical - 1) * within) if between + within > 0 else 0.0
    return 1.0 + (weighted - 1.0) * min(1.0, max(0.0, correlation))


def families_to_decide(found: Interval, target: float) -> int | None:
    """How many families would bring the interval clear of `target` if the figure stayed as it is.

    The side facing the target shrinks with the square root of the number of families; for a share by
    Wilson's interval the number is found by search. None where the figure sits on the target or
    there is no interval.
    """
    if found.value is None or found.low is None or found.high is None or found.value == target:
        return None
    if found.low > target or found.high < target:
        return found.families
    if found.method is IntervalMethod.WILSON:
        return _wilson_decides(found, target)
    half = found.value - found.low if found.value > target else found.high - found.value
    return math.ceil(found.families * (half / abs(found.value - target)) ** 2 - 1e-6)


def _wilson_decides(found: Interval, target: float) -> int:
    per_family = _effective_trials(found) / found.families
    step = 1
    while not _clear(found, target, per_family * (found.families + step)):
        step *= 2
    low, high = found.families + step // 2, found.families + step
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _clear(found, target, per_family * middle) else (middle + 1, high)
    return low


def _clear(found: Interval, target: float, trials: float) -> bool:
    low, high = _wilson_bounds(found.value or 0.0, trials, found.level)
    return low > target or high < target


def _effective_trials(found: Interval) -> float:
    """Trials at which Wilson's interval has the given width: the inverse of `_wilson_bounds`."""
    width = (found.high or 0.0) - (found.low or 0.0)
    low, high = 1e-6, 1e12
    for _ in range(200):
        middle = math.sqrt(low * high)
        a, b = _wilson_bounds(found.value or 0.0, middle, found.level)
        low, high = (middle, high) if b - a > width else (low, middle)
    return low
