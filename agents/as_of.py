"""Whether a live page is shown to be older than a cut-off: two independent signals before it, none after.

`agents.reading.publication` gathers the signals and weighs them against each other; here they are held
against a moment. Every modification date counts against the page, and so does its own text where it tells
of something after the cut-off as past. One date extractor alone is no proof: htmldate dates 5.3 % of real
pages too early, so it may contradict and never prove.
Never shows that a page's *text* is unchanged; a page that hides its edits passes, which is why archived
copies and revisions come first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from agents.reading.periods import Tense
from agents.reading.publication import PROVING, DateSignal, Origin
from agents.reading.tense import tense_at
from corpus.dates import EventDate, Precision
from corpus.text import explicit_dates


@dataclass(frozen=True)
class Publication:
    """What the signals show."""

    date: EventDate | None
    """When it was published, as at least two origins agree; None where unproven."""
    since: EventDate | None
    """Since when the page is as it is: its last change, else its publication; None where unproven."""
    reason: str
    """Why it is unproven; empty where it is proven."""


_AGREE_WITHIN_DAYS = 31
_FRESH = timedelta(days=1)


def judge_publication(signals: Iterable[DateSignal], text: str, cutoff: datetime | None) -> Publication:
    """Whether a page that is read today was there, as it is, at `cutoff`.

    Without a cut-off it is held against its own newest date: a page that tells of later things than it
    admits to is unproven then as well.
    """
    listed = tuple(signals)
    if not listed:
        return _unproven("nothing dates it")
    newest = max((signal.date for signal in listed), key=lambda date: date.last_day)
    limit = cutoff or newest.end()
    if late := next((signal for signal in listed if signal.date.first_day > limit.date()), None):
        kind = "modification" if late.modified else "publication"
        return _unproven(f"its {late.name or late.origin} gives a {kind} date of {late.date}")
    if newest.last_day > limit.date():
        return _unproven(f"it was published or changed in {newest}, which may be after the cut-off")
    if told := told_after(text, limit):
        return _unproven(f"its text tells of {told} as past")
    published = {s.origin: s.date for s in reversed(listed) if not s.modified and s.origin in PROVING}
    if len(published) < 2:
        return _unproven(
            f"only its {next(iter(published), 'last change')} dates it, and one signal is no proof"
        )
    dates = sorted(published.values())
    if dates[0].days_to(dates[-1]) > _AGREE_WITHIN_DAYS:
        return _unproven(f"its dates disagree: {dates[0]} and {dates[-1]}")
    return Publication(max(dates, key=lambda date: date.last_day), newest, "")


def _unproven(reason: str) -> Publication:
    return Publication(None, None, reason)


def told_after(text: str, cutoff: datetime) -> EventDate | None:
    """The first date after the cut-off that the text does not speak of as future; None where there is none.

    A day or month without any tense counts too ("Updated 3 June 2022", a comment's date); a bare year or
    quarter only in the past tense, because outlooks are full of them.
    """
    lowered = text.lower()
    for mention in explicit_dates(text):
        if mention.date.first_day <= cutoff.date():
            continue
        tense = tense_at(lowered, mention.start, mention.end)
        fine = mention.date.precision in {Precision.DAY, Precision.MONTH}
        if tense is Tense.PAST or (fine and tense is Tense.OPEN):
            return mention.date
    return None


def header_signals(last_modified: str, fetched_at: datetime) -> tuple[DateSignal, ...]:
    """The modification date of an HTTP header.

    A Last-Modified within a day of the fetch is what generated pages send and says nothing; it neither
    proves nor disproves.
    """
    try:
        changed = parsedate_to_datetime(last_modified)
        if changed.tzinfo is None or abs(fetched_at - changed) < _FRESH:
            return ()
        return (DateSignal(Origin.METADATA, EventDate(changed.date()), modified=True, name="Last-Modified"),)
    except (TypeError, ValueError):
        return ()
