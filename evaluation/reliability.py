"""Calibration errors: reliability in bins, ECE and its null distribution, decomposition of the Brier score.

An ECE is never judged against 0: with n forecasts even a perfectly calibrated forecaster shows one (0.066
on average at n = 200 and ten bins). `ece_null` says what to expect at just these forecasts.

The null distribution draws levels independently of each other. That holds along a chain (its levels are
asked one after the other) and not between two cases of one family, where it makes the null band too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from evaluation.metrics import Floats, Forecasts, Ints

BINS = 10
DRAWS = 1_000
"""Draws of the null distribution; fewer for many levels, where it is narrow, but never under 200."""
_DRAWN_LEVELS = 20_000_000
ALPHA = 0.05
"""Chance with which a perfectly calibrated forecaster is called miscalibrated: the stated rate."""


class Binning(StrEnum):
    """How probabilities are put into bins."""

    EQUAL_WIDTH = "equal_width"
    """Bins of width 1/10."""
    EQUAL_MASS = "equal_mass"
    """Bins with as many forecasts each; equal values stay together."""


@dataclass(frozen=True)
class Reliability:
    """Per bin (B,): how many forecasts, their mean probability, how often it happened; NaN where empty."""

    count_B: Ints
    forecast_B: Floats
    observed_B: Floats

    @property
    def ece(self) -> float:
        """Expected calibration error: Σ n_b/n · |observed − forecast|. Naeini et al. (2015)."""
        filled = self.count_B > 0
        gap = np.abs(self.observed_B[filled] - self.forecast_B[filled])
        return float((self.count_B[filled] * gap).sum() / max(1, self.count_B.sum()))


@dataclass(frozen=True)
class NullBand:
    """What a perfectly calibrated forecaster would show at the same forecasts."""

    mean: float
    limit: float
    """The 1 − alpha quantile: exceeded by chance with probability alpha."""
    alpha: float
    p_value: float
    """How often chance alone shows at least the ECE that was found."""
    low_B: Floats
    high_B: Floats
    """Per bin, the band in which 1 − alpha of the observed frequencies lie."""


@dataclass(frozen=True)
class Decomposition:
    """Brier score of yes/no forecasts = reliability − resolution + uncertainty, over distinct values."""

    reliability: float
    resolution: float
    uncertainty: float
    values: int
    """Distinct forecast values; where each stands alone, only the sum of the parts means anything."""

    @property
    def brier(self) -> float:
        """The score that the three parts add up to."""
        return self.reliability - self.resolution + self.uncertainty


def bin_index(probability_P: Floats, binning: Binning, bins: int = BINS) -> Ints:
    """The bin of each probability (P,)."""
    if binning is Binning.EQUAL_WIDTH:
        return np.minimum((probability_P * bins).astype(np.int64), bins - 1)
    edges = np.quantile(probability_P, np.arange(1, bins) / bins) if probability_P.size else np.zeros(0)
    return np.searchsorted(np.unique(edges), probability_P, side="right").astype(np.int64)


def reliability(
    probability_P: Floats,
    outcome_P: Floats,
    binning: Binning = Binning.EQUAL_WIDTH,
    bins: int = BINS,
) -> Reliability:
    """Forecast against frequency, bin by bin."""
    index = bin_index(probability_P, binning, bins)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        forecast = np.bincount(index, weights=probability_P, minlength=bins) / count
        observed = np.bincount(index, weights=outcome_P, minlength=bins) / count
    return Reliability(count, forecast, observed)


def ece(found: Forecasts, binning: Binning = Binning.EQUAL_WIDTH, bins: int = BINS) -> float:
    """Expected calibration error over every option as a yes/no question."""
    p, y, _ = found.pairs()
    return reliability(p, y, binning, bins).ece


def ece_null(
    found: Forecasts,
    binning: Binning = Binning.EQUAL_WIDTH,
    *,
    draws: int = DRAWS,
    alpha: float = ALPHA,
    seed: int = 0,
) -> NullBand:
    """Draw what happens from the forecasts themselves, `draws` times, and measure the ECE each time.

    One option of each level happens in each draw, so that the options of a level are as dependent as
    they really are. The idea of a consistency band: Bröcker and Smith (2007).
    """
    return ece_nulls(found, (binning,), draws=draws, alpha=alpha, seed=seed)[binning]


def ece_nulls(
    found: Forecasts,
    binnings: Sequence[Binning],
    *,
    draws: int = DRAWS,
    alpha: float = ALPHA,
    seed: int = 0,
) -> dict[Binning, NullBand]:
    """`ece_null` for several binnings from the same draws."""
    p, _, level = found.pairs()
    indices = [bin_index(p, binning) for binning in binnings]
    draws = min(draws, max(200, _DRAWN_LEVELS // max(1, found.size)))
    happened = _drawn(found, indices, level, draws, seed)
    return {
        binning: _band(found, binning, indices[i], happened[i], alpha) for i, binning in enumerate(binnings)
    }


def _band(found: Forecasts, binning: Binning, index_P: Ints, happened: Floats, alpha: float) -> NullBand:
    p, y, _ = found.pairs()
    count = np.bincount(index_P, minlength=BINS)
    expected = np.bincount(index_P, weights=p, minlength=BINS)
    errors = np.abs(happened - expected).sum(axis=1) / max(1, len(p))
    shown = reliability(p, y, binning).ece
    with np.errstate(invalid="ignore", divide="ignore"):
        band = np.quantile(happened, [alpha / 2, 1 - alpha / 2], axis=0) / count
    return NullBand(
        mean=float(errors.mean()),
        limit=float(np.quantile(errors, 1 - alpha)),
        alpha=alpha,
        p_value=float((1 + (errors >= shown - 1e-12).sum()) / (1 + len(errors))),
        low_B=band[0],
        high_B=band[1],
    )


def _drawn(found: Forecasts, indices: Sequence[Ints], level_P: Ints, draws: int, seed: int) -> Floats:
    """How many happened in each bin, in each draw (binnings, draws, bins)."""
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(found.probability_NK, axis=1)
    cumulative /= cumulative[:, -1:]
    edges = np.ascontiguousarray(cumulative.T)
    width = found.listed_NK.shape[1]
    first = np.concatenate([[0], np.cumsum(np.bincount(level_P, minlength=found.size))])[:-1]
    option = np.arange(len(level_P)) - first[level_P]
    bin_of = np.full((len(indices), found.size, width), BINS, dtype=np.int64)
    for i, index in enumerate(indices):
        bin_of[i, level_P, option] = index
    flat = bin_of.reshape(len(indices), -1)
    result = np.empty((len(indices), draws, BINS))
    rows = np.arange(found.size) * width
    for draw in range(draws):
        u = rng.random(found.size)
        chosen = rows.copy()
        for k in range(width - 1):
            chosen += u >= edges[k]
        for i in range(len(indices)):
            result[i, draw] = np.bincount(flat[i][chosen], minlength=BINS + 1)[:BINS]
    return result


def decompose(probability_P: npt.ArrayLike, outcome_P: npt.ArrayLike) -> Decomposition:
    """Murphy's decomposition (1973) over the distinct forecast values, where it is an identity.

    In bins it is only approximate; the identity is checked here and a failure is an error.
    """
    p, y = np.asarray(probability_P, dtype=float), np.asarray(outcome_P, dtype=float)
    values, index = np.unique(p, return_inverse=True)
    count = np.bincount(index)
    observed = np.bincount(index, weights=y) / count
    base = float(y.mean())
    parts = Decomposition(
        reliability=float((count * (values - observed) ** 2).sum() / len(p)),
        resolution=float((count * (observed - base) ** 2).sum() / len(p)),
        uncertainty=base * (1 - base),
        values=len(values),
    )
    direct = float(((p - y) ** 2).mean())
    if not math.isclose(parts.brier, direct, rel_tol=1e-9, abs_tol=1e-9):
        raise ArithmeticError(f"Brier parts add up to {parts.brier!r} instead of {direct!r}.")
    return parts
