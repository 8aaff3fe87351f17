"""Cases: storing revisions, finding them, deciding on them.

Every public method is one transaction. Nothing stored is ever overwritten: a changed case is a further
revision, a decision sets a status and appends an event. Documents, runs, the journal and curators have
modules of their own. Validation is the caller's: problems come in with the case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Select, func, select
from sqlmodel import col

from corpus.case import Case, Status
from corpus.problems import Problem
from db.clock import Clock, utc_now
from db.decisions import Decision, Skip, Undo, decide, note_skip, undo
from db.finding import find_case_id, newest_row, no_such_revision
from db.mapping import (
    SUMMARY_COLUMNS,
    CaseSummary,
    Event,
    StoredCase,
    event_from_row,
    from_row,
    summary_from,
)
from db.putting import Edit, Put, put_case
from db.selection import CaseFilter
from db.session import Store
from db.tables import CaseRow, EventRow, RevisionRow

EVERYTHING = CaseFilter()
_ENTERED = (
    select(func.min(EventRow.event_id)).where(col(EventRow.case_id) == col(CaseRow.case_id)).scalar_subquery()
)


class Cases:
    """The cases of a store."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def put(self, case: Case, problems: Sequence[Problem] = (), edit: Edit | None = None) -> Put:
        """Store a case unless its content is there already; the rules stand at `db.putting.put_case`.

        With an `edit` that started from a revision which is no longer the newest: `StaleCase`.
        """
        with self._store.writing() as session:
            return put_case(session, case, problems, self._clock(), edit)

    def get(self, key: str, revision: int | None = None) -> StoredCase:
        """The newest revision (or the one asked for) of a case, by id, slug or unique start of an id.

        Raises `NotFound`, with near misses, and `InvalidInput` where several cases fit.
        """
        with self._store.reading() as session:
            case_id = find_case_id(session, key)
            if revision is None:
                return from_row(newest_row(session, case_id))
            row = session.get(RevisionRow, (case_id, revision))
            if row is None:
                raise no_such_revision(session, case_id, revision)
            return from_row(row)

    def get_approved(self, key: str) -> StoredCase | None:
        """The revision that is exported, or None where none is approved."""
        with self._store.reading() as session:
            case_id = find_case_id(session, key)
            approved = session.get_one(CaseRow, case_id).approved
            if approved is None:
                return None
            return from_row(session.get_one(RevisionRow, (case_id, approved)))

    def list_cases(
        self,
        chosen: CaseFilter = EVERYTHING,
        *,
        only: Collection[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[CaseSummary]:
        """Summaries of the newest revisions that fit, by seed date, then id; `only` of the cases with these ids."""
        columns = [getattr(RevisionRow, name) for name in SUMMARY_COLUMNS]
        query = _newest(select(CaseRow.approved, _ENTERED, *columns), chosen)  # type: ignore[call-overload]
        if only is not None:
            query = query.where(col(RevisionRow.case_id).in_(only))
        query = query.order_by(col(RevisionRow.seed_first_day), col(RevisionRow.case_id))
        with self._store.reading() as session:
            rows = session.execute(query.limit(limit).offset(offset)).all()
        return [
            summary_from(dict(zip(SUMMARY_COLUMNS, row[2:], strict=True)), row[0], row[1]) for row in rows
        ]

    def count(self, chosen: CaseFilter = EVERYTHING) -> int:
        """How many cases fit."""
        with self._store.reading() as session:
            return int(session.execute(_newest(select(func.count()), chosen)).scalar_one())

    def count_by_status(self, chosen: CaseFilter = EVERYTHING) -> Mapping[Status, int]:
        """How many cases of each status fit; statuses without one are there with 0."""
        query = _newest(select(col(RevisionRow.status), func.count()), chosen)
        with self._store.reading() as session:
            found = {row[0]: int(row[1]) for row in session.execute(query.group_by(col(RevisionRow.status)))}
        return {status: found.get(status, 0) for status in Status}

    def set_status(self, decision: Decision) -> Event:
        """Decide on the newest revision; the same key again gives the same event and changes nothing.

        Raises `StaleCase` where the revision is not the newest, `OpenProblems` where a case with errors
        is to be approved, `NotFound`, and `InvalidInput` where the key stands for another decision.
        """
        with self._store.transaction() as connection:
            return decide(connection, decision, self._clock())

    def undo(self, wish: Undo) -> Event:
        """Take a decision back by a further event; idempotent by its key.

        Works on an older revision too, as long as its status is still the decided one, else `StaleCase`.
        """
        with self._store.transaction() as connection:
            return undo(connection, wish, self._clock())

    def skip(self, skip: Skip) -> None:
        """Note that somebody put a case off; once for each author and revision, however often it is sent."""
        with self._store.transaction() as connection:
            note_skip(connection, skip, self._clock())

    def history(self, key: str) -> list[Event]:
        """Every event of a case, oldest first."""
        with self._store.reading() as session:
            mine = select(EventRow).where(col(EventRow.case_id) == find_case_id(session, key))
            rows = session.execute(mine.order_by(col(EventRow.event_id))).scalars()
            return [event_from_row(row) for row in rows]


def _newest(query: Select[*tuple[object, ...]], chosen: CaseFilter) -> Select[*tuple[object, ...]]:
    """The query over the newest revisions that fit."""
    joined = query.select_from(RevisionRow).join(
        CaseRow,
        (col(CaseRow.case_id) == col(RevisionRow.case_id))
        & (col(CaseRow.newest) == col(RevisionRow.revision)),
    )
    return joined.where(*chosen.conditions())
