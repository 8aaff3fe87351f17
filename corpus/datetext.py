"""Explicit dates in prose: "15 June 2022", "June 15, 2022", "2022-06-15", "Q2 2022", "June 2022", "in 2022".

Only what a text says by itself; dates that need the day of publication ("on Thursday", "last month",
"June 15" without a year) are found by `agents.reading`. All-figure dates with an ambiguous order
(03/04/2022) are left out: nobody can tell which day they name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from corpus.dates import MAX_YEAR, MIN_YEAR, EventDate, Precision
from corpus.errors import InvalidDate

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",),
            ("june", "jun"), ("july", "jul"), ("august", "aug"), ("september", "sept", "sep"),
            ("october", "oct"), ("november", "nov"), ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
MONTH_PATTERN = r"(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "final": 4}
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:1[0-9]|20|21)\d\d"
_RANGE = r"(?:[-–—/]|to|and)"


@dataclass(frozen=True, slots=True)
class DateMention:
    """A date as it stands in a text, at [start, end)."""

    date: EventDate
    start: int
    end: int
    text: str
    compared: bool = False
    """Something is only measured from or until it ("since 1981", "from a year earlier"); set by `agents.reading`."""


_FORMS: tuple[tuple[re.Pattern[str], Precision], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), precision)
    for pattern, precision in (
        (r"(?<![\d-])(?P<y>\d{4})-(?P<m>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])(?![\d-])", Precision.DAY),
        (r"(?<![\d/])(?P<y>\d{4})/(?P<m>0?[1-9]|1[0-2])/(?P<d>0?[1-9]|[12]\d|3[01])(?![\d/])", Precision.DAY),
        (rf"\b(?P<n>{MONTH_PATTERN})\s(?P<d>{_DAY})\s?{_RANGE}\s?(?P<e>{_DAY}),?\s(?P<y>{_YEAR})\b", Precision.DAY),
        (rf"\b(?P<d>{_DAY})\s?{_RANGE}\s?(?P<e>{_DAY})\s(?P<n>{MONTH_PATTERN}),?\s(?P<y>{_YEAR})\b", Precision.DAY),
        (rf"\b(?P<d>{_DAY})(?:\sof\s|[\s-])(?P<n>{MONTH_PATTERN})(?:,?\s|-)(?P<y>{_YEAR})\b", Precision.DAY),
        (rf"\b(?P<n>{MONTH_PATTERN})\s(?P<d>{_DAY}),?\s(?P<y>{_YEAR})\b", Precision.DAY),
        (r"(?<![\d/.])(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y>\d{4})(?![\d/.]|\d)", Precision.DAY),
        (rf"\bQ(?P<q>[1-4])\s?(?:of\s)?(?P<y>{_YEAR})\b|\b(?P<y2>{_YEAR})[\s-]?Q(?P<q2>[1-4])\b",
         Precision.QUARTER),
        (rf"\b(?P<q>[1-4])Q\s?(?P<y>{_YEAR})\b", Precision.QUARTER),
        (rf"\b(?P<o>first|second|third|fourth|final)[\s-]quarter\s(?:of\s)?(?P<y>{_YEAR})\b", Precision.QUARTER),
        (rf"\b(?P<n>{MONTH_PATTERN}),?\s(?:of\s)?(?P<y>{_YEAR})\b", Precision.MONTH),
        (r"(?<![\d-])(?P<y>\d{4})-(?P<m>0[1-9]|1[0-2])(?![\d-])", Precision.MONTH),
        (r"\b(?:in|since|during|by|until|of|for|from|end-|late|early|mid-?|year|through|"
         r"before|after|between|than|into|throughout|around|(?<=(?:19|20)\d\d\s)(?:to|and)|(?<=(?:19|20)\d\d)[-–])\s?"
         rf"(?P<y>{_YEAR})\b(?![.,]\d|\s?(?:%|percent|per cent|basis|dollars|people|jobs))", Precision.YEAR),
    )
)  # fmt: skip


_FOUR_FIGURES = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BEFORE_YEAR, _AFTER_YEAR = 32, 20
"""Characters around a year that any form can reach ("30th of September, 2022", "2022-06-15", lookahead)."""


def explicit_dates(text: str) -> list[DateMention]:
    """Dates that a text states fully, in order, each stretch of text used once; impossible ones left out."""
    found: list[DateMention] = []
    for start, end in _windows(text):
        spans: list[tuple[int, int]] = []
        for pattern, precision in _FORMS:
            for match in pattern.finditer(text, start, end):
                if any(match.start() < right and left < match.end() for left, right in spans):
                    continue
                found += _mentions(match, precision)
                spans.append(match.span())
    return sorted(found, key=lambda mention: mention.start)


def same_length_lower(text: str) -> str:
    """Lower case with every character in its place (a capital I with a dot would grow, and stays)."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _windows(text: str) -> list[tuple[int, int]]:
    """Stretches in which a date can stand: every form holds a year of four figures (the scan is 6 times faster)."""
    merged: list[tuple[int, int]] = []
    for year in _FOUR_FIGURES.finditer(text):
        start, end = max(0, year.start() - _BEFORE_YEAR), min(len(text), year.end() + _AFTER_YEAR)
        if merged and start < merged[-1][1]:
            start = merged.pop()[0]
        merged.append((start, end))
    return merged


def _mentions(match: re.Match[str], precision: Precision) -> list[DateMention]:
    """The date of a match; both ends of a range of days ("June 14-15, 2022"); none where it is no date."""
    parts = {key: value for key, value in match.groupdict().items() if value}
    year = int(parts.get("y") or parts["y2"])
    if not MIN_YEAR <= year <= MAX_YEAR:
        return []
    month, day = _month_and_day(parts, precision)
    start = match.start("y") if precision is Precision.YEAR else match.start()
    spans = [(day, start, match.end())]
    if "e" in parts:
        split = match.end("d")
        spans = [(day, start, split), (_figure(parts["e"]), match.start("e"), match.end())]
    try:
        return [
            DateMention(EventDate(date(year, month, d), precision), left, right, match.string[left:right])
            for d, left, right in spans
        ]
    except (ValueError, InvalidDate):
        return []


def _figure(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _month_and_day(parts: dict[str, str], precision: Precision) -> tuple[int, int]:
    """Month and day of a match; (0, 0), which is no date, where the order of figures is ambiguous."""
    if "a" in parts:
        first, second = int(parts["a"]), int(parts["b"])
        if first > 12 >= second or first == second:
            return second, first
        return (first, second) if second > 12 >= first else (0, 0)
    if precision is Precision.QUARTER:
        quarter = _ORDINALS.get(parts.get("o", "").lower()) or int(parts.get("q") or parts.get("q2") or 1)
        return 3 * quarter - 2, 1
    month = MONTHS[parts["n"].lower().rstrip(".")] if "n" in parts else int(parts.get("m", "1"))
    return month, _figure(parts.get("d", "1"))
