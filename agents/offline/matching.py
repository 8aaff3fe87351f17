"""Whether two wordings tell of one event, for the offline roles: `agents.reading.same_event` and its threshold."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from agents.reading.same_event import same_event, threshold
from corpus.dates import EventDate


@lru_cache(maxsize=200_000)
def same(a: str, b: str, date_a: EventDate | None = None, date_b: EventDate | None = None) -> bool:
    """Whether two wordings are taken for one event; dates count where both are given."""
    return same_event(a, b, date_a=date_a, date_b=date_b) >= threshold()


def same_as_any(text: str, others: Iterable[str]) -> bool:
    """Whether a wording is taken for the event of any other, dates aside."""
    return any(same(text, other) for other in others)
