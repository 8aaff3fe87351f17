"""How alike two texts are, and whether a statement speaks of another place.

Likeness is the cosine of weighted terms: a term weighs by its rarity among the documents at hand times its
rarity in news at large, so that "IMF" says little in a pile of IMF news and "Sri Lanka" much. A statement that
names countries, none of them the chain's, is elsewhere: another country's loan is another affair.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from agents.offline.topic import Rarity, terms_of, whole_text
from agents.reading.document import Document
from evaluation.agreement import places_in

NEAR = 0.06
"""Likeness of a document to the words of a chain from which it speaks of the same affair (`benchmarks/offline.py`)."""


class Vector:
    """Weighted terms of a text and their length."""

    def __init__(self, text: str, rarity: Rarity) -> None:
        self._weights: Mapping[str, float] = {term: rarity.telling(term) for term in terms_of(text)}
        self._norm = math.sqrt(math.fsum(weight * weight for weight in self._weights.values()))

    def cosine(self, other: Vector) -> float:
        """Likeness in 0..1; 0 where a text has no terms."""
        few, many = sorted((self._weights, other._weights), key=len)
        shared = math.fsum(weight * many[term] for term, weight in few.items() if term in many)
        return shared / (self._norm * other._norm) if shared else 0.0

    def nearest(self, others: Iterable[Vector]) -> float:
        """Likeness to the most alike of several; 0 where there is none."""
        return max((self.cosine(other) for other in others), default=0.0)


class Affair:
    """What a chain is about in its own words, to tell its documents from those of another affair."""

    def __init__(self, texts: Iterable[str], rarity: Rarity) -> None:
        whole = " ".join(texts)
        self._rarity, self._words, self._places = rarity, Vector(whole, rarity), places_in(whole)
        self._found: dict[str, float] = {}

    def holds(self, statement: str, document: Document) -> bool:
        """Whether a statement of a document belongs to the affair."""
        if elsewhere(statement, document, self._places):
            return False
        return self._likeness(document) >= NEAR

    def _likeness(self, document: Document) -> float:
        """Worked out once a document, however many statements it makes."""
        key = document.text_sha256
        if key not in self._found:
            self._found[key] = Vector(whole_text(document), self._rarity).cosine(self._words)
        return self._found[key]


def elsewhere(statement: str, document: Document, home: frozenset[str]) -> bool:
    """Whether a statement, or else its document's title, names places and none of the known ones."""
    named = places_in(statement) or places_in(document.title)
    return bool(named and home) and not named & home


def home_of(seed: str, documents: Sequence[Document]) -> frozenset[str]:
    """The places a chain is about: those its seed names, else those its titles, else those its documents name."""
    titles, texts = (d.title for d in documents), (d.text for d in documents)
    return places_in(seed) or places_in(". ".join(titles)) or places_in(". ".join(texts))
