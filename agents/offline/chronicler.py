"""The Chronicler without a model: the next dated event of the topic, in windows that widen to the horizon.

Each window is read whole before the next: among the events that are dated after the parent, belong to the
topic and are none of the chain's own, the best supported one becomes the link. Where no window has one, the
chain ends; it is never filled in. Co-occurrence in one topic is all that is known of cause and effect here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from agents.library import View
from agents.offline.grouping import Group, groups_of
from agents.offline.linking import Chain, Linker, shipped_model
from agents.offline.matching import same, same_as_any
from agents.offline.mentions import Mention, mentions
from agents.offline.topic import Rarity, Topic
from agents.reading.document import Document
from agents.roles import ChainEnd, Facts, Link
from corpus.case import Case, ContextFact, Evidence, Outcome, Role
from corpus.dates import EventDate, add_months, horizon_end
from corpus.text import content_words

WINDOWS_MONTHS = (1, 3, 6, 12, 24)
"""Widening windows after the parent; the horizon itself is the last."""
EARLY_MONTHS = 6
"""The months after the parent are searched by themselves as well, so that later ones do not crowd them out."""
REPORTING_DAYS = 45
"""A document about an event may be published this long after it and still be found in its window."""
DOCUMENTS_A_WINDOW = 60
RELATED = 0.3
"""Coverage by the seed's words from which an earlier statement is context."""
SUPPORT_BONUS, NEARNESS = 0.08, 0.1
CONTEXT_FACTS = 4
CONTEXT_DAYS = 120


@dataclass(frozen=True)
class _Option:
    group: Group
    score: float


class OfflineChronicler:
    """See `agents.roles.Chronicler`."""

    async def context(self, view: View, case: Case) -> Facts:
        """What documents of the months before the seed date state about its subject."""
        since = case.seed_date.first_day - timedelta(days=CONTEXT_DAYS)
        found = await view.search(case.seed_event, since=since, before=case.seed_date.last_day, count=20)
        rarity, topic = Rarity(found), Topic(case, ())
        stated = [m for document in found for m in mentions(document) if m.date <= case.seed_date]
        ranked = sorted(stated, key=lambda m: (-topic.covers(m.wording, rarity), m.document.url, m.start))
        kept: list[Mention] = []
        for mention in ranked:
            if topic.covers(mention.wording, rarity) < RELATED or len(kept) == CONTEXT_FACTS:
                break
            if not same_as_any(mention.wording, (case.seed_event, *(m.wording for m in kept))):
                kept.append(mention)
        facts = tuple(ContextFact(text=m.wording, evidence=(m.evidence(),)) for m in kept)
        return Facts(facts, {m.document.source_id: m.document for m in kept})

    async def next_link(self, view: View, case: Case, rejected: frozenset[str], note: str) -> Link | ChainEnd:
        """The best supported continuation in the narrowest window that holds one."""
        parent = case.parent_date(len(case.outcomes) + 1)
        if parent is None:
            return ChainEnd("The last outcome has no date, so nothing can follow it.")
        chain = await chain_so_far(view, case)
        topic, last = Topic(case, chain.documents), horizon_end(parent, case.horizon_months)
        whole = await search_after(view, topic, parent, last)
        early = await search_after(view, topic, parent, min(last, add_months(parent.last_day, EARLY_MONTHS)))
        asked_for = await search_noted(view, note, parent, last)
        linker = Linker(chain, Rarity([*whole, *chain.documents]))
        found = list({document.source_id: document for document in (*early, *whole, *asked_for)}.values())
        for until in _windows(parent, last):
            options = _options(case, found, rejected, until, linker)
            if options:
                return _link(len(case.outcomes) + 1, max(options, key=lambda o: (o.score, o.group.wording)))
        return ChainEnd(f"No dated evidence of what followed by {last}.")


async def chain_so_far(view: View, case: Case) -> Chain:
    """What a continuation is held against: seed and newest link, with the documents that they cite."""
    home = await _cited(view, case, case.seed_evidence)
    newest = case.outcomes[-1].evidence if case.outcomes else ()
    around = [*home, *await _cited(view, case, newest)]
    seed_topic = Topic(case.model_copy(update={"outcomes": ()}), home)
    return Chain(case.seed_event, case.parent_event(len(case.outcomes) + 1), seed_topic, home, around)


async def _cited(view: View, case: Case, quoted: Sequence[Evidence]) -> Sequence[Document]:
    sources = dict.fromkeys(case.source(item.source_id) for item in quoted)
    recalled = [await view.library.recall(source) for source in sources if source]
    return [document for document in recalled if document]


async def search_after(view: View, topic: Topic, parent: EventDate, until: date) -> Sequence[Document]:
    """Documents of the topic that may tell of what happened between the parent and a day."""
    before = until + timedelta(days=REPORTING_DAYS)
    return await view.search(topic.query(), since=parent.first_day, before=before, count=DOCUMENTS_A_WINDOW)


async def search_noted(view: View, note: str, parent: EventDate, until: date) -> Sequence[Document]:
    """Documents that share words with a curator's note: rules cannot do what it says, but they can look."""
    if not content_words(note):
        return ()
    before = until + timedelta(days=REPORTING_DAYS)
    return await view.search(note, since=parent.first_day, before=before, count=DOCUMENTS_A_WINDOW)


def _options(
    case: Case,
    found: Sequence[Document],
    rejected: frozenset[str],
    until: date,
    linker: Linker,
) -> list[_Option]:
    """Events between the parent and a day that are sure enough to belong, and are none of the chain's own."""
    parent = case.parent_date(len(case.outcomes) + 1) or case.seed_date
    known = [(case.seed_event, case.seed_date), *((o.event, o.date) for o in case.outcomes if o.event)]
    later = [m for d in found for m in mentions(d) if parent.last_day < m.date.first_day <= until]
    sure = {m: linker.sureness(m) for m in later}
    linked = [m for m in later if sure[m] >= shipped_model().threshold]
    groups = [
        g
        for g in groups_of(linked)
        if g.wording not in rejected and not any(same(g.wording, text, g.date, when) for text, when in known)
    ]
    span = max(1, (until - parent.last_day).days)
    return [_Option(g, _score(g, sure, (g.date.first_day - parent.last_day).days / span)) for g in groups]


def _score(group: Group, sure: Mapping[Mention, float], lateness: float) -> float:
    """The surest mention counts; a second publisher and an earlier date are worth a little."""
    support = SUPPORT_BONUS * (len(group.publishers) > 1)
    return max(sure[m] for m in group.mentions) + support - NEARNESS * lateness


def _windows(parent: EventDate, last: date) -> Iterator[date]:
    for months in WINDOWS_MONTHS:
        until = add_months(parent.last_day, months)
        if until < last:
            yield until
    yield last


def _link(depth: int, option: _Option) -> Link:
    """An outcome with the group's quotations, one a publisher first."""
    group = option.group
    quoted = group.quoted()
    evidence = tuple(m.evidence(Role.SUPPORTS_EVENT) for m in quoted)
    outcome = Outcome(depth=depth, event=group.wording, date=group.date, evidence=evidence)
    return Link(outcome, {m.document.source_id: m.document for m in quoted})
