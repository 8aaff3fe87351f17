"""The journal of calls that may cost money: attempts before they are sent, responses as they arrive.

A call is named by the hash of all that decides its response. Its response, once committed, is found by
that name for ever, in any run of the store, so nothing is paid for twice. An attempt without a response
shows what was under way when a process died. What a call says or costs, and whether to repeat it, is the
caller's business. Every method is durable when it returns.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, insert, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from corpus.errors import NotFound
from corpus.identity import canonical_json
from db.budget import CapReached, hold_run, reserve, settle
from db.clock import Clock, utc_now
from db.mapping import without_nul
from db.session import Store
from db.tables import AttemptRow, AttemptState, CallKind, ResponseRow

Json = Mapping[str, Any]
COMPRESSION = 1
"""zlib's fastest level: pages shrink to about a quarter, and a commit writes that much less."""


@dataclass(frozen=True)
class CallRecord:
    """A call about to be made."""

    key: str
    kind: CallKind
    label: str
    """Who asks: a role or a provider."""
    request: Json
    """What was hashed into the key; never a secret."""
    reserve_nanousd: int = 0
    """The most it can cost."""


@dataclass(frozen=True)
class ResponseRecord:
    """A response as it arrived."""

    body: bytes
    meta: Json
    cost_nanousd: int = 0


@dataclass(frozen=True)
class AttemptRecord:
    """One try of a call."""

    attempt_id: int
    key: str
    kind: CallKind
    label: str
    run_id: str | None
    state: AttemptState
    reserved_nanousd: int
    cost_nanousd: int | None
    failure: str
    started: datetime
    ended: datetime | None


_FIND = select(col(ResponseRow.body), col(ResponseRow.meta), col(ResponseRow.cost_nanousd)).where(
    col(ResponseRow.key) == bindparam("wanted")
)
_BEGIN = insert(AttemptRow).returning(type_coerce(col(AttemptRow.attempt_id), Integer()))
_HOLD_ATTEMPT = (
    select(
        col(AttemptRow.key),
        col(AttemptRow.run_id),
        col(AttemptRow.state),
        col(AttemptRow.reserved_nanousd),
        col(AttemptRow.cost_nanousd),
    )
    .where(col(AttemptRow.attempt_id) == bindparam("wanted"))
    .with_for_update()
)
_CLOSE = update(AttemptRow).where(col(AttemptRow.attempt_id) == bindparam("wanted"))
_ADD_SQLITE = sqlite.insert(ResponseRow).on_conflict_do_nothing()
_ADD_POSTGRES = postgresql.insert(ResponseRow).on_conflict_do_nothing()


class Journal:
    """The calls made for one run, or outside of any run (`run_id` None, no cap)."""

    def __init__(self, store: Store, run_id: str | None = None, clock: Clock = utc_now) -> None:
        self._store = store
        self._run_id = run_id
        self._clock = clock

    def lookup(self, key: str) -> ResponseRecord | None:
        """The committed response of a call, whichever run paid for it; None where there is none."""
        with self._store.reading() as session:
            row = session.connection().execute(_FIND, {"wanted": key}).one_or_none()
        return ResponseRecord(zlib.decompress(row[0]), json.loads(row[1]), row[2]) if row else None

    def begin(self, call: CallRecord) -> int | CapReached:
        """Write an attempt and reserve its worst case; the attempt's id, or the refusal of the cap.

        Raises `NotFound` where the run does not exist.
        """
        values = {
            "key": call.key,
            "kind": call.kind,
            "label": call.label,
            "request": canonical_json(dict(call.request)),
            "run_id": self._run_id,
            "state": AttemptState.OPEN,
            "reserved_nanousd": call.reserve_nanousd,
            "failure": "",
            "started": self._clock(),
        }
        with self._store.transaction() as connection:
            if self._run_id and (refusal := reserve(connection, self._run_id, call.reserve_nanousd)):
                return refusal
            return connection.execute(_BEGIN, values).scalar_one()

    def finish(self, attempt_id: int, response: ResponseRecord) -> None:
        """Store a response and turn the reservation into its cost, in one transaction.

        Where the call has a response already, from another attempt, that one stays; the cost counts.
        """
        values = {
            "attempt_id": attempt_id,
            "body": zlib.compress(response.body, COMPRESSION),
            "meta": canonical_json(dict(response.meta)),
            "cost_nanousd": response.cost_nanousd,
            "finished": self._clock(),
        }
        add = _ADD_SQLITE if self._store.is_sqlite else _ADD_POSTGRES
        with self._store.transaction() as connection:
            key = self._close(connection, attempt_id, AttemptState.FINISHED, response.cost_nanousd)
            connection.execute(add, {"key": key, **values})

    def fail(self, attempt_id: int, reason: str, *, cost_nanousd: int | None = None) -> None:
        """Close an attempt without a response; `cost_nanousd` None counts its worst case as paid."""
        with self._store.transaction() as connection:
            self._close(connection, attempt_id, AttemptState.FAILED, cost_nanousd, without_nul(reason))

    def attempts(self, *states: AttemptState) -> list[AttemptRecord]:
        """The attempts of this journal's run in the order they began, of the given states or of all."""
        query = select(AttemptRow).where(col(AttemptRow.run_id) == self._run_id)
        if states:
            query = query.where(col(AttemptRow.state).in_(states))
        with self._store.reading() as session:
            return [
                _attempt(row) for row in session.execute(query.order_by(col(AttemptRow.attempt_id))).scalars()
            ]

    def _close(
        self,
        connection: Connection,
        attempt_id: int,
        state: AttemptState,
        cost: int | None,
        failure: str = "",
    ) -> str:
        """Close an attempt and settle its reservation, once; the key of its call.

        An attempt that was given up as lost has been counted at its worst case; an answer that comes in
        after all corrects that. The run is held before the attempt, in the order of taking a run over, so
        that the two never wait for each other.
        """
        if self._run_id and not self._store.is_sqlite:
            hold_run(connection, self._run_id)
        row = connection.execute(_HOLD_ATTEMPT, {"wanted": attempt_id}).one_or_none()
        if row is None or row.run_id != self._run_id:
            raise NotFound(f"There is no attempt {attempt_id} in this journal; begin the call first.")
        final = row.reserved_nanousd if cost is None else cost
        if self._run_id and row.state is AttemptState.OPEN:
            settle(connection, self._run_id, row.reserved_nanousd, final)
        elif self._run_id:
            settle(connection, self._run_id, 0, final - row.cost_nanousd)
        ended = {"state": state, "cost_nanousd": final, "failure": failure, "ended": self._clock()}
        connection.execute(_CLOSE, {"wanted": attempt_id, **ended})
        return str(row.key)


def _attempt(row: AttemptRow) -> AttemptRecord:
    return AttemptRecord(
        attempt_id=row.attempt_id or 0,
        key=row.key,
        kind=row.kind,
        label=row.label,
        run_id=row.run_id,
        state=row.state,
        reserved_nanousd=row.reserved_nanousd,
        cost_nanousd=row.cost_nanousd,
        failure=row.failure,
        started=row.started,
        ended=row.ended,
    )
