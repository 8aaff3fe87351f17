"""Metrics: pure functions of probabilities and of what happened.

Axis letters: _N levels, _K options of a level (Z is the last listed one), _P pairs of a probability and a
0/1 outcome. Probabilities of 0 and 1 are legal: the quadratic scores stay finite, `log_loss` is infinite for
a zero on what happened unless a floor is given, calibration counts them like any other value.

Nothing here is called just "Brier" or "perplexity": `brier_binary` averages over yes/no questions,
`brier_sum` adds up over the options of a level; `perplexity` belongs to mode `given`, `event_perplexity` to
`generated`, `token_perplexity` to the language model itself.

Does not cover: intervals (`corpus.intervals`), calibration errors (`evaluation.reliability`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpus.errors import InvalidInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LOG_FLOOR = 0.5e-4
"""Where reports floor a probability in `log_loss`: half a basis point, below which 0 is written."""
EVENT_FLOOR = 0.01
"""The floor of `event_loss`, the same for every model: what an unforeseen event costs (4.6 nats)."""


@dataclass(frozen=True)
class Forecasts:
    """Distributions of N levels over up to K options, Z included, and which option happened."""

    probability_NK: Floats
    """Zero where an option is not listed."""
    listed_NK: Bools
    outcome_N: Ints
    binary: bool = False
    """Yes/no questions: option 1 (Z) mirrors option 0, so that pairs are counted once."""

    def __post_init__(self) -> None:
        p = self.probability_NK
        if not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
            raise InvalidInput("A probability is NaN or outside 0..1; correct it before scoring.")
        if (np.abs(p.sum(axis=1) - 1) > 2e-3).any():
            raise InvalidInput("A level's probabilities do not sum to 1 with Z; correct them before scoring.")

    @property
    def size(self) -> int:
        """Number of levels."""
        return len(self.outcome_N)

    @property
    def options_N(self) -> Ints:
        """Options of each level, Z included."""
        return np.asarray(self.listed_NK.sum(axis=1), dtype=np.int64)

    @property
    def happened_NK(self) -> Floats:
        """1 for the option that happened, 0 for the others."""
        return np.asarray(np.arange(self.listed_NK.shape[1]) == self.outcome_N[:, None], dtype=float)

    @property
    def on_outcome_N(self) -> Floats:
        """The probability that was on what happened."""
        return np.asarray(self.probability_NK[np.arange(self.size), self.outcome_N])

    def pairs(self) -> tuple[Floats, Floats, Ints]:
        """Every option as a yes/no question: probabilities, outcomes and level indices, each (P,)."""
        asked = self.listed_NK.copy()
        if self.binary:
            asked[:, 1:] = False
        level, option = np.nonzero(asked)
        return self.probability_NK[level, option], self.happened_NK[level, option], level

    def at(self, rows: npt.NDArray[np.generic]) -> Forecasts:
        """The forecasts of some levels (mask or indices)."""
        return Forecasts(self.probability_NK[rows], self.listed_NK[rows], self.outcome_N[rows], self.binary)


def forecasts(
    distributions: Sequence[Sequence[float]], outcomes: Sequence[int], *, binary: bool = False
) -> Forecasts:
    """Pack ragged distributions (each sums to 1, Z last) and the indices of what happened."""
    if len(distributions) != len(outcomes):
        raise InvalidInput(f"{len(distributions)} distributions do not fit {len(outcomes)} outcomes.")
    width = max((len(row) for row in distributions), default=1)
    probability = np.zeros((len(distributions), width))
    listed = np.zeros_like(probability, dtype=bool)
    for n, row in enumerate(distributions):
        probability[n, : len(row)] = row
        listed[n, : len(row)] = True
        if not 0 <= outcomes[n] < len(row):
            raise InvalidInput(f"Outcome {outcomes[n]} is no option of a level with {len(row)} options.")
    return Forecasts(probability, listed, np.asarray(outcomes, dtype=np.int64), binary)


def binary_forecasts(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> Forecasts:
    """Yes/no forecasts: probability of yes (N,) and whether it happened (N,)."""
    p = np.asarray(probabilities, dtype=float)
    y = np.asarray(outcomes, dtype=float)
    return Forecasts(
        np.column_stack([p, 1 - p]), np.ones((len(p), 2), dtype=bool), (1 - y).astype(np.int64), True
    )


def uniform(like: Forecasts) -> Forecasts:
    """The forecaster who knows nothing: equal shares for all options and Z."""
    share = like.listed_NK / like.listed_NK.sum(axis=1, keepdims=True)
    return Forecasts(share, like.listed_NK, like.outcome_N, like.binary)


def log_loss(found: Forecasts, floor: float = 0.0) -> Floats:
    """−ln max(p on what happened, floor) of each level, in nats (N,); infinite for p = 0 without a floor.

    Good (1952), "Rational decisions". With a floor the score is proper only for probabilities above it.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.maximum(found.on_outcome_N, floor))) + 0.0


def log_score(found: Forecasts, floor: float = 0.0) -> Floats:
    """ln max(p on what happened, floor) of each level (N,): the log loss with the sign of a score."""
    return -log_loss(found, floor)


