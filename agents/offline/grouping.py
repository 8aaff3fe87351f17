"""Mentions of one event brought together: the clusters of `agents.reading`, with a head and its quotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.offline.mentions import Mention
from agents.reading.clustering import Statement, cluster
from corpus.dates import EventDate, Precision

QUOTED = 4
"""Quotations kept of one event."""


@dataclass(frozen=True)
class Group:
    """Mentions that state one event, the most fitting to stand for it first."""

    mentions: tuple[Mention, ...]

    @property
    def head(self) -> Mention:
        """The mention that words the event."""
        return self.mentions[0]

    @property
    def wording(self) -> str:
        """The event's wording."""
        return self.head.wording

    @property
    def date(self) -> EventDate:
        """The event's date: the finest that a mention gives itself, the most frequent among those."""
        itself = [m.date for m in self.mentions if m.dated_itself] or [m.date for m in self.mentions]
        order = list(Precision)
        return min(itself, key=lambda when: (order.index(when.precision), -itself.count(when), when))

    @property
    def publishers(self) -> frozenset[str]:
        """Registrable domains that state it."""
        return frozenset(m.document.publisher for m in self.mentions)

    def quoted(self) -> tuple[Mention, ...]:
        """The mentions to quote: the head, then one for each other publisher, then others."""
        first_of: dict[str, Mention] = {}
        for mention in self.mentions:
            first_of.setdefault(mention.document.publisher, mention)
        ranked = [*first_of.values(), *(m for m in self.mentions if m not in first_of.values())]
        return tuple(ranked[:QUOTED])


def groups_of(found: Sequence[Mention]) -> list[Group]:
    """Each event once, in order of date."""
    if len(found) < 2:
        return [Group((mention,)) for mention in found]
    clusters = cluster([Statement(m.wording, m.date) for m in found])
    grouped = [Group(tuple(sorted((found[i] for i in places), key=_fitness))) for places in clusters]
    return sorted(grouped, key=lambda g: (g.date, g.wording))


def _fitness(mention: Mention) -> tuple[bool, int, int, str, int]:
    """Dated in itself, early in its document, of a plain length; then an order that never changes."""
    length = len(mention.wording.split())
    return (not mention.dated_itself, mention.place, abs(length - 14), mention.document.url, mention.start)
