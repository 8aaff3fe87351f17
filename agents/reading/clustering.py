"""Sentences that report one event, brought together by date and content.

One pass in order of date: each statement joins the cluster it agrees with best, or opens its own. Only
clusters that share rare words and a month with it are looked at, so tens of thousands of statements take
minutes, not days. Deterministic: the order of the input does not matter. Undated statements meet only
undated ones. Does not link events that follow from each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.reading.same_event import MEETING_DAYS, dates_exclude, pair_score, threshold
from agents.reading.signature import Rarity, Weighed, signature
from corpus.dates import EventDate, add_months

_KEYS = 8
"""Rarest stems under which a statement is filed."""
_SHARED_KEYS = 2
_CANDIDATES = 8
_COMPARED_MEMBERS = 3
_HOPEFUL = 0.6
"""A first comparison below this share of the threshold ends the matter."""
_CROWDED = 400
"""A word under which more clusters of a month are filed tells nothing apart."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence and when what it states happened."""

    text: str
    date: EventDate | None = None


def cluster(statements: Sequence[Statement], *, at_least: float | None = None) -> list[tuple[int, ...]]:
    """Places of the statements in groups of one event; every place stands in exactly one group.

    Groups come by the date of their first statement, places within a group likewise. `at_least` is the
    score from which two count as one event (default: the fitted threshold). How rare words are is learned
    from these statements.
    """
    order = sorted(range(len(statements)), key=lambda i: (_day(statements[i]), statements[i].text, i))
    rarity = Rarity.learned(statement.text for statement in statements)
    grouping = _Grouping(rarity, threshold() if at_least is None else at_least)
    for place in order:
        grouping.place(place, statements[place])
    return [tuple(member.place for member in group) for group in grouping.groups]


def _day(statement: Statement) -> str:
    return statement.date.first_day.isoformat() if statement.date else ""


@dataclass(frozen=True, slots=True)
class _Member:
    place: int
    weighed: Weighed
    date: EventDate | None


class _Grouping:
    """Groups found so far, filed under rare stems and months."""

    def __init__(self, rarity: Rarity, at_least: float) -> None:
        self.groups: list[list[_Member]] = []
        self._rarity = rarity
        self._at_least = at_least
        self._filed: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def place(self, place: int, statement: Statement) -> None:
        """Put one statement into the group it fits best, or into a new one."""
        member = _Member(place, self._rarity.weigh(signature(statement.text)), statement.date)
        keys = list(self._keys(member))
        best, best_score = -1, self._at_least
        for number in self._candidates(keys, member):
            score = self._fit(self.groups[number], member)
            if score > best_score or (score == best_score and best < 0):
                best, best_score = number, score
        if best < 0:
            best = len(self.groups)
            self.groups.append([])
        self.groups[best].append(member)
        for key in keys:
            if best not in self._filed[key][-_CROWDED:]:
                self._filed[key].append(best)

    def _keys(self, member: _Member) -> Iterator[tuple[str, str]]:
        stems = member.weighed.stems
        rarest = sorted(stems, key=lambda base: (-stems[base], base))[:_KEYS]
        for month in _months(member.date):
            for base in rarest:
                yield base, month

    def _candidates(self, keys: list[tuple[str, str]], member: _Member) -> list[int]:
        """Groups whose dates allow it and that share two filed words, those with the most in common first."""
        shared: Counter[int] = Counter()
        for key in keys:
            filed = self._filed.get(key, ())
            if len(filed) <= _CROWDED:
                shared.update(filed)
        need = min(_SHARED_KEYS, len(keys))
        hopeful = [
            (-count, number)
            for number, count in shared.items()
            if count >= need and not dates_exclude(self.groups[number][0].date, member.date)
        ]
        return [number for _, number in sorted(hopeful)[:_CANDIDATES]]

    def _fit(self, group: list[_Member], member: _Member) -> float:
        """Mean score with the group's first members; 0 where the first comparison leaves no hope."""
        scores: list[float] = []
        for other in group[:_COMPARED_MEMBERS]:
            score = pair_score(member.weighed, other.weighed, member.date, other.date)
            if not scores and score < _HOPEFUL * self._at_least:
                return 0.0
            scores.append(score)
        return sum(scores) / len(scores)


def _months(date: EventDate | None) -> list[str]:
    """The months a date touches, the days around it included; a year has all of its months."""
    if date is None:
        return [""]
    first = date.first_day.toordinal() - MEETING_DAYS
    last = date.last_day.toordinal() + MEETING_DAYS
    month = type(date.first_day).fromordinal(first).replace(day=1)
    months = []
    while month.toordinal() <= last:
        months.append(month.isoformat()[:7])
        month = add_months(month, 1)
    return months
