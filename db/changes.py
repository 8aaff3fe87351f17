"""Which cases have changed since one last looked: every change of a case appends an event, so events tell.

On Postgres event numbers are given out before they are committed, so a number that is skipped may still appear.
Such gaps are looked at again for `GAP_SECONDS`; after that the transaction that had taken the number is dead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlmodel import col

from db.clock import Clock, utc_now
from db.session import Store
from db.tables import EventRow

GAP_SECONDS = 300
LOOKED_BACK = 1_000
"""Numbers before the newest among which the first look searches for gaps."""


class Changes:
    """Remembers how far it has looked; to be used by one thread at a time."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store, self._clock = store, clock
        self._highest: int | None = None
        self._gaps: dict[int, datetime] = {}

    def look(self) -> frozenset[str] | None:
        """The cases with events that were not seen before; None at the first look: all of them."""
        now = self._clock()
        if self._highest is None:
            self._begin(now)
            return None
        missing = list(self._gaps)
        fresh = col(EventRow.event_id) > self._highest
        wanted = or_(fresh, col(EventRow.event_id).in_(missing)) if missing else fresh
        with self._store.glancing() as connection:
            found = connection.execute(
                select(col(EventRow.event_id), col(EventRow.case_id)).where(wanted)
            ).all()
        self._note({row[0] or 0 for row in found}, self._highest, now)
        return frozenset(row[1] for row in found)

    def _begin(self, now: datetime) -> None:
        with self._store.glancing() as connection:
            newest = connection.execute(select(func.max(EventRow.event_id))).scalar()
            highest = newest or 0
            recent = select(col(EventRow.event_id)).where(col(EventRow.event_id) > highest - LOOKED_BACK)
            found = {number or 0 for number in connection.execute(recent).scalars()}
        self._highest = max(0, highest - LOOKED_BACK)
        self._note({number for number in found if number <= highest}, self._highest, now)

    def _note(self, found: set[int], after: int, now: datetime) -> None:
        highest = max(found, default=after)
        for number in range(after + 1, highest):
            if number not in found:
                self._gaps.setdefault(number, now)
        dead = now - timedelta(seconds=GAP_SECONDS)
        self._gaps = {n: since for n, since in self._gaps.items() if n not in found and since > dead}
        self._highest = max(after, highest)
