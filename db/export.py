"""From the store to a snapshot: the approved cases, in a fixed order and constant memory.

This is the one module that both command lines use; writing the files is `corpus.snapshot`.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import collate, select
from sqlmodel import col

from corpus.case import Case
from db.mapping import from_row
from db.selection import CaseFilter
from db.session import Store
from db.tables import CaseRow, RevisionRow

PAGE = 200
"""Rows fetched at a time: some 10 MB of cases."""


def approved_cases(store: Store, chosen: CaseFilter | None = None) -> Iterator[Case]:
    """The approved revision of each case that fits, by case id in byte order, as of one moment.

    A case with a newer, unapproved revision is handed out in its approved one; the filter looks at that
    one too. Close the iterator, or read it to its end, to give its connection back.
    """
    conditions = (chosen or CaseFilter()).conditions()
    exported = (col(CaseRow.case_id) == col(RevisionRow.case_id)) & (
        col(CaseRow.approved) == col(RevisionRow.revision)
    )
    bytewise = collate(col(RevisionRow.case_id), "BINARY" if store.is_sqlite else "C")
    query = select(RevisionRow).join(CaseRow, exported).where(*conditions).order_by(bytewise)
    with store.reading() as session:
        for rows in session.execute(query, execution_options={"yield_per": PAGE}).scalars().partitions():
            for row in rows:
                session.expunge(row)
                yield from_row(row).case
