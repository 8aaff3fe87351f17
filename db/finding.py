"""From what a person types to one case: an id, the start of an id, or a slug."""

from __future__ import annotations

from difflib import get_close_matches

from sqlmodel import Session, col, select

from corpus.errors import InvalidInput, NotFound
from db.tables import CaseRow, RevisionRow

NEAR_MISSES = 3


def find_case_id(session: Session, key: str) -> str:
    """The id of the one case that `key` names; an id first, then a slug, then the start of an id.

    Raises `NotFound` with the nearest ids and slugs, `InvalidInput` where several cases fit.
    """
    if session.get(CaseRow, key) is not None:
        return key
    by_slug = select(CaseRow.case_id).where(CaseRow.slug == key).limit(NEAR_MISSES + 1)
    by_start = select(CaseRow.case_id).where(col(CaseRow.case_id).startswith(key, autoescape=True))
    for query in (by_slug, by_start.order_by(col(CaseRow.case_id)).limit(NEAR_MISSES + 1)):
        found = session.exec(query).all() if key else ()
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(found[:NEAR_MISSES]) + (" and more" if len(found) > NEAR_MISSES else "")
            raise InvalidInput(f"{key!r} fits several cases ({some}); give more of the id.")
    raise NotFound(_not_found(session, key))


def newest_row(session: Session, case_id: str) -> RevisionRow:
    """The newest revision of a case that exists."""
    return session.get_one(RevisionRow, (case_id, session.get_one(CaseRow, case_id).newest))


def no_such_revision(session: Session, case_id: str, revision: int) -> NotFound:
    """The error for a revision that a case does not have."""
    newest = session.get_one(CaseRow, case_id).newest
    return NotFound(f"Case {case_id} has no revision {revision}; its newest is {newest}.")


def _not_found(session: Session, key: str) -> str:
    names = [name for row in session.exec(select(CaseRow.case_id, CaseRow.slug)) for name in row]
    near = get_close_matches(key, names, n=NEAR_MISSES, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`agents list` shows what there is."
    return f"There is no case {key!r}; {hint}"
