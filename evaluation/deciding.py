"""When one model is better than another: the one rule by which stages are favoured and models promoted.

Two figures decide, fixed beforehand, so that their intervals need not be widened for all others: log loss (mode
`given`) and event loss (mode `generated`, the model's own lists). One must be better with its whole paired
interval, and none worse. The chance to favour a model that is no better is about 2.5 % a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from corpus.intervals import Interval
from evaluation.compare import Difference
from evaluation.prediction import Mode

DECISIVE = {Mode.GIVEN: "log_loss", Mode.GENERATED: "event_loss"}
MIN_FAMILIES = 6
"""With fewer a permutation test cannot reach 5 % at all, and a bootstrap interval is far too narrow."""


def decisive(rows: Mapping[Mode, Sequence[Difference]]) -> tuple[Difference, ...]:
    """The differences that decide, of those that both models were scored in."""
    return tuple(row for mode, found in rows.items() for row in found if row.figure == DECISIVE.get(mode))


def side(found: Interval) -> int:
    """On which side of 0 a whole interval lies: -1 below (better), 1 above, 0 neither or too few families."""
    if found.low is None or found.high is None or found.families < MIN_FAMILIES:
        return 0
    return -1 if found.high < 0 else 1 if found.low > 0 else 0


def is_better(differences: Iterable[Difference]) -> bool:
    """Whether the first model is shown to be better: one figure with its whole interval, and none worse."""
    sides = [side(found.difference) for found in differences]
    return -1 in sides and 1 not in sides
