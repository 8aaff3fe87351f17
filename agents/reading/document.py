"""A document as the agents read it: its text and when it could be read.

Every provider and the local archive hand out this one type. The text is final: quotations are offsets
into it and its hash is stored with them, so nobody cleans or cuts it later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from corpus.case import Availability, Source, Terms, TextKind
from corpus.dates import EventDate
from corpus.identity import source_id, text_sha256


@dataclass(frozen=True)
class Document:
    """One page or file: text, address, publication and availability."""

    url: str
    canonical_url: str
    publisher: str
    """Registrable domain, such as `ecb.europa.eu` → `europa.eu`."""
    title: str
    text: str
    text_kind: TextKind = TextKind.PAGE
    language: str = "en"
    published_at: EventDate | None = None
    available_at: datetime | None = None
    availability: Availability = Availability.UNDATED
    captured_at: datetime | None = None
    terms: Terms = Terms.UNKNOWN
    provider: str = field(default="", compare=False)
    """Who pointed to it: a search engine, or the local archive; not part of the source."""

    @cached_property
    def text_sha256(self) -> str:
        """sha256 (hex) of the text."""
        return text_sha256(self.text)

    @cached_property
    def source_id(self) -> str:
        """Id of this document as a source within a case."""
        return source_id(self.url, self.text_sha256)

    def available_by(self, moment: datetime) -> bool:
        """Whether it is shown that the document could be read at `moment`."""
        return self.as_source().available_by(moment)

    def as_source(self) -> Source:
        """The record of this document that a case keeps."""
        return Source(
            source_id=self.source_id,
            url=self.url,
            canonical_url=self.canonical_url,
            publisher=self.publisher,
            title=self.title,
            text_kind=self.text_kind,
            published_at=self.published_at,
            available_at=self.available_at,
            availability=self.availability,
            captured_at=self.captured_at,
            text_sha256=self.text_sha256,
            terms=self.terms,
        )
