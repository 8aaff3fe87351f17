"""From the answers of several orders to one estimate an option: mean, interval from the spread, recall.

The interval is where one more order's answer would lie: mean ± 2·s·√(1 + 1/n) with s the standard deviation
over n orders, at least `LEAST_HALF_WIDTH` to each side and never narrower than the answers themselves. It
measures how steady the model is, not how right. Where a probe without evidence was already confident, the
interval also takes in the share of someone who knows nothing (1/K), and the estimate is tagged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RECALL_FROM = 0.7
"""Share on one option from which a probe without evidence counts as confident."""
LEAST_HALF_WIDTH = 0.02
_SPREADS = 2.0


@dataclass(frozen=True)
class Weighed:
    """One option's probability with its interval."""

    value: float
    low: float
    high: float


def pooled_orders(answers: Sequence[Sequence[float]], *, recall_risk: bool) -> list[Weighed]:
    """N answers over K options (each sums to about 1) → K estimates whose values sum to 1."""
    shares = [[p / math.fsum(row) for p in row] for row in answers]
    options = len(shares[0])
    return [_weighed([row[k] for row in shares], 1 / options, recall_risk) for k in range(options)]


def is_recall(probe: Sequence[float]) -> bool:
    """Whether a probe without evidence is confident of one option."""
    return max(probe) / math.fsum(probe) >= RECALL_FROM


def _weighed(values: Sequence[float], nothing_known: float, recall_risk: bool) -> Weighed:
    n = len(values)
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else 0.0
    half = max(_SPREADS * spread * math.sqrt(1 + 1 / n), LEAST_HALF_WIDTH)
    low, high = min(mean - half, *values), max(mean + half, *values)
    if recall_risk:
        low, high = min(low, nothing_known), max(high, nothing_known)
    return Weighed(mean, max(0.0, low), min(1.0, high))
