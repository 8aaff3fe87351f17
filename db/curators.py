"""Curators and their leases: who may review, and who has which case open.

Only the sha256 of a token is stored; the token itself is shown once and then known to its owner alone.
Rights, sessions and pages are not here.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlmodel import col

from corpus.errors import InvalidInput, NotFound
from db.clock import Clock, utc_now
from db.putting import locked_case
from db.session import Store, insert_if_absent
from db.tables import CuratorRow, LeaseRow

_OWNER = select(col(CuratorRow.name)).where(col(CuratorRow.token_hash) == bindparam("token_hash"))
_TOKEN = select(col(CuratorRow.token_hash)).where(col(CuratorRow.name) == bindparam("name"))


@dataclass(frozen=True)
class Lease:
    """Who has a case open, and until when."""

    case_id: str
    curator: str
    until: datetime


class Curators:
    """The people who review, by name and token."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def add(self, name: str) -> str:
        """Add a curator; their token, which is not stored and cannot be shown again."""
        token = secrets.token_urlsafe(24)
        row = CuratorRow(name=name, token_hash=_hash(token), added=self._clock())
        with self._store.writing() as session:
            if not name.strip() or "\0" in name or not insert_if_absent(session, row):
                raise InvalidInput(f"A curator cannot be called {name!r}; take a name that is not taken.")
        return token

    def replace_token(self, name: str) -> str:
        """Give a curator a new token; the old one is worth nothing from now on."""
        token = secrets.token_urlsafe(24)
        with self._store.writing() as session:
            row = session.get(CuratorRow, name)
            if row is None:
                raise NotFound(f"There is no curator {name!r}; add one first.")
            row.token_hash = _hash(token)
        return token

    def whose(self, token: str) -> str | None:
        """The name of the curator with that token, or None."""
        with self._store.glancing() as connection:
            return connection.execute(_OWNER, {"token_hash": _hash(token)}).scalar_one_or_none()

    def token_hash(self, name: str) -> str | None:
        """The stored hash of a curator's token, which changes with the token; None for a stranger."""
        with self._store.glancing() as connection:
            return connection.execute(_TOKEN, {"name": name}).scalar_one_or_none()

    def names(self) -> list[str]:
        """All curators, by name."""
        with self._store.reading() as session:
            return list(
                session.execute(select(col(CuratorRow.name)).order_by(col(CuratorRow.name))).scalars()
            )


class Leases:
    """Cases held open by curators for a while."""

    def __init__(self, store: Store, duration: timedelta, clock: Clock = utc_now) -> None:
        self._store = store
        self._duration = duration
        self._clock = clock

    def take(self, case_id: str, curator: str) -> Lease:
        """Take or prolong the lease on a case; the lease in force, which may be somebody else's."""
        now = self._clock()
        with self._store.writing() as session:
            locked_case(session, case_id)
            row = session.get(LeaseRow, case_id)
            if row is not None and row.until > now and row.curator != curator:
                return Lease(case_id, row.curator, row.until)
            row = row or LeaseRow(case_id=case_id, curator=curator, until=now)
            row.curator, row.until = curator, now + self._duration
            session.add(row)
            return Lease(case_id, curator, row.until)

    def give_back(self, case_id: str, curator: str) -> None:
        """End a curator's own lease on a case."""
        mine = (col(LeaseRow.case_id) == case_id) & (col(LeaseRow.curator) == curator)
        with self._store.writing() as session:
            session.execute(delete(LeaseRow).where(mine))

    def held(self, *, by_others_than: str = "") -> dict[str, Lease]:
        """The leases in force by case id, those of one curator left out."""
        others = (col(LeaseRow.until) > self._clock()) & (col(LeaseRow.curator) != by_others_than)
        with self._store.reading() as session:
            rows = session.execute(select(LeaseRow).where(others)).scalars()
            return {row.case_id: Lease(row.case_id, row.curator, row.until) for row in rows}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
