"""Which cases are about one event: the one function that splits and intervals use.

Two cases belong to one family when any event of the one (its seed or an outcome) is an event of the other:
dates within `MAX_DAYS`, and either content words with a Jaccard index of at least `SIMILAR`, numbers and
directions that do not contradict each other, or a page that both are quoted from. Families are the connected
components. A prefix filter (Chaudhuri et al., "A primitive operator for similarity joins", 2006) keeps the work
near linear in the number of cases.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from corpus.case import Case
from corpus.dates import EventDate
from corpus.text import agree, content_words, directions, opposed, quantities

MAX_DAYS = 3
SIMILAR = 0.5
STRETCH_DAYS = 8
"""Of the index; any length finds the same pairs."""


@dataclass(frozen=True, slots=True)
class _Event:
    case_id: str
    text: str
    date: EventDate
    tokens: frozenset[str]
    pages: frozenset[str]
    """Addresses it is quoted from."""


def families(cases: Iterable[Case]) -> dict[str, str]:
    """Case id → family id (the smallest case id of its component)."""
    events = [event for case in cases for event in _events(case)]
    union = _Union({event.case_id for event in events})
    for one, other in _similar_pairs(events):
        if one.case_id != other.case_id and _same(one, other):
            union.join(one.case_id, other.case_id)
    for one, other in _pairs_on_a_page(events):
        union.join(one.case_id, other.case_id)
    return {case_id: union.root(case_id) for case_id in sorted(union.members())}


def _events(case: Case) -> Iterator[_Event]:
    address = {source.source_id: source.canonical_url for source in case.sources}
    dated = [(case.seed_event, case.seed_date, case.seed_evidence)]
    dated += [
        (o.event, o.date, o.evidence) for o in case.outcomes if o.event is not None and o.date is not None
    ]
    for text, date, evidence in dated:
        pages = frozenset(address[item.source_id] for item in evidence if item.source_id in address)
        yield _Event(case.case_id, text, date, frozenset(content_words(text)), pages)


def _pairs_on_a_page(events: list[_Event]) -> Iterator[tuple[_Event, _Event]]:
    """Pairs of one time that are quoted from one page; each event meets the first of its time on a page."""
    firsts: dict[str, list[_Event]] = defaultdict(list)
    for event in events:
        for page in sorted(event.pages):
            met = next((e for e in firsts[page] if e.date.days_to(event.date) <= MAX_DAYS), None)
            if met is None:
                firsts[page].append(event)
            else:
                yield met, event


def _similar_pairs(events: list[_Event]) -> Iterator[tuple[_Event, _Event]]:
    """Pairs within `MAX_DAYS` whose token sets reach `SIMILAR`, each once.

    The index holds rare tokens by stretch of time, so that an event meets only its contemporaries.
    """
    rarity = Counter(token for event in events for token in event.tokens)
    index: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, event in enumerate(events):
        ordered = sorted(event.tokens, key=lambda token: (rarity[token], token))
        prefix = ordered[: len(ordered) - math.ceil(SIMILAR * len(ordered)) + 1]
        near = [(token, stretch) for token in prefix for stretch in _stretches(event.date, MAX_DAYS)]
        for j in sorted({j for key in near for j in index.get(key, ())}):
            if events[j].date.days_to(event.date) <= MAX_DAYS and _jaccard_reaches(events[j], event):
                yield events[j], event
        for token in prefix:
            for stretch in _stretches(event.date, 0):
                index[token, stretch].append(i)


def _stretches(date: EventDate, around: int) -> range:
    """Numbers of the stretches of time that a date touches, `around` days more on either side."""
    first, last = date.first_day.toordinal() - around, date.last_day.toordinal() + around
    return range(first // STRETCH_DAYS, last // STRETCH_DAYS + 1)


def _jaccard_reaches(one: _Event, other: _Event) -> bool:
    shared = len(one.tokens & other.tokens)
    return shared >= SIMILAR * (len(one.tokens) + len(other.tokens) - shared)


def _same(one: _Event, other: _Event) -> bool:
    """Numbers must not contradict: each text's figures agree with some figure of the other, or one has none."""
    if opposed(directions(one.text), directions(other.text)):
        return False
    a, b = quantities(one.text), quantities(other.text)
    return not a or not b or any(agree(x, y) for x in a for y in b)


class _Union:
    """Union-find over case ids; the root is the smallest id."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._parent = {case_id: case_id for case_id in ids}

    def members(self) -> Iterable[str]:
        return self._parent

    def root(self, case_id: str) -> str:
        while self._parent[case_id] != case_id:
            self._parent[case_id] = self._parent[self._parent[case_id]]
            case_id = self._parent[case_id]
        return case_id

    def join(self, a: str, b: str) -> None:
        low, high = sorted((self.root(a), self.root(b)))
        self._parent[high] = low
