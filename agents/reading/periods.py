"""Calendar arithmetic behind relative dates: weeks, neighbouring periods, the occurrence that is meant.

A period that no precision can express (a week, a weekend) becomes the smallest month, quarter or year
that contains it, so that a result is never finer than what was said; across a year's end it is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

from corpus.dates import EventDate, Precision, add_months

MONTHS_OF_UNIT = {"month": 1, "quarter": 3, "year": 12}
PRECISION_OF_UNIT = {"month": Precision.MONTH, "quarter": Precision.QUARTER, "year": Precision.YEAR}


class Tense(StrEnum):
    """Which side of the publication a clause speaks of."""

    PAST = "past"
    FUTURE = "future"
    OPEN = "open"
    """No cue."""


def smallest_period(first: date, last: date) -> EventDate | None:
    """The finest month, quarter or year that holds both days; None where they lie in two years."""
    for precision in (Precision.MONTH, Precision.QUARTER, Precision.YEAR):
        period = EventDate(first, precision)
        if last <= period.last_day:
            return period
    return None


def week_of(day: date) -> EventDate | None:
    """The period that contains the week (Monday to Sunday) of a day."""
    monday = day - timedelta(days=day.weekday())
    return smallest_period(monday, monday + timedelta(days=6))


def weekend_of(day: date) -> EventDate | None:
    """The period that contains Saturday and Sunday of a day's week."""
    saturday = day + timedelta(days=5 - day.weekday())
    return smallest_period(saturday, saturday + timedelta(days=1))


def shifted(day: date, count: int, unit: str) -> EventDate | None:
    """`count` units from a day, as finely as the unit allows (a week: the period holding that week)."""
    if unit == "day":
        return EventDate(day + timedelta(days=count))
    if unit == "week":
        return week_of(day + timedelta(weeks=count))
    return EventDate(add_months(day, count * MONTHS_OF_UNIT[unit]), PRECISION_OF_UNIT[unit])


def weekday_near(day: date, weekday: int, tense: Tense) -> date:
    """The last such weekday up to `day`, or for the future the first one from the day after on."""
    if tense is Tense.FUTURE:
        return day + timedelta(days=(weekday - day.weekday() - 1) % 7 + 1)
    return day - timedelta(days=(day.weekday() - weekday) % 7)


def occurrence(choices: Iterable[EventDate], reference: date, tense: Tense) -> EventDate | None:
    """Which of several years' occurrences a text published on `reference` means.

    The past takes the last that had begun (a day of grace for time zones), the future the first not yet
    over. Without a cue the nearer one wins, the future one only where it is less than half as far.
    """
    ordered = sorted(choices)
    past = [c for c in ordered if c.first_day <= reference + timedelta(days=1)]
    future = [c for c in ordered if c.last_day >= reference]
    if tense is Tense.PAST or not future:
        return past[-1] if past else None
    if tense is Tense.FUTURE or not past:
        return future[0]
    back = (reference - past[-1].last_day).days
    ahead = (future[0].first_day - reference).days
    return future[0] if 2 * ahead < back else past[-1]
