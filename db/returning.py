"""Cases that a curator sent back: the note they were sent back with, and their way back to a curator.

A run that finds the same content, or ends without a case, stores nothing. The case then waits for a curator
again, and its history says what the run came to: else it would be researched by every run and seen by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from corpus.case import Status
from db.finding import newest_row
from db.mapping import Event, event_to_row
from db.putting import locked_case
from db.session import insert_if_absent
from db.tables import EventKind

AUTHOR = "agents"


@dataclass(frozen=True)
class SentBack:
    """The newest "needs work" of a case that was not taken back and that no decision has followed."""

    note: Event
    answer: Event | None
    """A run's new revision, or that it found the same or nothing; None while no run has come to it."""


def sent_back(history: Iterable[Event]) -> SentBack | None:
    """Read it off a case's events, oldest first; None where the case was not sent back."""
    events = list(history)
    undone = {event.details.get("undoes") for event in events if event.kind is EventKind.UNDONE}
    decided = [n for n, e in enumerate(events) if e.kind is EventKind.DECIDED and e.key not in undone]
    if not decided or events[decided[-1]].after is not Status.NEEDS_WORK:
        return None
    answers = [event for event in events[decided[-1] + 1 :] if _is_answer(event)]
    return SentBack(events[decided[-1]], answers[-1] if answers else None)


def _is_answer(event: Event) -> bool:
    """A curator's edit keeps the run of the case, so the author tells a run's revision from it."""
    return event.kind is EventKind.RESEARCHED or (event.kind is EventKind.STORED and event.author == AUTHOR)


def come_back(session: Session, case_id: str, run_id: str, found: str, now: datetime) -> None:
    """Let the newest revision of a case that needs work wait for a curator; once for each run and revision."""
    locked_case(session, case_id)
    newest = newest_row(session, case_id)
    if newest.status is not Status.NEEDS_WORK:
        return
    event = Event(
        key=f"researched/{run_id}/{case_id}/{newest.revision}",
        case_id=case_id,
        revision=newest.revision,
        kind=EventKind.RESEARCHED,
        before=newest.status,
        after=Status.PENDING,
        author=AUTHOR,
        reason=found,
        details={"run_id": run_id},
        at=now,
    )
    if insert_if_absent(session, event_to_row(event)):
        newest.status = Status.PENDING
        session.add(newest)
