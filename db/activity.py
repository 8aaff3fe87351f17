"""What a person has decided lately: for undoing, and for showing how the work goes."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import func, select
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
            .where(col(EventRow.author) == author, col(EventRow.kind) != EventKind.STORED)
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

    def decided_since(self, moment: datetime, author: str | None = None) -> int:
        """How many decisions were taken since a moment, less those taken back since; by one author or all."""
        return self._count(EventKind.DECIDED, moment, author) - self._count(EventKind.UNDONE, moment, author)

    def _count(self, kind: EventKind, moment: datetime, author: str | None) -> int:
        query = select(func.count()).where(col(EventRow.kind) == kind, col(EventRow.at) >= moment)
        if author is not None:
            query = query.where(col(EventRow.author) == author)
        with self._store.reading() as session:
            return int(session.execute(query).scalar_one())
