"""Which case comes next: by the value of a look, with a random tenth among them, or first in, first out.

The tenth is drawn by a seed and the case's id. It shows what the others look like that nobody would have
looked at first: without it, "what we approve" would be learned from the doubtful cases alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlencode

from agents.curator.digests import Digest, Digests, Flag
from agents.period import parse_period
from corpus.case import Status
from corpus.domains import domain_name
from corpus.errors import InvalidInput
from corpus.problems import Code
from db.curators import Lease
from db.mapping import CaseSummary
from db.repository import Cases
from db.selection import CaseFilter

SLICE = 10
"""One case in ten comes in random order."""


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


class Queue:
    """Lists the cases of a store in the order of work."""

    def __init__(self, cases: Cases, digests: Digests, seed: int) -> None:
        self._cases, self._digests, self._seed = cases, digests, seed

    def items(
        self, wanted: QueueFilter, leases: Mapping[str, Lease], skipped: frozenset[tuple[str, int]]
    ) -> list[QueueItem]:
        """All cases that fit, in order; skipped and leased ones at the end."""
        summaries = self._cases.list_cases(wanted.cases())
        items = [self._item(summary, leases, skipped) for summary in summaries]
        if wanted.flag in set(Flag):
            items = [item for item in items if Flag(wanted.flag) in item.digest.flags]
        if wanted.order == Order.FIFO:
            ordered = sorted(items, key=lambda item: (item.summary.created_at, item.summary.case_id))
        else:
            ordered = self._by_value(items)
        return sorted(ordered, key=lambda item: (item.skipped, item.lease is not None))

    def _item(
        self, summary: CaseSummary, leases: Mapping[str, Lease], skipped: frozenset[tuple[str, int]]
    ) -> QueueItem:
        return QueueItem(
            summary, self._digests.of(summary), self._draw(summary) % SLICE == 0, leases.get(summary.case_id),
            (summary.case_id, summary.revision) in skipped,
        )  # fmt: skip

    def _draw(self, summary: CaseSummary) -> int:
        return int.from_bytes(sha256(f"{self._seed}/{summary.case_id}".encode()).digest()[:8], "big")

    def _by_value(self, items: Sequence[QueueItem]) -> list[QueueItem]:
        """The most valuable first, after each nine of them one of the random tenth."""
        drawn = sorted((i for i in items if i.in_slice), key=lambda item: self._draw(item.summary))
        valued = sorted(
            (i for i in items if not i.in_slice), key=lambda item: (-item.digest.value, item.summary.case_id)
        )
        ordered: list[QueueItem] = []
        while valued or drawn:
            ordered += valued[: SLICE - 1] + drawn[:1]
            valued, drawn = valued[SLICE - 1 :], drawn[1:]
        return ordered
