"""What a sentence is about, in a form that two sentences can be compared by.

Stems with their rarity, name parts, quantities, directions, kinds of event, weekdays. Rarity comes from a
shipped table of how many news sentences hold a stem, to which a collection at hand can be added. English
only.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from agents.reading.event_kinds import KINDS_OF_STEM
from corpus.text import Direction, Quantity, content_words, directions, names, quantities, stem, words

WEIGHTS_FILE = Path(__file__).with_name("same_event.json")
_WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
_LOOSE = re.compile(r"\s+(?=[.,;:!?%)’'](?:\s|$))|(?<=[($])\s+")
_HEADLINE_SHARE = 0.7
_SHORT_US = re.compile(r"\bUSA?\b")
_ALIASES = {
    stem(short): tuple(stem(word) for word in full.split())
    for short, full in {
        "fed": "federal reserve",
        "ecb": "european central bank",
        "boe": "bank england",
        "boj": "bank japan",
        "pboc": "people's bank china",
        "imf": "international monetary fund",
        "who": "world health organization",
        "eu": "european union",
        "uk": "britain",
        "u.k": "britain",
        "british": "britain",
        "u.s": "united states",
        "u.s.a": "united states",
    }.items()
}
"""Short names that news uses beside the full ones."""
PREFIX = 5


@dataclass(frozen=True, slots=True)
class Signature:
    """The comparable content of a sentence."""

    stems: frozenset[str]
    prefixes: frozenset[str]
    """First letters of the stems: "nominate" and "nominee" meet here."""
    name_parts: frozenset[str]
    """Stems of the words of proper names; empty in headlines that capitalise everything."""
    quantities: tuple[Quantity, ...]
    """Without bare small numbers of no unit."""
    directions: frozenset[Direction]
    kinds: frozenset[str]
    weekdays: frozenset[str]
    length: int
    """Content words."""


@lru_cache(maxsize=65_536)
def signature(text: str) -> Signature:
    """The signature of a sentence; the same text gives the same one."""
    plain = _LOOSE.sub("", text.replace("``", '"').replace("''", '"'))
    tokens = [
        base
        for token in content_words(_SHORT_US.sub("U.S.", plain))
        for base in _ALIASES.get(token, (token,))
    ]
    stems = frozenset(tokens)
    parts = frozenset() if _is_headline(plain) else _name_parts(plain)
    return Signature(
        stems=stems,
        prefixes=frozenset(token[:PREFIX] for token in tokens),
        name_parts=parts,
        quantities=tuple(q for q in quantities(plain) if q.unit or q.low >= 100),
        directions=directions(plain),
        kinds=frozenset(kind for token in stems for kind in KINDS_OF_STEM.get(token, ())),
        weekdays=_WEEKDAYS.intersection(words(plain)) if "day" in plain else frozenset(),
        length=len(tokens),
    )


def stems_of(text: str) -> frozenset[str]:
    """The stems of a text alone, short names written out: all that relevance needs."""
    return frozenset(_tokens(_plain(text)))


def _plain(text: str) -> str:
    """Without the blanks and quotation marks of text that was cut into tokens; US and U.S. are one."""
    tidy = _LOOSE.sub("", text.replace("``", '"').replace("''", '"'))
    return _SHORT_US.sub("U.S.", tidy)


def _tokens(plain: str) -> list[str]:
    return [base for token in content_words(plain) for base in _ALIASES.get(token, (token,))]


def _name_parts(text: str) -> frozenset[str]:
    parts = (stem(part) for name in names(text) for part in name.split() if len(part) > 1)
    return frozenset(base for part in parts for base in _ALIASES.get(part, (part,)))


def _is_headline(text: str) -> bool:
    """Whether nearly every word begins with a capital, so that capitals tell nothing."""
    long = [word for word in re.findall(r"[A-Za-z][\w'’-]{3,}", text)]
    return len(long) >= 4 and sum(word[0].isupper() for word in long) > _HEADLINE_SHARE * len(long)


class Rarity:
    """How much a stem tells: log of (sentences + 1) / (sentences with it + 1)."""

    def __init__(self, holding: dict[str, int], sentences: int) -> None:
        self._holding = holding
        self._sentences = sentences
        self._cache: dict[str, float] = {}
        self.top = math.log(sentences + 1)
        """Of a stem never seen."""
        prefixed: Counter[str] = Counter()
        for base, count in holding.items():
            prefixed[base[:PREFIX]] += count
        self._prefixed = prefixed

    def of(self, base: str) -> float:
        """Rarity of a stem."""
        found = self._cache.get(base)
        if found is None:
            found = self._cache[base] = math.log((self._sentences + 1) / (self._holding.get(base, 0) + 1))
        return found

    def of_prefix(self, prefix: str) -> float:
        """Rarity of a prefix: of all stems that begin with it together."""
        count = min(self._prefixed.get(prefix, 0), self._sentences)
        return math.log((self._sentences + 1) / (count + 1))

    def weigh(self, sentence: Signature) -> Weighed:
        """A signature with the weights of its parts; do it once for a sentence that is compared often."""
        stems = {base: self.of(base) for base in sentence.stems}
        prefixes = {prefix: self.of_prefix(prefix) for prefix in sentence.prefixes}
        return Weighed(
            signature=sentence,
            stems=stems,
            stem_norm=math.sqrt(math.fsum(weight * weight for weight in stems.values())),
            prefixes=prefixes,
            prefix_norm=math.sqrt(math.fsum(weight * weight for weight in prefixes.values())),
            names={part: self.of(part) for part in sentence.name_parts},
            top=self.top or 1.0,
        )

    @classmethod
    def learned(cls, texts: Iterable[str]) -> Rarity:
        """Counted over a collection's sentences, on top of the shipped table."""
        shipped = shipped_rarity()
        holding = Counter(shipped._holding)
        total = shipped._sentences
        for text in texts:
            holding.update(signature(text).stems)
            total += 1
        return cls(dict(holding), total)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A signature whose parts weigh by their rarity in some collection."""

    signature: Signature
    stems: dict[str, float]
    stem_norm: float
    prefixes: dict[str, float]
    prefix_norm: float
    names: dict[str, float]
    top: float
    """The largest weight there can be."""


@cache
def shipped_rarity() -> Rarity:
    """The table that comes with the project (`benchmarks/same_event_fit.py` writes it)."""
    table = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))["rarity"]
    return Rarity(dict(table["holding"]), int(table["sentences"]))
