"""The kind of a candidate: its wording without names, numbers and dates.

"The Fed raises its rate by 75 basis points" and "The ECB raises its rate by 50 basis points" are of one kind. Base
rates count how often candidates of a kind happened when they were listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from corpus.text import (
    Direction,
    content_words,
    directions,
    explicit_dates,
    jaccard,
    names,
    opposed,
    quantities,
)

SAME_KIND = 0.6
"""Jaccard index of the kinds' words from which two are the same kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is left of a wording, and the ways it points."""

    words: frozenset[str]
    directions: frozenset[Direction]


def kind_of(text: str) -> Kind:
    """Stems of the content words that are neither name, number nor date; the directions of the whole text."""
    plain = text
    spans = [(q.start, q.end) for q in quantities(text)] + [(m.start, m.end) for m in explicit_dates(text)]
    for start, end in sorted(spans, reverse=True):
        plain = plain[:start] + " " + plain[end:]
    named = {part for name in names(text) for part in name.split()}
    plain = re.sub(r"[\w’'-]+", lambda word: "" if word[0].casefold() in named else word[0], plain)
    return Kind(frozenset(content_words(plain)), directions(text))


def same_kind(a: Kind, b: Kind) -> bool:
    """Whether two kinds share most of their words; a rise and a fall are two kinds."""
    return not opposed(a.directions, b.directions) and jaccard(a.words, b.words) >= SAME_KIND