def perplexity(mean_log_loss: float) -> float:
    """exp of a mean log loss: the number of equally likely options that would be as surprising."""
    return math.exp(mean_log_loss)


def brier_sum(found: Forecasts) -> Floats:
    """Σ over options of (p − y)² of each level (N,), 0 to 2. Brier (1950), original form."""
    return np.asarray(((found.probability_NK - found.happened_NK) ** 2).sum(axis=1))


def brier_binary(found: Forecasts) -> float:
    """Mean (p − y)² with each option as a yes/no question, 0 to 1.

    Uniform over six options scores 0.139: a low value alone proves little.
    """
    return float(brier_sum(found).sum() / found.options_N.sum())


def top_accuracy(found: Forecasts) -> Floats:
    """Whether the likeliest option happened, of each level (N,); a tie of m options counts 1/m."""
    top = found.probability_NK.max(axis=1, keepdims=True)
    tied = np.isclose(found.probability_NK, top, rtol=0, atol=1e-12) & found.listed_NK
    hit = tied[np.arange(found.size), found.outcome_N]
    return np.asarray(hit / tied.sum(axis=1))


def sharpness(found: Forecasts) -> Floats:
    """1 − entropy / ln(options) of each level (N,): 0 for uniform, 1 for certainty. Says nothing of truth."""
    p = found.probability_NK
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0).sum(axis=1)
    return np.asarray(1 - entropy / np.log(np.maximum(found.options_N, 2)))


def skill(score: float, reference: float) -> float | None:
    """1 − score / reference for a score where less is better; None where the reference is perfect."""
    return 1 - score / reference if reference > 0 else None


def event_loss(probability_N: npt.ArrayLike) -> Floats:
    """−ln max(p, 0.01) of each level (N,), p summed over the branches that match, 0 without a match."""
    return np.asarray(-np.log(np.maximum(np.asarray(probability_N, dtype=float), EVENT_FLOOR)))


def generated_brier_sum(probabilities: Sequence[float], matched: Sequence[bool]) -> float:
    """Quadratic score of one generated list: matching branches are one option, what none matches has p = 0.

    (1 − Σ matching p)² + Σ p² over the others. Z is no term.
    """
    hit = math.fsum(p for p, match in zip(probabilities, matched, strict=True) if match)
    return (1 - hit) ** 2 + math.fsum(
        p * p for p, match in zip(probabilities, matched, strict=True) if not match
    )


def token_perplexity(log_probabilities: npt.ArrayLike, tokens: npt.ArrayLike) -> float | None:
    """exp(−Σ ln p / Σ tokens) over texts; None where there is no token."""
    count = float(np.sum(tokens))
    return math.exp(-float(np.sum(log_probabilities)) / count) if count else None


def ranked_probability_score(edges: Sequence[int], shares: Sequence[float], months: int) -> float:
    """Ranked probability score of a *when* distribution, 0 (sure and right) to 1. Epstein (1969).

    `edges` are the upper ends of the steps in months, rising; `shares` sum to 1. Mean over all edges but the
    last of (P(within edge) − 1[months ≤ edge])²; later than the last edge counts as the last step. 0 where
    there is only one step.
    """
    if len(edges) != len(shares) or not edges:
        raise InvalidInput(f"{len(edges)} steps do not fit {len(shares)} shares.")
    if len(edges) == 1:
        return 0.0
    cumulative = np.cumsum(np.asarray(shares, dtype=float))[:-1]
    within = np.asarray([months <= edge for edge in edges[:-1]], dtype=float)
    return float(np.mean((cumulative - within) ** 2))


def auroc(probability_P: npt.ArrayLike, outcome_P: npt.ArrayLike) -> float | None:
    """Chance that what happened has the higher probability of a random pair (ties ½).

    Mann and Whitney (1947). None where all or none happened.
    """
    p, y = np.asarray(probability_P, dtype=float), np.asarray(outcome_P, dtype=float)
    placed = placements(p, y)
    return None if np.isnan(placed).any() or not placed.size else float(placed[y == 1].mean())


def placements(probability_P: Floats, outcome_P: Floats) -> Floats:
    """Placement values (P,): for what happened the share of the others below it, for the others the share of
    what happened above them (ties ½). Their means over either group are the AUROC. Hanley and
    Hajian-Tilaki (1997). NaN where all or none happened.
    """
    p, y = probability_P, outcome_P.astype(bool)
    above, below = np.sort(p[y]), np.sort(p[~y])
    values = np.full(len(p), np.nan)
    if not len(above) or not len(below):
        return values
    values[y] = (np.searchsorted(below, p[y], "left") + np.searchsorted(below, p[y], "right")) / (
        2 * len(below)
    )
    values[~y] = 1 - (np.searchsorted(above, p[~y], "left") + np.searchsorted(above, p[~y], "right")) / (
        2 * len(above)
    )
    return values


def pooled_distance(predicted: npt.ArrayLike, stored: npt.ArrayLike) -> tuple[float, float] | None:
    """Mean absolute and root mean square distance of predicted to stored probabilities; None where empty."""
    away = np.asarray(predicted, dtype=float) - np.asarray(stored, dtype=float)
    if not away.size:
        return None
    return float(np.abs(away).mean()), float(np.sqrt((away**2).mean()))
