"""Decisions on a case: they set a revision's status and append an event, together or not at all.

Each carries a key that its caller chose; the same key again changes nothing, so that a decision whose
answer got lost can be sent again. Nothing here knows who may decide. The statements are made once and name the
columns they need: a revision's body is never read to decide on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, update
from sqlmodel import col

from corpus.case import Status
from corpus.errors import InvalidInput, NotFound, OpenProblems, StaleCase
from db.mapping import Event, event_from_row, event_values
from db.putting import no_such_case, stale
from db.tables import CaseRow, EventKind, EventRow, RevisionRow


@dataclass(frozen=True)
class Decision:
    """What a person wants to become of the newest revision of a case."""

    case_id: str
    revision: int
    status: Status
    author: str
    reason: str
    key: str
    details: Mapping[str, str] = field(default_factory=dict)
    """What else belongs to it, such as the version of the guidelines or a reason code."""


@dataclass(frozen=True)
class Undo:
    """A decision to be taken back."""

    taken: str
    """Key of the decision."""
    author: str
    reason: str
    key: str


@dataclass(frozen=True)
class Skip:
    """A case that somebody puts off."""

    case_id: str
    revision: int
    author: str

    @property
    def key(self) -> str:
        """One for each author and revision."""
        return f"skip/{self.author}/{self.case_id}/{self.revision}"


_CASE: BindParameter[str] = bindparam("case_id")
_HEAD = select(col(CaseRow.newest)).where(col(CaseRow.case_id) == _CASE).with_for_update()
_EVENT = select(*EventRow.__table__.columns).where(col(EventRow.key) == bindparam("key"))  # type: ignore[attr-defined]
_SEEN = (
    select(
        col(RevisionRow.status), col(RevisionRow.error_count), col(RevisionRow.problem_codes),
        *EventRow.__table__.columns,  # type: ignore[attr-defined]
    )
    .select_from(RevisionRow)
    .outerjoin(EventRow, col(EventRow.key) == bindparam("key"))
    .where(col(RevisionRow.case_id) == _CASE, col(RevisionRow.revision) == bindparam("revision"))
)  # fmt: skip
"""A revision's standing and the event of a key, if there is one: read after the lock, or it might be missed."""
_SET_STATUS = (
    update(RevisionRow)
    .where(
        col(RevisionRow.case_id) == bindparam("of_case"),
        col(RevisionRow.revision) == bindparam("of_revision"),
    )
    .values(status=bindparam("after"))
)
_APPROVED = (
    select(func.max(RevisionRow.revision))
    .where(col(RevisionRow.case_id) == bindparam("of_case"), col(RevisionRow.status) == Status.APPROVED)
    .scalar_subquery()
)
_SETTLE = update(CaseRow).where(col(CaseRow.case_id) == bindparam("of_case")).values(approved=_APPROVED)
_APPEND = insert(EventRow)


def decide(connection: Connection, decision: Decision, now: datetime) -> Event:
    """Apply a decision; see `db.repository.Cases.set_status`."""
    newest = _locked(connection, decision.case_id)
    seen = _standing(connection, decision.case_id, decision.revision, decision.key)
    if seen is None:
        raise NotFound(
            f"Case {decision.case_id} has no revision {decision.revision}; its newest is {newest}."
        )
    if seen.key is not None:
        return _same(event_from_row(seen), decision.case_id, decision.revision, decision.status)
    if decision.revision != newest:
        raise stale(decision.case_id, decision.revision, newest)
    event = Event(
        key=decision.key,
        case_id=decision.case_id,
        revision=decision.revision,
        kind=EventKind.DECIDED,
        before=seen.status,
        after=decision.status,
        author=decision.author,
        reason=decision.reason,
        details=decision.details,
        at=now,
    )
    return _apply(connection, seen, event)


def undo(connection: Connection, wish: Undo, now: datetime) -> Event:
    """Take a decision back by a further event; see `db.repository.Cases.undo`."""
    row = connection.execute(_EVENT, {"key": wish.taken}).first()
    taken = event_from_row(row) if row else None
    if taken is None or taken.before is None or taken.kind is not EventKind.DECIDED:
        raise InvalidInput(f"{wish.taken!r} is no decision that could be taken back.")
    _locked(connection, taken.case_id)
    seen = _standing(connection, taken.case_id, taken.revision, wish.key)
    if seen is None:
        raise NotFound(f"Case {taken.case_id} has no revision {taken.revision} any more.")
    if seen.key is not None:
        return _same(event_from_row(seen), taken.case_id, taken.revision, taken.before)
    if seen.status is not taken.after:
        raise StaleCase(
            f"Case {taken.case_id} revision {taken.revision} is {seen.status} by now, no longer "
            f"{taken.after}; open it again and decide anew."
        )
    event = Event(
        key=wish.key,
        case_id=taken.case_id,
        revision=taken.revision,
        kind=EventKind.UNDONE,
        before=taken.after,
        after=taken.before,
        author=wish.author,
        reason=wish.reason,
        details={"undoes": wish.taken},
        at=now,
    )
    return _apply(connection, seen, event)


def note_skip(connection: Connection, skip: Skip, now: datetime) -> None:
    """Append the event of a skip; see `db.repository.Cases.skip`."""
    _locked(connection, skip.case_id)
    seen = _standing(connection, skip.case_id, skip.revision, skip.key)
    if seen is None:
        raise NotFound(f"Case {skip.case_id} has no revision {skip.revision}; load the page again.")
    if seen.key is None:
        event = Event(
            skip.key,
            skip.case_id,
            skip.revision,
            EventKind.SKIPPED,
            None,
            seen.status,
            skip.author,
            "",
            {},
            now,
        )
        connection.execute(_APPEND, event_values(event))


def _locked(connection: Connection, case_id: str) -> int:
    """The newest revision of a case, which is held against other writers until the transaction ends."""
    newest = connection.execute(_HEAD, {"case_id": case_id}).scalar()
    if newest is None:
        raise no_such_case(case_id)
    return int(newest)


def _standing(connection: Connection, case_id: str, revision: int, key: str) -> Row[*tuple[Any, ...]] | None:
    return connection.execute(_SEEN, {"case_id": case_id, "revision": revision, "key": key}).first()


def _apply(connection: Connection, seen: Row[*tuple[Any, ...]], event: Event) -> Event:
    if event.after is Status.APPROVED and seen.error_count:
        raise OpenProblems(
            f"Case {event.case_id} revision {event.revision} has {seen.error_count} errors "
            f"({seen.problem_codes.strip()}); mend them, or send it back."
        )
    place = {"of_case": event.case_id, "of_revision": event.revision}
    connection.execute(_SET_STATUS, {**place, "after": event.after})
    if Status.APPROVED in (event.before, event.after):
        connection.execute(_SETTLE, {"of_case": event.case_id})
    connection.execute(_APPEND, event_values(event))
    return event


def _same(known: Event, case_id: str, revision: int, status: Status) -> Event:
    """The event of a decision sent twice; an error where the key stood for another one."""
    if (known.case_id, known.revision, known.after) != (case_id, revision, status):
        raise InvalidInput(
            f"The key {known.key!r} already stands for {known.after} on case {known.case_id} "
            f"revision {known.revision}; give each decision a key of its own."
        )
    return known
