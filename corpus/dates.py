"""Dates of events, with the precision to which they are known.

An `EventDate` is a calendar period: a day, a month, a quarter or a year. Its text form is `2022-06-15`,
`2022-06`, `2022-Q2` or `2022`; that form is what stands in files and what is hashed. Reading dates out
of prose is `corpus.text` (explicit ones) and `agents.reading` (relative ones).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache, total_ordering
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from corpus.errors import InvalidDate

MIN_YEAR, MAX_YEAR = 1000, 2999


class Precision(StrEnum):
    """How finely a date is known."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_FORM = re.compile(r"(?P<y>\d{4})(?:-(?:Q(?P<q>[1-4])|(?P<m>\d{2})(?:-(?P<d>\d{2}))?))?")
_MONTHS_IN = {Precision.MONTH: 1, Precision.QUARTER: 3, Precision.YEAR: 12}


@total_ordering
@dataclass(frozen=True, slots=True)
class EventDate:
    """A calendar period: `first_day` and the precision that says how long it is."""

    first_day: date
    precision: Precision = Precision.DAY

    def __post_init__(self) -> None:
        if not MIN_YEAR <= self.first_day.year <= MAX_YEAR:
            raise InvalidDate(f"{self.first_day.isoformat()} is outside the years {MIN_YEAR} to {MAX_YEAR}.")
        object.__setattr__(self, "first_day", _floor(self.first_day, self.precision))

    @classmethod
    def parse(cls, text: str) -> EventDate:
        """Read `2022-06-15`, `2022-06`, `2022-Q2` or `2022`; raise `InvalidDate` for anything else."""
        return _parsed(text.strip())

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        if self.precision is Precision.DAY:
            return self.first_day
        months = _MONTHS_IN[self.precision]
        last_month = self.first_day.month + months - 1
        return date(self.first_day.year, last_month, calendar.monthrange(self.first_day.year, last_month)[1])

    def end(self) -> datetime:
        """The last second of the period, UTC: the as-of of whatever follows from it."""
        return end_of_day(self.last_day)

    def contains(self, other: EventDate) -> bool:
        """Whether `other` lies wholly within this period."""
        return self.first_day <= other.first_day and other.last_day <= self.last_day

    def overlaps(self, other: EventDate) -> bool:
        """Whether the two periods share a day."""
        return self.first_day <= other.last_day and other.first_day <= self.last_day

    def surely_before(self, other: EventDate) -> bool:
        """Whether every day of this period precedes every day of `other`."""
        return self.last_day < other.first_day

    def days_to(self, other: EventDate) -> int:
        """Days between the nearest days of the two periods (0 where they overlap)."""
        if self.overlaps(other):
            return 0
        later, earlier = (other, self) if self < other else (self, other)
        return (later.first_day - earlier.last_day).days

    def __lt__(self, other: EventDate) -> bool:
        return (self.first_day, self.last_day) < (other.first_day, other.last_day)

    def __str__(self) -> str:
        day = self.first_day
        match self.precision:
            case Precision.DAY:
                return day.isoformat()
            case Precision.MONTH:
                return f"{day.year:04d}-{day.month:02d}"
            case Precision.QUARTER:
                return f"{day.year:04d}-Q{(day.month + 2) // 3}"
            case Precision.YEAR:
                return f"{day.year:04d}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _from_any, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "description": "2022-06-15, 2022-06, 2022-Q2 or 2022"}


@lru_cache(maxsize=4_096)  # a case names the same days again and again
def _parsed(text: str) -> EventDate:
    found = _FORM.fullmatch(text)
    if not found:
        raise InvalidDate(f"{text!r} is not a date; write it as 2022-06-15, 2022-06, 2022-Q2 or 2022.")
    year, quarter, month, day = (int(part) if part else 0 for part in found.group("y", "q", "m", "d"))
    try:
        if day:
            return EventDate(date(year, month, day), Precision.DAY)
        if month:
            return EventDate(date(year, month, 1), Precision.MONTH)
        if quarter:
            return EventDate(date(year, 3 * quarter - 2, 1), Precision.QUARTER)
        return EventDate(date(year, 1, 1), Precision.YEAR)
    except ValueError as error:
        raise InvalidDate(f"{text!r} is not a date: {error}.") from error


def _from_any(value: Any) -> EventDate:
    if isinstance(value, EventDate):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return EventDate(value)
    if isinstance(value, str):
        return EventDate.parse(value)
    raise InvalidDate(f"{value!r} is not a date; write it as 2022-06-15, 2022-06, 2022-Q2 or 2022.")


def _floor(day: date, precision: Precision) -> date:
    match precision:
        case Precision.DAY:
            return day
        case Precision.MONTH:
            return day.replace(day=1)
        case Precision.QUARTER:
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case Precision.YEAR:
            return date(day.year, 1, 1)


def end_of_day(day: date) -> datetime:
    """The last second of a day, UTC."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def months_between(earlier: EventDate, later: EventDate) -> int:
    """12·Δyear + Δmonth, the seeds' count of months."""
    return 12 * (later.first_day.year - earlier.first_day.year) + (
        later.first_day.month - earlier.first_day.month
    )


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the month's last day where that month is shorter."""
    month0 = day.month - 1 + months
    year, month = day.year + month0 // 12, month0 % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def horizon_end(parent: EventDate, months: int) -> date:
    """The last day on which an outcome still belongs to a level: `months` after the parent's last day."""
    return add_months(parent.last_day, months)


def day_before(day: date) -> date:
    """The day before."""
    return day - timedelta(days=1)
