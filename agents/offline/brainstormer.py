"""The Brainstormer without a model: seeds are dated events that documents of the period state.

Most seeds are ranked by how much was written of them and after them; a set share is drawn blind from the
rest, so that events after which little followed are in a corpus as well. No event is invented: each seed is
the wording of a sentence, with the quotations that state it.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from agents.library import Library
from agents.offline.grouping import Group, groups_of
from agents.offline.mentions import Mention, mentions
from agents.offline.subjects import speaks_of, touches
from agents.offline.topic import Rarity, terms_of
from agents.reading.document import Document
from agents.roles import Seeds
from agents.state import RunSettings, Seed
from corpus.dates import EventDate, Precision, add_months

REPORTING_DAYS = 45
"""Documents published this long after the period still tell of it."""
TELLING = 0.55
"""Rarity from which a term ties a later document to an event."""
TIES = 3
"""Telling terms that a later document must share with the event to count as following it."""


@dataclass(frozen=True)
class _Ranked:
    group: Group
    domain: str
    score: float


class OfflineBrainstormer:
    """See `agents.roles.Brainstormer`."""

    async def seeds(self, library: Library, settings: RunSettings) -> Seeds:
        """At most `num_cases` seeds, by date; fewer where the documents tell of fewer events."""
        first, last = settings.first_day.first_day, settings.last_day.last_day
        documents = await library.browse(first, last + timedelta(days=REPORTING_DAYS))
        if not documents:
            return Seeds((), (f"No document at hand was published from {first} to {last}.",))
        later = await library.browse(first, add_months(last, settings.horizon_months))
        options = self._options(documents, later, settings)
        chosen = _chosen(options, settings)
        return Seeds(tuple(sorted((_seed(r, how) for r, how in chosen), key=lambda s: (s.date, s.event))),
                     _notes(len(options), settings))  # fmt: skip

    def _options(
        self, documents: Sequence[Document], later: Sequence[Document], settings: RunSettings
    ) -> list[_Ranked]:
        of_domain: dict[str, list[Mention]] = defaultdict(list)
        for document in documents:
            if not any(touches(domain, _whole(document)) for domain in settings.domains):
                continue  # reading a document for its events costs a hundred times this look
            for mention in mentions(document):
                if _within(mention.date, settings) and (domain := _domain(mention, settings.domains)):
                    of_domain[domain].append(mention)
        followers = _Followers(later)
        return [
            _Ranked(group, domain, followers.interest(group))
            for domain, found in of_domain.items()
            for group in groups_of(found)
            if group.date.precision is Precision.DAY
        ]


def _within(date: EventDate, settings: RunSettings) -> bool:
    return settings.first_day.first_day <= date.first_day and date.last_day <= settings.last_day.last_day


def _whole(document: Document) -> str:
    return f"{document.title}. {document.text}"


def _domain(mention: Mention, wanted: Iterable[str]) -> str | None:
    """The wanted domain that the sentence speaks of most surely; None where it speaks of another."""
    scores = {domain: speaks_of(domain, mention.text, _whole(mention.document)) for domain in wanted}
    best = max(scores, key=lambda domain: (scores[domain], domain))
    return best if scores[best] > 0 else None


class _Followers:
    """How much was written after an event that shares its telling terms."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._rarity = Rarity(documents)
        self._holders: dict[str, list[tuple[EventDate, str]]] = defaultdict(list)
        for document in documents:
            if document.published_at is None:
                continue
            for term in terms_of(f"{document.title}. {document.text}"):
                if self._rarity.weight(term) >= TELLING:
                    self._holders[term].append((document.published_at, document.text_sha256))

    def interest(self, group: Group) -> float:
        """Publishers that state the event, and documents that follow it, each on a log scale."""
        shared: dict[str, int] = defaultdict(int)
        for term in terms_of(group.wording):
            for published, key in self._holders.get(term, ()):
                if group.date.surely_before(published):
                    shared[key] += 1
        following = sum(count >= TIES for count in shared.values())
        return math.log1p(following) + math.log1p(len(group.publishers))


def _chosen(options: Sequence[_Ranked], settings: RunSettings) -> list[tuple[_Ranked, str]]:
    """The best ranked ones, and a share drawn blind from the others."""
    ranked = sorted(options, key=lambda r: (-r.score, r.group.date, r.group.wording))
    blind = round(settings.blind_share * min(settings.num_cases, len(ranked)))
    top = ranked[: settings.num_cases - blind]
    rest = ranked[len(top) :]
    drawn = random.Random(settings.random_seed).sample(rest, min(blind, len(rest)))
    return [(r, "ranked") for r in top] + [(r, "blind") for r in drawn]


def _seed(ranked: _Ranked, how: str) -> Seed:
    quoted = ranked.group.quoted()
    return Seed(
        event=ranked.group.wording,
        date=ranked.group.date,
        domain=ranked.domain,
        evidence=tuple(m.evidence() for m in quoted),
        sources=tuple(dict.fromkeys(m.document.as_source() for m in quoted)),
        chosen=how,
    )


def _notes(found: int, settings: RunSettings) -> tuple[str, ...]:
    if found >= settings.num_cases:
        return ()
    return (
        f"The documents tell of {found} events of the period and domains; {settings.num_cases} were wanted.",
    )
