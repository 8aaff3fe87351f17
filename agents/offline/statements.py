"""Forward-looking statements of a document, read once however many roles ask."""

from __future__ import annotations

from functools import lru_cache

from agents.reading.document import Document
from agents.reading.expectations import Expectation, expectations


@lru_cache(maxsize=4096)
def statements(document: Document) -> tuple[Expectation, ...]:
    """What the document says may come, in order."""
    return tuple(expectations(document.text, document.published_at))
