"""What the archive, or any library, says of an event that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from agents.archive import Archive
from agents.library import Library
from agents.offline.matching import same
from agents.offline.mentions import Mention, mentions
from agents.reading.document import Document
from agents.reading.same_event import same_event
from corpus.dates import EventDate

REPORTING_DAYS = 45
DOCUMENTS = 40
KEPT = 4


def evidence_for(archive: Archive, event: str, date: EventDate) -> Sequence[Mention]:
    """Up to four statements of the event, the most alike first, one a publisher before a second of any.

    A statement fits when its date overlaps the named one and its wording tells of the same event.
    """
    until = date.last_day + timedelta(days=REPORTING_DAYS)
    found = archive.search(event, since=date.first_day, until=until, limit=DOCUMENTS)
    return _statements(found, event, date)


async def evidence_in(library: Library, event: str, date: EventDate) -> Sequence[Mention]:
    """The same from a library, the web included; hindsight allowed, since the event is given."""
    until = date.last_day + timedelta(days=REPORTING_DAYS)
    found = await library.search(event, since=date.first_day, before=until, until=None, limit=DOCUMENTS)
    return _statements(found, event, date)


def _statements(found: Sequence[Document], event: str, date: EventDate) -> Sequence[Mention]:
    fitting = [
        m
        for d in found
        for m in mentions(d)
        if m.date.overlaps(date) and same(event, m.wording, date, m.date)
    ]
    ranked = sorted(fitting, key=lambda m: (-same_event(event, m.wording), m.document.url, m.start))
    first_of: dict[str, Mention] = {}
    for mention in ranked:
        first_of.setdefault(mention.document.publisher, mention)
    chosen = [*first_of.values(), *(m for m in ranked if m not in first_of.values())]
    return chosen[:KEPT]
