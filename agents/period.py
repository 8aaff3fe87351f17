"""Periods as people type them: "2018-2022", "2018-03..2019-06", "2020-01-01 to 2020-06-30", "2021"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from corpus.dates import EventDate
from corpus.errors import InvalidDate, InvalidPeriod

_PART = r"\d{4,}(?:-\d{2}(?:-\d{2})?|-Q[1-4])?"
_SPAN = re.compile(rf"(?P<first>{_PART})\s*(?:\.\.|:|–|—|\bto\b|-)\s*(?P<last>{_PART})")


@dataclass(frozen=True)
class Period:
    """A stretch of time, both ends included."""

    first: EventDate
    last: EventDate

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def parse_period(text: str) -> Period:
    """Read a period of years, quarters, months or days; raises InvalidPeriod with what to type instead."""
    span = _SPAN.fullmatch(text.strip())
    try:
        first = EventDate.parse(span["first"] if span else text)
        last = EventDate.parse(span["last"]) if span else first
    except InvalidDate as fault:
        raise InvalidPeriod(
            f"{text!r} is not a period: {fault} "
            "Type for instance 2018-2022, 2018-03..2019-06 or 2020-01-01..2020-06-30."
        ) from fault
    if last.last_day < first.first_day:
        raise InvalidPeriod(
            f"The period {text!r} ends before it starts; type {last}..{first} if you meant that."
        )
    return Period(first, last)
