"""The forms in which English prose names a date relative to something: patterns and what each resolves to.

Every form is listed under the words it can begin with, so that a text is searched by its tokens and not
once per pattern. Patterns work on text in lower case; `capital` names the group whose first letter must be
a capital in the original ("May" is a month, "may" is not). A resolver returns None where the form cannot be
resolved; nothing is guessed to be finer than what was said. Explicit dates are `corpus.datetext`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from agents.reading.periods import (
    MONTHS_OF_UNIT,
    PRECISION_OF_UNIT,
    Tense,
    occurrence,
    shifted,
    smallest_period,
    week_of,
    weekday_near,
    weekend_of,
)
from corpus.dates import EventDate, Precision, add_months
from corpus.datetext import MONTH_PATTERN, MONTHS

WEEKDAYS = {
    name: number
    for number, name in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
}
_COUNTS = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), start=1
    )
} | {"a": 1, "an": 1}
_ORDER = {"first": 1, "second": 2, "third": 3, "fourth": 4, "final": 4,
          "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}  # fmt: skip
_HOLIDAYS = {"christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "boxing day": (12, 26),
             "new year's eve": (12, 31), "new year's day": (1, 1), "new year’s eve": (12, 31),
             "new year’s day": (1, 1), "independence day": (7, 4)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """What a relative date is resolved against."""

    reference: date
    """The day of publication; the last day of the period where it is known no finer."""
    finest: Precision | None
    """How finely the publication is known; None where it is not."""
    anchor: EventDate | None
    """The date that stands before in the text."""
    narrative: bool
    """Whether the text tells, around here, of a time long before its publication."""
    tense: Tense
    year: int | None
    """A year that the form shares with its neighbour, as "June" in "June and July 2022"."""


Resolver = Callable[["re.Match[str]", Setting], EventDate | None]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to name a date."""

    pattern: re.Pattern[str]
    resolve: Resolver
    capital: str = ""


_M = MONTH_PATTERN
_D = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?![\d%]|[.,]\d|\s(?:percent|per\scent|million|billion|years|points))"
_W = "|".join(WEEKDAYS)
_K = r"(?:\d{1,3}|" + "|".join(sorted(_COUNTS, key=len, reverse=True)) + r")"
_ENDS = r"(?=\s*(?:[.,;:)?!—–-]|$|\s(?:and|but|to|when|as|with|in|by|it|he|she|they|we)\b))"
_REL = r"(?P<rel>this\spast|this\scoming|last|this|next|(?:the\s)?previous|(?:the\s)?following|that)"
_OF_YEAR = r"(?:,?\s(?:of\s)?(?P<ry>last|this|next|the\ssame|that|the\sprevious|the\sfollowing|the)\syear\b)"


def _reference(setting: Setting, needs: Precision) -> date | None:
    """The day to count from, where the publication is known finely enough."""
    order = list(Precision)
    if setting.finest is None or order.index(setting.finest) > order.index(needs):
        return None
    return setting.reference


def _year_of(word: str | None, setting: Setting) -> int | None:
    """The year that "last year", "that year" name."""
    if word in ("the same", "that", "the previous", "the following"):
        if not setting.anchor:
            return None
        return setting.anchor.first_day.year + {"the previous": -1, "the following": 1}.get(word, 0)
    day = _reference(setting, Precision.YEAR)
    return day.year + {"last": -1, "next": 1}.get(word or "", 0) if day else None


def _dated(year: int, month: int, day: int | None) -> EventDate | None:
    try:
        return EventDate(date(year, month, day or 1), Precision.DAY if day else Precision.MONTH)
    except ValueError:
        return None


