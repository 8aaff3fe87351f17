"""How often candidates of a kind happened when they were listed, among levels decided before a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from corpus.case import Case
from corpus.dates import horizon_end
from corpus.kinds import Kind, kind_of, same_kind

ENOUGH = 5
"""Listed candidates of a kind below which no rate is given."""
PRIOR_WEIGHT = 2.0
"""Listings that the uniform share counts for, so that a rate is never 0 or 1."""


@dataclass(frozen=True)
class Rate:
    """A base rate with its 95 % interval and the number of listings behind it."""

    value: float
    low: float
    high: float
    listed: int


@dataclass(frozen=True)
class _Listing:
    kind: Kind
    domain: str
    happened: bool
    decided: date


class BaseRates:
    """Built from the approved cases of a store."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._listings = [listing for case in cases for listing in _listings(case)]

    def rate(self, text: str, domain: str, options: int, before: datetime) -> Rate | None:
        """The rate for a candidate among `options` (Z included); None where too few were listed by then."""
        kind = kind_of(text)
        if not kind.words:
            return None
        fitting = [
            x for x in self._listings
            if x.domain == domain and x.decided <= before.date() and same_kind(kind, x.kind)
        ]  # fmt: skip
        if len(fitting) < ENOUGH:
            return None
        from corpus.intervals import wilson  # brings scipy, which most runs never need

        happened = sum(x.happened for x in fitting)
        value = (happened + PRIOR_WEIGHT / options) / (len(fitting) + PRIOR_WEIGHT)
        interval = wilson(happened, len(fitting))
        return Rate(value, min(value, interval.low or 0.0), max(value, interval.high or 1.0), len(fitting))


def _listings(case: Case) -> Iterable[_Listing]:
    for outcome in case.outcomes:
        parent = case.parent_date(outcome.depth)
        if parent is None:
            continue
        decided = outcome.date.last_day if outcome.date else horizon_end(parent, case.horizon_months)
        for candidate in outcome.candidates:
            yield _Listing(kind_of(candidate.text), case.domain, candidate.happened, decided)
