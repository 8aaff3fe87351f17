"""The stored text of every source a case quotes, so that claims can be checked again without the web.

A text is stored once, under its sha256; the description is that of the page that brought it first, and
each case keeps the description of its own sources. Finding documents to read is not done here: that is
the archive's work.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from corpus.case import Case
from corpus.errors import InvalidInput
from corpus.identity import text_sha256
from db.clock import Clock, utc_now
from db.mapping import StoredDocument, document_from_row, document_to_row
from db.session import Store, insert_if_absent
from db.tables import DocumentRow


class Documents:
    """The texts of a store."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def put(self, documents: Iterable[StoredDocument]) -> int:
        """Store the texts that are not there yet, in one transaction; how many were new.

        Raises `InvalidInput` where a text does not have the hash that its source names.
        """
        with self._store.writing() as session:
            return put_documents(session, documents, self._clock())

    def get(self, sha256: str) -> StoredDocument | None:
        """The text with that hash, or None."""
        with self._store.reading() as session:
            row = session.get(DocumentRow, sha256)
            return document_from_row(row) if row else None

    def of_case(self, case: Case) -> dict[str, StoredDocument]:
        """The stored texts of a case's sources by source id; a source whose text is not stored is absent."""
        wanted = {source.text_sha256 for source in case.sources}
        with self._store.reading() as session:
            rows = session.exec(select(DocumentRow).where(col(DocumentRow.text_sha256).in_(wanted)))
            texts = {row.text_sha256: row.body.decode() for row in rows}
        return {
            source.source_id: StoredDocument(source, texts[source.text_sha256])
            for source in case.sources
            if source.text_sha256 in texts
        }


def put_documents(session: Session, documents: Iterable[StoredDocument], now: datetime) -> int:
    """Store texts within an open transaction; how many were new.

    In the order of their hashes, so that two transactions with the same texts never wait for each other.
    """
    ordered = sorted(documents, key=lambda document: document.source.text_sha256)
    return sum(
        insert_if_absent(session, document_to_row(checked(document).source, document.text, now))
        for document in ordered
    )


def checked(document: StoredDocument) -> StoredDocument:
    """The document, if its text has the hash that its source names."""
    found, named = text_sha256(document.text), document.source.text_sha256
    if found != named:
        raise InvalidInput(
            f"The text of {document.source.url} has sha256 {found}, its source names {named}; "
            "store the text that was quoted from."
        )
    return document
