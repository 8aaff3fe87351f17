"""Figures from columns: one resampling of families gives the intervals of all figures of a table.

A column holds one number a level; a figure is a function of columns' totals. Two tables of the same
levels can be compared by the same figures.

Does not cover: which columns and figures a mode has (`evaluation.scoring`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from corpus.intervals import REPLICATES, Interval, bootstrap, family_sums
from evaluation.metrics import Floats

Totals = Mapping[str, Floats]
"""Column name → totals (B,)."""
Figure = Callable[[Totals], Floats]


@dataclass
class FigureTable:
    """Columns (N,) each, and the figures that are made of their totals."""

    families: npt.NDArray[np.str_]
    columns: dict[str, Floats] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    def add(self, name: str, values: npt.ArrayLike) -> None:
        """Add a column; NaN (not scored) counts as 0, so give the figure a counting column too."""
        self.columns[name] = np.nan_to_num(np.asarray(values, dtype=float), nan=0.0)

    def mean_of(
        self, figure: str, values: npt.ArrayLike, then: Callable[[Floats], Floats] | None = None
    ) -> None:
        """A figure that is a function of the mean of the values that are scored (not NaN)."""
        raw = np.asarray(values, dtype=float)
        self.add(f"{figure} sum", raw)
        self.add(f"{figure} count", ~np.isnan(raw))
        self.figures[figure] = _mean(f"{figure} sum", f"{figure} count", then)

    def sums(self) -> tuple[Floats, int]:
        """Family sums (F, C) in the order of the columns, and the number of levels."""
        stacked = np.column_stack(list(self.columns.values()))
        return family_sums(stacked, self.families)[0], len(self.families)

    def evaluate(self, totals_BC: Floats, wanted: Sequence[str]) -> Floats:
        """Figures (B, len(wanted)) from totals in the order of the columns."""
        named = {name: totals_BC[:, c] for c, name in enumerate(self.columns)}
        return np.column_stack([self.figures[figure](named) for figure in wanted])

    def intervals(self, replicates: int = REPLICATES) -> dict[str, Interval]:
        """Every figure with its interval."""
        wanted = list(self.figures)
        sums, items = self.sums()
        found = bootstrap(sums, items, lambda totals: self.evaluate(totals, wanted), replicates=replicates)
        return dict(zip(wanted, found, strict=True))


def _mean(total: str, count: str, then: Callable[[Floats], Floats] | None) -> Figure:
    def figure(totals: Totals) -> Floats:
        mean = totals[total] / totals[count]
        return then(mean) if then else mean

    return figure
