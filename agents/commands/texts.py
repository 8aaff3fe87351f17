"""Documents as the roles read them, and as the store keeps them: the one place where either becomes the other.

What a source does not record, such as the language and who pointed to it, does not come back.
"""

from __future__ import annotations

from agents.reading.document import Document
from db.mapping import StoredDocument


def stored_document(document: Document) -> StoredDocument:
    """A document as the store keeps it."""
    return StoredDocument(document.as_source(), document.text)


def read_back(stored: StoredDocument) -> Document:
    """The document that a source and its stored text make up."""
    source = stored.source
    return Document(
        url=source.url, canonical_url=source.canonical_url, publisher=source.publisher, title=source.title,
        text=stored.text, text_kind=source.text_kind, published_at=source.published_at,
        available_at=source.available_at, availability=source.availability, captured_at=source.captured_at,
        terms=source.terms,
    )  # fmt: skip