def _month_day(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "June 15", "15 June", "Wednesday, June 15", "June", "last June", "June of last year"."""
    parts = match.groupdict()
    month = MONTHS[parts["n"].rstrip(".")]
    day = int(re.sub(r"\D", "", parts["d"])) if parts.get("d") else None
    if parts.get("ry"):
        year = _year_of(parts["ry"], setting)
        return _dated(year, month, day) if year else None
    if setting.year:
        return _dated(setting.year, month, day)
    if setting.narrative and setting.anchor:
        return _told(setting.anchor, month, day)
    tense = {
        "last": Tense.PAST,
        "this past": Tense.PAST,
        "next": Tense.FUTURE,
        "this coming": Tense.FUTURE,
    }.get(parts.get("rel") or "", setting.tense)
    return _nearest_year(month, day, setting, tense, weekday=parts.get("w"), rel=parts.get("rel"))


def _nearest_year(
    month: int, day: int | None, setting: Setting, tense: Tense, *, weekday: str | None, rel: str | None
) -> EventDate | None:
    if setting.finest is None:
        return None
    this = setting.reference.year
    years = (this,) if rel == "this" else range(this - 6, this + 7) if weekday else range(this - 1, this + 2)
    found = [when for year in years if (when := _dated(year, month, day))]
    if weekday:
        found = [when for when in found if when.first_day.weekday() == WEEKDAYS[weekday]]
    if rel in ("last", "next"):
        found = [w for w in found if not w.contains(EventDate(setting.reference))]
    return occurrence(found, setting.reference, tense)


def _told(anchor: EventDate, month: int, day: int | None) -> EventDate | None:
    """In a story the next such month from the last date named on, within the year."""
    year = anchor.first_day.year + (month < anchor.first_day.month and anchor.precision is not Precision.YEAR)
    return _dated(year, month, day)


def _weekday(match: re.Match[str], setting: Setting) -> EventDate | None:
    weekday, rel = WEEKDAYS[match["w"]], match["rel"]
    if (rel and rel.startswith(("that", "the ", "previous", "following"))) or setting.narrative:
        anchor = setting.anchor
        if not anchor or anchor.precision is not Precision.DAY:
            return None
        back = bool(rel) and rel.endswith("previous")
        start = anchor.first_day - timedelta(days=1) if back else anchor.first_day
        return EventDate(weekday_near(start, weekday, Tense.PAST if back else Tense.FUTURE))
    day = _reference(setting, Precision.DAY)
    if not day:
        return None
    if rel == "next":
        monday = day + timedelta(days=7 - day.weekday())
        return EventDate(monday + timedelta(days=weekday))
    if rel in ("last", "this past"):
        return EventDate(weekday_near(day - timedelta(days=1), weekday, Tense.PAST))
    if rel in ("this", "this coming"):
        return EventDate(day - timedelta(days=day.weekday()) + timedelta(days=weekday))
    return EventDate(weekday_near(day, weekday, setting.tense))


_NEAR_DAYS = {"today": 0, "tonight": 0, "yesterday": -1, "tomorrow": 1, "the day before yesterday": -2,
              "the day after tomorrow": 2, "last night": -1, "this morning": 0, "this afternoon": 0,
              "this evening": 0}  # fmt: skip


def _near_day(match: re.Match[str], setting: Setting) -> EventDate | None:
    day = _reference(setting, Precision.DAY)
    return EventDate(day + timedelta(days=_NEAR_DAYS[" ".join(match[0].split())])) if day else None


def _near_unit(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "last month", "this quarter", "next year", "that year", "the following week"."""
    rel, unit = match["rel"].removeprefix("the "), match["u"]
    step = {"last": -1, "previous": -1, "next": 1, "following": 1, "coming": 1}.get(rel, 0)
    if rel in ("previous", "following", "that", "same") or (setting.narrative and rel in ("next", "last")):
        return _beside(setting.anchor, step, unit)
    if unit == "weekend":
        return _weekend(setting, rel)
    day = _reference(setting, PRECISION_OF_UNIT.get(unit, Precision.DAY))
    return shifted(day, step, unit) if day else None


def _weekend(setting: Setting, rel: str) -> EventDate | None:
    """ "Last" and "the" weekend are the latest one begun; "this" and "next" one may lie ahead."""
    day = _reference(setting, Precision.DAY)
    if not day:
        return None
    ahead = rel == "next" or (rel in ("this", "the") and setting.tense is Tense.FUTURE)
    return weekend_of(day if ahead or day.weekday() >= 5 else day - timedelta(days=7))


def _beside(anchor: EventDate | None, step: int, unit: str) -> EventDate | None:
    """The unit `step` away from the one that holds the anchor; None where the anchor is coarser than it."""
    if not anchor or unit == "weekend":
        return None
    if unit in ("day", "week"):
        return shifted(anchor.first_day, step, unit) if anchor.precision is Precision.DAY else None
    if EventDate(anchor.first_day, PRECISION_OF_UNIT[unit]).contains(anchor):
        return shifted(anchor.first_day, step, unit)
    return None


def _current_unit(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "by the end of the year", "later this month", "at year-end"."""
    unit = match["u"]
    if setting.narrative:
        return _beside(setting.anchor, 0, unit)
    day = _reference(setting, PRECISION_OF_UNIT.get(unit, Precision.DAY))
    return shifted(day, 0, unit) if day else None


def _season(match: re.Match[str], setting: Setting) -> EventDate | None:
    """Seasons differ by hemisphere and source: only their year is claimed."""
    day = _reference(setting, Precision.MONTH)
    if not day:
        return None
    starts = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9}[match["s"]]
    rel = match["rel"]
    if rel == "last" and day.month < starts + 3:
        return EventDate(date(day.year - 1, 1, 1), Precision.YEAR)
    if rel == "next" and day.month >= starts:
        return EventDate(date(day.year + 1, 1, 1), Precision.YEAR)
    return EventDate(day, Precision.YEAR)


def _quarter(match: re.Match[str], setting: Setting) -> EventDate | None:
    number = _ORDER[match["o"]] if match["o"] else int(match["q"])
    month = 3 * number - 2
    if match["ry"] and match["ry"] != "the":
        year = _year_of(match["ry"], setting)
        return EventDate(date(year, month, 1), Precision.QUARTER) if year else None
    if setting.year:
        return EventDate(date(setting.year, month, 1), Precision.QUARTER)
    if setting.narrative and setting.anchor:
        year = setting.anchor.first_day.year
        return EventDate(date(year, month, 1), Precision.QUARTER)
    day = _reference(setting, Precision.MONTH)
    if not day:
        return None
    choices = (EventDate(date(day.year + step, month, 1), Precision.QUARTER) for step in (-1, 0, 1))
    return occurrence(choices, day, Tense.PAST if setting.tense is Tense.OPEN else setting.tense)


def _half(match: re.Match[str], setting: Setting) -> EventDate | None:
    year = _year_of(match["ry"], setting)
    return EventDate(date(year, 1, 1), Precision.YEAR) if year else None


def _count(word: str) -> int:
    return _COUNTS.get(word) or int(word)


def _ago(match: re.Match[str], setting: Setting) -> EventDate | None:
    day = _reference(setting, PRECISION_OF_UNIT.get(match["u"], Precision.DAY))
    return _safely(day, -_count(match["k"]), match["u"]) if day else None


def _from_anchor(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "three days later", "a year earlier": from the date named before, else (earlier) from publication."""
    later = match["dir"] in ("later", "after")
    count = _count(match["k"]) * (1 if later else -1)
    if setting.anchor:
        return _moved(setting.anchor, count, match["u"])
    return None if later else _ago(match, setting)


def _moved(anchor: EventDate, count: int, unit: str) -> EventDate | None:
    """The anchor's period moved as a whole: a year before May 2022 is May 2021; a day moves to the unit."""
    if anchor.precision is Precision.DAY:
        return _safely(anchor.first_day, count, unit)
    if unit not in MONTHS_OF_UNIT:
        return None
    months = {Precision.MONTH: 1, Precision.QUARTER: 3, Precision.YEAR: 12}[anchor.precision]
    if MONTHS_OF_UNIT[unit] < months:
        return None
    return EventDate(add_months(anchor.first_day, count * MONTHS_OF_UNIT[unit]), anchor.precision)


def _safely(day: date, count: int, unit: str) -> EventDate | None:
    try:
        return shifted(day, count, unit)
    except (ValueError, OverflowError):
        return None


def _in_time(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "in two weeks", "three months from now"; "in two years" with a past verb is a duration."""
    if setting.tense is not Tense.FUTURE and not match["sure"]:
        return None
    day = _reference(setting, PRECISION_OF_UNIT.get(match["u"], Precision.DAY))
    return _safely(day, _count(match["k"]), match["u"]) if day else None


def _the_unit(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "the next day", "the same month", "the year before": beside the date named before."""
    word = (match["rel"] or match["dir"]).strip()
    step = {"next": 1, "following": 1, "after": 1, "previous": -1, "prior": -1, "before": -1, "earlier": -1}
    return _beside(setting.anchor, step.get(word, 0), match["u"])


def _day_of_month(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "on the 15th": of the month named before, else of the month around publication."""
    day = int(match["d"])
    if setting.anchor and setting.anchor.precision in (Precision.DAY, Precision.MONTH):
        return _dated(setting.anchor.first_day.year, setting.anchor.first_day.month, day)
    reference = _reference(setting, Precision.DAY)
    if not reference:
        return None
    months = [add_months(reference.replace(day=1), step) for step in (-1, 0, 1)]
    choices = [when for month in months if (when := _dated(month.year, month.month, day))]
    return occurrence(choices, reference, setting.tense)


def _holiday(match: re.Match[str], setting: Setting) -> EventDate | None:
    month, day = _HOLIDAYS[" ".join(match["h"].split())]
    if setting.year:
        return _dated(setting.year, month, day)
    return _nearest_year(month, day, setting, setting.tense, weekday=None, rel=None)


def _week_of_date(match: re.Match[str], setting: Setting) -> EventDate | None:
    """ "the week of June 13": no finer than the period that holds that week."""
    inner = _month_day(match, setting)
    if not inner or inner.precision is not Precision.DAY:
        return None
    last = inner.first_day + timedelta(days=6)
    return week_of(inner.first_day) if inner.first_day.weekday() else smallest_period(inner.first_day, last)


_FORMS: tuple[tuple[str, Form], ...] = tuple(
    (heads, Form(re.compile(pattern), resolver, capital))
    for heads, pattern, resolver, capital in (
        ("the week", rf"(?:the\s)?week\s(?:of|beginning|starting)\s(?:monday,?\s)?(?P<n>{_M})\s(?P<d>{_D})\b",
         _week_of_date, "n"),
        ("@weekday", rf"(?P<w>{_W}),?\s\(?(?:the\s)?(?P<d>{_D})\s(?:of\s)?(?P<n>{_M})", _month_day, "n"),
        ("@weekday", rf"(?P<w>{_W}),?\s\(?(?P<n>{_M})\s(?P<d>{_D})\b", _month_day, "n"),
        ("@month", rf"(?P<n>{_M})\s(?:the\s)?(?P<d>{_D})\b{_OF_YEAR}?", _month_day, "n"),
        ("@number the", rf"(?:the\s)?(?P<d>{_D})(?:\sof)?\s(?P<n>{_M}){_OF_YEAR}?", _month_day, "n"),
        ("@number", rf"(?P<first>{_D})\s?(?:[-–—/]|to|and)\s?(?P<d>{_D})(?:\sof)?\s(?P<n>{_M}){_OF_YEAR}?",
         _month_day, "n"),
        ("@month", rf"(?P<n>{_M}){_OF_YEAR}?", _month_day, "n"),
        ("last next this", rf"(?P<rel>last|next|this|this\spast|this\scoming)\s(?P<n>{_M})(?!\s\d)",
         _month_day, "n"),
        ("@weekday", rf"(?P<rel>)(?P<w>{_W})\b", _weekday, "w"),
        ("last next this the previous following that", rf"{_REL}\s(?P<w>{_W})\b", _weekday, "w"),
        ("today tonight yesterday tomorrow", r"(?:today|tonight|yesterday|tomorrow)\b", _near_day, ""),
        ("the", r"the\sday\s(?:before\syesterday|after\stomorrow)\b", _near_day, ""),
        ("last this", r"(?:last\snight|this\s(?:morning|afternoon|evening))\b", _near_day, ""),
        ("last next this previous following that",
         r"(?<!the\s)(?P<rel>last|next|this|previous|following|that)\s(?P<u>week|weekend|month|quarter|year)\b"
         r"(?!\sof\b)", _near_unit, ""),
        ("the", r"the\s(?P<rel>current|coming)\s(?P<u>week|month|quarter|year)\b", _near_unit, ""),
        ("the", r"(?P<rel>the)\s(?P<u>weekend)\b", _near_unit, ""),
        ("the", r"(?P<dir>)the\s(?P<rel>same|next|following|previous|prior)\s(?P<u>day|week|month|quarter|year)\b",
         _the_unit, ""),
        ("that", r"(?P<dir>)(?P<rel>that)\s(?P<u>day|month|quarter|year)\b", _the_unit, ""),
        ("the", rf"(?P<rel>)the\s(?P<u>day|month|quarter|year)\s(?P<dir>before|earlier|after){_ENDS}",
         _the_unit, ""),
        ("end start beginning middle rest remainder course close turn later earlier late early",
         r"(?:(?:end|start|beginning|middle|rest|remainder|course|close|turn)\sof|(?:later|earlier|late|early)\sin)"
         r"\sthe\s(?P<u>week|month|quarter|year)\b", _current_unit, ""),
        ("year", r"(?P<u>year)[\s-]end\b", _current_unit, ""),
        ("last next this", r"(?P<rel>last|next|this)\s(?P<s>spring|summer|autumn|fall)\b(?!\s(?:in|of)\b)",
         _season, ""),
        ("the first second third fourth final 1st 2nd 3rd 4th",
         rf"(?P<q>)(?:the\s)?(?P<o>{'|'.join(_ORDER)})[\s-]quarter\b{_OF_YEAR}?", _quarter, ""),
        ("q1 q2 q3 q4", rf"(?P<o>)q(?P<q>[1-4])\b{_OF_YEAR}?", _quarter, ""),
        ("the first second", rf"(?:the\s)?(?:first|second)\shalf{_OF_YEAR}", _half, ""),
        ("@number @count", rf"(?P<k>{_K})\s(?P<u>day|week|month|quarter|year)s?\sago\b", _ago, ""),
        ("@number @count",
         rf"(?P<k>{_K})\s(?P<u>day|week|month|quarter|year)s?\s(?P<dir>earlier|later)\b", _from_anchor, ""),
        ("@number @count",
         rf"(?P<k>{_K})\s(?P<u>day|week|month|quarter|year)s?\s(?P<dir>before|after|prior){_ENDS}",
         _from_anchor, ""),
        ("in", rf"in\s(?P<k>{_K})\s(?P<u>day|week|month|year)(?:s\b|\b)(?P<sure>['’]?\stime\b)?(?!\s(?:of|to)\b)",
         _in_time, ""),
        ("@number @count", rf"(?P<k>{_K})\s(?P<u>day|week|month|year)s?(?P<sure>\sfrom\s(?:now|today))\b",
         _in_time, ""),
        ("on", r"on\sthe\s(?P<d>\d{1,2})(?:st|nd|rd|th)\b(?!\s(?!and|to|at|in|but|for|with)[a-z])", _day_of_month,
         ""),
        ("christmas boxing new independence",
         r"(?P<h>christmas(?:\s(?:eve|day))?|boxing\sday|new\syear['’]s\s(?:eve|day)|independence\sday)\b",
         _holiday, ""),
    )
)  # fmt: skip


def _by_head() -> dict[str, tuple[Form, ...]]:
    classes = {"@weekday": WEEKDAYS, "@month": MONTHS, "@count": _COUNTS}
    listed: dict[str, list[Form]] = {}
    for heads, form in _FORMS:
        for head in heads.split():
            for word in classes.get(head, (head,)):
                listed.setdefault(word, []).append(form)
    return {head: tuple(forms) for head, forms in listed.items()}


FORMS_BY_HEAD = _by_head()
"""First word → forms that can begin with it."""
NUMBER_FORMS = FORMS_BY_HEAD.pop("@number")
"""Forms that can begin with a figure."""
FORMS_BY_HEAD.update({word: FORMS_BY_HEAD[word] + NUMBER_FORMS for word in ("1st", "2nd", "3rd", "4th")})
