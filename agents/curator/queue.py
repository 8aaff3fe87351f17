"""Which case comes next: by the value of a look, with a random tenth among them, or first in, first out.

The tenth is drawn by a seed and the case's id. It shows what the others look like that nobody would have
looked at first: without it, "what we approve" would be learned from the doubtful cases alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter
from typing import overload
from urllib.parse import urlencode

from agents.curator.digests import Digest, Flag
from agents.curator.standing import Entry, Standing
from agents.period import parse_period
from corpus.case import Status
from corpus.domains import domain_name
from corpus.errors import InvalidInput
from corpus.problems import Code
from db.curators import Lease
from db.mapping import CaseSummary
from db.selection import CaseFilter

SLICE = 10
"""One case in ten comes in random order."""
ORDERS_KEPT = 50
"""Filters whose order is kept."""


class Order(StrEnum):
    """How the queue is ordered."""

    VALUE = "value"
    """What a look is worth, a random tenth in between."""
    FIFO = "fifo"
    """As the cases were stored."""


@dataclass(frozen=True)
class QueueFilter:
    """What the address of the page asks for."""

    status: str = Status.PENDING.value
    domain: str = ""
    period: str = ""
    flag: str = ""
    run: str = ""
    order: str = Order.VALUE.value

    @classmethod
    def read(cls, query: Mapping[str, str]) -> QueueFilter:
        """From a query string; raises InvalidInput where a value is none of the known ones."""
        found = cls(**{name: query[name].strip() for name in cls.__dataclass_fields__ if name in query})
        found.cases()
        Order(found.order) if found.order in set(Order) else _unknown("order", found.order, Order)
        return found

    @property
    def query(self) -> str:
        """The query string that gives this filter again; what is as usual is left out."""
        usual = QueueFilter()
        named = {
            n: getattr(self, n) for n in self.__dataclass_fields__ if getattr(self, n) != getattr(usual, n)
        }
        return urlencode(named)

    def cases(self) -> CaseFilter:
        """The part of it that the store can answer."""
        if self.status and self.status not in set(Status):
            _unknown("status", self.status, Status)
        if self.flag and self.flag not in {*Flag, *Code}:
            _unknown("flag", self.flag, Flag)
        span = parse_period(self.period) if self.period else None
        return CaseFilter(
            statuses=(Status(self.status),) if self.status else (),
            domains=(domain_name(self.domain, allow_new=True),) if self.domain else (),
            first_day=span.first.first_day if span else None,
            last_day=span.last.last_day if span else None,
            run_id=self.run or None,
            problem=Code(self.flag) if self.flag in set(Code) else None,
        )


def _unknown(name: str, value: str, known: type[StrEnum]) -> None:
    raise InvalidInput(f"{value!r} is no {name}; use one of {', '.join(known)}.")


@dataclass(frozen=True)
class QueueItem:
    """A case in the queue."""

    summary: CaseSummary
    digest: Digest
    in_slice: bool
    lease: Lease | None
    """Who else has it open."""
    skipped: bool


class Listing(Sequence[QueueItem]):
    """The queue in the order of work; what is shown of a case is put together when it is looked at."""

    def __init__(
        self, order: Sequence[Entry], leases: Mapping[str, Lease], skipped: frozenset[tuple[str, int]]
    ) -> None:
        self._order, self._leases, self._skipped = order, leases, skipped

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, at: int) -> QueueItem: ...
    @overload
    def __getitem__(self, at: slice) -> list[QueueItem]: ...
    def __getitem__(self, at: int | slice) -> QueueItem | list[QueueItem]:
        if isinstance(at, slice):
            return [self._item(entry) for entry in self._order[at]]
        return self._item(self._order[at])

    def ids(self) -> list[str]:
        """The case ids in order."""
        return [entry.summary.case_id for entry in self._order]

    def _item(self, entry: Entry) -> QueueItem:
        key = entry.summary.case_id
        skipped = (key, entry.summary.revision) in self._skipped
        return QueueItem(entry.summary, entry.digest, in_slice(entry), self._leases.get(key), skipped)


def in_slice(entry: Entry) -> bool:
    """Whether a case is one of the random tenth."""
    return entry.draw % SLICE == 0


def drawing(seed: int) -> Callable[[str], int]:
    """The random number of a case id, by a seed."""
    return lambda case_id: int.from_bytes(sha256(f"{seed}/{case_id}".encode()).digest()[:8], "big")


class Queue:
    """Lists the cases of a store in the order of work."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._orders: dict[QueueFilter, tuple[int, list[Entry]]] = {}

    def items(
        self, wanted: QueueFilter, leases: Mapping[str, Lease], skipped: frozenset[tuple[str, int]]
    ) -> Listing:
        """All cases that fit, in order; leased ones at the end, and skipped ones after those."""
        order = self._order(wanted)
        if leases or skipped:
            order = sorted(
                order,
                key=lambda e: (
                    (e.summary.case_id, e.summary.revision) in skipped,
                    e.summary.case_id in leases,
                ),
            )
        return Listing(order, leases, skipped)

    def seed_events(self, case_ids: Iterable[str]) -> list[str]:
        """The seeds of cases, by what is held in memory."""
        _, entries = self._standing.now()
        return [entries[case_id].summary.seed_event for case_id in case_ids]

    def _order(self, wanted: QueueFilter) -> list[Entry]:
        """The order without regard to who asks, made anew when a case has changed."""
        version, entries = self._standing.now()
        known = self._orders.get(wanted)
        if known is None or known[0] != version:
            if len(self._orders) >= ORDERS_KEPT:
                self._orders.clear()
            known = self._orders[wanted] = (version, _ordered(wanted, entries.values()))
        return known[1]


def _ordered(wanted: QueueFilter, entries: Iterable[Entry]) -> list[Entry]:
    chosen = wanted.cases()
    flag = Flag(wanted.flag) if wanted.flag in set(Flag) else None
    fitting = [e for e in entries if chosen.fits(e.summary) and (flag is None or flag in e.digest.flags)]
    if wanted.order == Order.FIFO:
        return sorted(fitting, key=lambda e: (e.summary.entered, e.summary.case_id))
    return _by_value(fitting)


def _by_value(entries: Sequence[Entry]) -> list[Entry]:
    """The most valuable first, after each nine of them one of the random tenth."""
    drawn = sorted((e for e in entries if in_slice(e)), key=attrgetter("draw"))
    valued = sorted((e for e in entries if not in_slice(e)), key=attrgetter("worth"))
    ordered: list[Entry] = []
    for n in range(max(-(-len(valued) // (SLICE - 1)), len(drawn))):
        ordered += valued[n * (SLICE - 1) : (n + 1) * (SLICE - 1)]
        ordered += drawn[n : n + 1]
    return ordered
