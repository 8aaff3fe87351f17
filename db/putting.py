"""Storing a case within an open transaction, so that it can be one with finishing its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, func, select

from corpus.case import Case, Status
from corpus.errors import NotFound, StaleCase
from corpus.identity import content_hash
from corpus.problems import Problem
from db.finding import newest_row
from db.mapping import Event, event_to_row, to_row, without_nul
from db.session import insert_if_absent
from db.tables import CaseRow, EventKind, RevisionRow


class PutResult(StrEnum):
    """What storing a case did."""

    NEW = "new"
    """Its id was unknown."""
    REVISED = "revised"
    """A further revision, for review."""
    UNCHANGED = "unchanged"
    """The same content is there already; nothing was written."""


@dataclass(frozen=True)
class Put:
    """The outcome of storing a case."""

    result: PutResult
    case_id: str
    revision: int
    """The revision that holds the content."""
    status: Status
    """The status of that revision."""


@dataclass(frozen=True)
class Edit:
    """A person's change to a case."""

    based_on: int
    """The revision the edit started from."""
    author: str
    reason: str


def put_case(
    session: Session, case: Case, problems: Sequence[Problem], now: datetime, edit: Edit | None = None
) -> Put:
    """Store a case unless its content is there already; `case.revision` is assigned here.

    An unknown id is stored as it is. Content equal to the newest revision, or to one that the same run
    stored before (a replay after a crash), is left alone. Anything else becomes a further revision with
    the status given, but never approved or rejected: that takes a decision of its own, and so does
    approving a case with errors; such a case is stored as pending. An approved revision stays the
    exported one until another is approved.
    """
    head = CaseRow(case_id=case.case_id, slug=without_nul(case.slug), newest=1)
    if insert_if_absent(session, head):
        return _insert(session, case, 1, problems, now, edit)
    newest = locked_case(session, case.case_id).newest
    if same := _same_content(session, case, replayed=edit is None):
        return Put(PutResult.UNCHANGED, case.case_id, same.revision, same.status)
    if edit and edit.based_on != newest:
        raise stale(case.case_id, edit.based_on, newest)
    return _insert(session, case, newest + 1, problems, now, edit)


def locked_case(session: Session, case_id: str) -> CaseRow:
    """The row of a case, held against other writers until the transaction ends."""
    head = session.get(CaseRow, case_id, with_for_update=True)
    if head is None:
        raise no_such_case(case_id)
    return head


def no_such_case(case_id: str) -> NotFound:
    """The error for an id that no case has."""
    return NotFound(f"There is no case {case_id!r}; `agents list` shows what there is.")


def settle_approved(session: Session, head: CaseRow) -> None:
    """Let a case's row name its approved revision with the highest number."""
    session.flush()
    approved = select(func.max(RevisionRow.revision)).where(
        RevisionRow.case_id == head.case_id, RevisionRow.status == Status.APPROVED
    )
    head.approved = session.exec(approved).one()
    session.add(head)


def stale(case_id: str, revision: int, newest: int) -> StaleCase:
    """The error of a save based on an old revision."""
    return StaleCase(
        f"Case {case_id} is at revision {newest} by now, this is based on {revision}; "
        "open the newest and decide anew."
    )


def _insert(
    session: Session,
    case: Case,
    revision: int,
    problems: Sequence[Problem],
    now: datetime,
    edit: Edit | None,
) -> Put:
    row = to_row(_for_storing(case, revision, problems), problems)
    head = session.get_one(CaseRow, case.case_id)
    head.newest, head.slug = revision, row.slug
    session.add(row)
    settle_approved(session, head)
    session.add(event_to_row(_stored_event(case, row, now, edit)))
    result = PutResult.NEW if revision == 1 else PutResult.REVISED
    return Put(result, case.case_id, revision, row.status)


def _for_storing(case: Case, revision: int, problems: Sequence[Problem]) -> Case:
    """The case with its number and a status that needs no decision."""
    decided = case.status in {Status.APPROVED, Status.REJECTED}
    barred = case.status is Status.APPROVED and any(p.severity == "error" for p in problems)
    status = Status.PENDING if barred or (decided and revision > 1) else case.status
    return case.model_copy(update={"revision": revision, "status": status})


def _stored_event(case: Case, row: RevisionRow, now: datetime, edit: Edit | None) -> Event:
    return Event(
        key=f"stored/{row.case_id}/{row.revision}",
        case_id=row.case_id,
        revision=row.revision,
        kind=EventKind.STORED,
        before=None,
        after=row.status,
        author=edit.author if edit else case.provenance.origin,
        reason=edit.reason if edit else case.provenance.note,
        details={"run_id": row.run_id} if row.run_id else {},
        at=now,
    )


def _same_content(session: Session, case: Case, *, replayed: bool) -> RevisionRow | None:
    """The revision that already holds this content: the newest, or, for a run's replay, one of the same run.

    A person may well go back to what an earlier revision said; a replay after a crash may not.
    """
    wanted = content_hash(case)
    newest = newest_row(session, case.case_id)
    if newest.content_hash == wanted or not replayed or not case.provenance.run_id:
        return newest if newest.content_hash == wanted else None
    same_run = select(RevisionRow).where(
        RevisionRow.case_id == case.case_id,
        RevisionRow.content_hash == wanted,
        RevisionRow.run_id == without_nul(case.provenance.run_id),
    )
    return session.exec(same_run.order_by(col(RevisionRow.revision).desc())).first()
