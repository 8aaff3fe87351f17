"""What documents say happened: each sentence that states an event, with the event's date.

A sentence counts when it names a date of its own, or opens its document and is dated by publication; when
that date is not after publication; and when it does not look ahead. The same document is read once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from agents.offline.phrasing import dangling, event_wording
from agents.offline.statements import statements
from agents.reading.dates import find_dates, statement_date
from agents.reading.document import Document
from agents.reading.evidence import quote
from agents.reading.sentences import sentences
from corpus.case import Evidence, Role
from corpus.dates import EventDate, Precision
from corpus.text import content_words, names

MIN_WORDS, MAX_WORDS = 6, 60


@dataclass(frozen=True)
class Mention:
    """A sentence that states an event."""

    document: Document
    text: str
    start: int
    end: int
    date: EventDate
    dated_itself: bool
    """The date stands in the sentence; else it is the document's publication."""
    wording: str
    """The sentence as an event: dates, attribution and asides taken out."""
    place: int
    """Number of the sentence in its document, from 0."""

    @property
    def names(self) -> frozenset[str]:
        """Proper names in the sentence."""
        return names(self.text)

    @property
    def terms(self) -> frozenset[str]:
        """Stems of the words that carry meaning."""
        return frozenset(content_words(self.wording))

    def evidence(self, role: Role = Role.SUPPORTS_EVENT) -> Evidence:
        """The sentence as a quotation."""
        return quote(self.document, self.start, self.end, role)


@lru_cache(maxsize=4096)
def mentions(document: Document) -> tuple[Mention, ...]:
    """The events that a document states, in order. Documents in other languages than English have none."""
    if document.language != "en" or document.published_at is None:
        return ()
    dates = find_dates(document.text, document.published_at)
    ahead = [(e.start, e.end) for e in statements(document) if e.main]
    found = []
    for place, sentence in enumerate(sentences(document.text)):
        if any(start < sentence.end and sentence.start < end for start, end in ahead):
            continue
        own = [m for m in dates if sentence.start <= m.start and m.end <= sentence.end]
        when = statement_date(sentence.start, sentence.end, own, document.published_at)
        dated_itself = any(m.date == when for m in own)
        if when is None or not _states_an_event(sentence.text, when, dated_itself, place):
            continue
        spans = [(m.start - sentence.start, m.end - sentence.start) for m in own]
        wording = event_wording(sentence.text, spans)
        if dangling(wording):
            continue
        found.append(
            Mention(document, sentence.text, sentence.start, sentence.end, when, dated_itself, wording, place)
        )
    return tuple(found)


def _states_an_event(text: str, when: EventDate, dated_itself: bool, place: int) -> bool:
    count = len(text.split())
    fine = when.precision in (Precision.DAY, Precision.MONTH)
    return MIN_WORDS <= count <= MAX_WORDS and fine and (dated_itself or place == 0) and bool(names(text))
