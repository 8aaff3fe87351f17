"""What a person has decided lately: for undoing, and for showing how the work goes."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import col

from db.mapping import Event, event_from_row
from db.session import Store
from db.tables import EventKind, EventRow

_LOOKED_BACK = 10
"""How many times `limit` events are read, so that taken-back decisions do not use the list up."""


class Activity:
    """The decisions in a store, by author."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def standing_decisions(self, author: str, limit: int) -> list[Event]:
        """An author's newest decisions that were not taken back, newest first."""
        mine = (
            select(EventRow)
            .where(
                col(EventRow.author) == author, col(EventRow.kind).in_((EventKind.DECIDED, EventKind.UNDONE))
            )
            .order_by(col(EventRow.event_id).desc())
            .limit(limit * _LOOKED_BACK)
        )
        with self._store.reading() as session:
            rows = session.execute(mine).scalars().all()
        undone = {json.loads(row.details).get("undoes") for row in rows if row.kind is EventKind.UNDONE}
        standing = [row for row in rows if row.kind is EventKind.DECIDED and row.key not in undone]
        return [event_from_row(row) for row in standing[:limit]]

    def undone_by(self, key: str) -> str | None:
        """The key of the decision that the event `key` took back; None where there is no such event."""
        with self._store.reading() as session:
            row = session.execute(select(EventRow).where(col(EventRow.key) == key)).scalar_one_or_none()
        found = json.loads(row.details).get("undoes") if row else None
        return None if found is None else str(found)

    def skipped(self, author: str) -> frozenset[tuple[str, int]]:
        """Case id and revision of everything an author has put off."""
        mine = select(col(EventRow.case_id), col(EventRow.revision)).where(
            col(EventRow.author) == author, col(EventRow.kind) == EventKind.SKIPPED
        )
        with self._store.glancing() as connection:
            return frozenset((row[0], int(row[1])) for row in connection.execute(mine))

    def decided_since(self, author: str, *moments: datetime) -> tuple[int, ...]:
        """How many decisions an author took since each moment, less those taken back since."""
        sums = [func.coalesce(func.sum(_weight(moment)), 0) for moment in moments]
        query = select(*sums).where(col(EventRow.author) == author, col(EventRow.at) >= min(moments))
        with self._store.glancing() as connection:
            return tuple(int(value) for value in connection.execute(query).one())


def _weight(since: datetime) -> ColumnElement[int]:
    """1 for a decision since the moment, −1 for one taken back, 0 for everything else."""
    late = col(EventRow.at) >= since
    decided, undone = col(EventRow.kind) == EventKind.DECIDED, col(EventRow.kind) == EventKind.UNDONE
    return case((late & decided, 1), (late & undone, -1), else_=0)
