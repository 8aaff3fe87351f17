"""What a chain is about, and how strongly a statement belongs to it.

A topic is a bag of weighted stems and names: the parent counts most, then the seed, then what lies between and
what the seed's documents say. A term's weight falls with the share of the documents at hand that hold it, so
that in a pile of central-bank news "bank" says little and "Kwarteng" much. The measure is the share of the
statement's own weight that the topic covers (containment), in 0..1, so that a short sentence is not punished.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from agents.reading.document import Document
from agents.reading.signature import shipped_rarity
from corpus.case import Case
from corpus.text import content_words, names, stem

NAME_WEIGHT = 2.0
QUERY_WORDS = 32
"""Words of a search: more of them cost time and bring no further documents of the chain."""
PARENT, SEED, QUOTED, BETWEEN, SURROUNDINGS = 1.0, 0.9, 0.8, 0.7, 0.5


@lru_cache(maxsize=8192)
def terms_of(text: str) -> frozenset[str]:
    """Stems of the words that carry meaning, and each word of a name marked as such."""
    marked = {f"={part}" for name in names(text) for part in name.split() if len(part) > 2}
    return frozenset(content_words(text)) | marked


def whole_text(document: Document) -> str:
    """Title and text."""
    return f"{document.title}. {document.text}"


class Rarity:
    """How telling a term is among the documents at hand: a smoothed inverse document frequency in 0..1."""

    def __init__(self, documents: Iterable[Document]) -> None:
        texts = {document.text_sha256: document for document in documents}
        self._count = Counter(term for d in texts.values() for term in terms_of(whole_text(d)))
        self._size = len(texts)
        self._weights: dict[str, float] = {}
        self._telling: dict[str, float] = {}

    def weight(self, term: str) -> float:
        """1 for a term nobody else uses, near 0 for one that all documents hold; names count double."""
        known = self._weights.get(term)
        if known is None:
            share = math.log((self._size + 1) / (self._count[term] + 0.5)) / math.log(2 * self._size + 2)
            known = self._weights[term] = max(0.0, share) * (NAME_WEIGHT if term.startswith("=") else 1.0)
        return known

    def telling(self, term: str) -> float:
        """The weight times the term's rarity in news at large: common words say little in any pile."""
        known = self._telling.get(term)
        if known is None:
            at_large = shipped_rarity().of(stem(term.removeprefix("=")))
            known = self._telling[term] = self.weight(term) * at_large
        return known


class Topic:
    """The weighted terms of a chain up to its newest link."""

    def __init__(self, case: Case, surroundings: Iterable[Document]) -> None:
        self._weights: dict[str, float] = {}
        newest = case.outcomes[-1].evidence if case.outcomes else ()
        for document in surroundings:
            self._add(document.text, SURROUNDINGS)
        for outcome in case.outcomes[:-1]:
            self._add(outcome.event or "", BETWEEN)
        for item in (*case.seed_evidence, *newest):
            self._add(item.exact, QUOTED)
        self._add(case.seed_event, SEED)
        self._add(case.parent_event(len(case.outcomes) + 1), PARENT)

    def _add(self, text: str, weight: float) -> None:
        for term in terms_of(text):
            self._weights[term] = max(weight, self._weights.get(term, 0.0))

    def covers(self, text: str, rarity: Rarity) -> float:
        """Share of the text's weight that lies in the topic, 0..1."""
        own = {term: rarity.weight(term) for term in terms_of(text)}
        total = sum(own.values())
        return (
            sum(weight * self._weights.get(term, 0.0) for term, weight in own.items()) / total
            if total
            else 0.0
        )

    def query(self) -> str:
        """The topic's heaviest terms as a search, names first."""
        ranked = sorted(
            self._weights.items(), key=lambda item: (-item[1], not item[0].startswith("="), item[0])
        )
        chosen = [term.removeprefix("=") for term, weight in ranked if weight >= BETWEEN]
        return " ".join(list(dict.fromkeys(chosen))[:QUERY_WORDS])
