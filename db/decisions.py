"""Decisions on a case: they set a revision's status and append an event, together or not at all.

Each carries a key that its caller chose; the same key again changes nothing, so that a decision whose
answer got lost can be sent again. Nothing here knows who may decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, select

from corpus.case import Status
from corpus.errors import InvalidInput, NotFound, OpenProblems, StaleCase
from db.mapping import Event, event_from_row, event_to_row
from db.putting import locked_case, settle_approved, stale
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


def decide(session: Session, decision: Decision, now: datetime) -> Event:
    """Apply a decision; see `db.repository.Cases.set_status`."""
    head = locked_case(session, decision.case_id)
    if known := _event(session, decision.key):
        return _same(known, decision.case_id, decision.revision, decision.status)
    row = session.get(RevisionRow, (decision.case_id, decision.revision))
    if row is None:
        raise NotFound(
            f"Case {decision.case_id} has no revision {decision.revision}; its newest is {head.newest}."
        )
    if decision.revision != head.newest:
        raise stale(decision.case_id, decision.revision, head.newest)
    event = Event(
        key=decision.key,
        case_id=decision.case_id,
        revision=decision.revision,
        kind=EventKind.DECIDED,
        before=row.status,
        after=decision.status,
        author=decision.author,
        reason=decision.reason,
        details=decision.details,
        at=now,
    )
    return _apply(session, head, row, event)


def undo(session: Session, wish: Undo, now: datetime) -> Event:
    """Take a decision back by a further event; see `db.repository.Cases.undo`."""
    taken = _event(session, wish.taken)
    if taken is None or taken.before is None:
        raise InvalidInput(f"{wish.taken!r} is no decision that could be taken back.")
    head = locked_case(session, taken.case_id)
    if known := _event(session, wish.key):
        return _same(known, taken.case_id, taken.revision, taken.before)
    row = session.get_one(RevisionRow, (taken.case_id, taken.revision), populate_existing=True)
    if row.status is not taken.after:
        raise StaleCase(
            f"Case {taken.case_id} revision {taken.revision} is {row.status} by now, no longer "
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
    return _apply(session, head, row, event)


def _apply(session: Session, head: CaseRow, row: RevisionRow, event: Event) -> Event:
    if event.after is Status.APPROVED and row.error_count:
        raise OpenProblems(
            f"Case {row.case_id} revision {row.revision} has {row.error_count} errors "
            f"({row.problem_codes.strip()}); mend them, or send it back."
        )
    row.status = event.after
    session.add(row)
    settle_approved(session, head)
    session.add(event_to_row(event))
    return event


def _event(session: Session, key: str) -> Event | None:
    row = session.exec(select(EventRow).where(EventRow.key == key)).first()
    return event_from_row(row) if row else None


def _same(known: Event, case_id: str, revision: int, status: Status) -> Event:
    """The event of a decision sent twice; an error where the key stood for another one."""
    if (known.case_id, known.revision, known.after) != (case_id, revision, status):
        raise InvalidInput(
            f"The key {known.key!r} already stands for {known.after} on case {known.case_id} "
            f"revision {known.revision}; give each decision a key of its own."
        )
    return known
