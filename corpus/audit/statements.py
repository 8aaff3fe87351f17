"""Does one text state what another asks? Words, names and figures compared, aliases folded.

A text states an answer when it holds most of the answer's telling words, every figure and name of it, and does
not point the other way. An abbreviation counts as the name it stands for: those that texts of the snapshot
spell out themselves (capitals of the name), and a few that rarely are.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from corpus.text import (
    Direction,
    Quantity,
    agree,
    content_words,
    directions,
    names,
    opposed,
    quantities,
    words,
)

HELD = 0.8
"""Share of an answer's words that a statement of it holds."""
LEAST_WORDS = 3
_SMALL_WORDS = frozenset("of the for and de du von al on in".split())
_ALIASES = {
    "federal reserve": "fed", "federal open market committee": "fed", "fomc": "fed", "us federal reserve": "fed",
    "united states": "us", "united states of america": "us", "u.s": "us", "america": "us",
    "united kingdom": "uk", "great britain": "uk", "britain": "uk", "u.k": "uk", "european union": "eu",
    "united nations": "un", "u.n": "un", "supreme court": "scotus",
}  # fmt: skip
_ABBREVIATION = re.compile(r"\b[A-Z]{2,6}\b")


@dataclass(frozen=True)
class Statement:
    """A text as it is compared."""

    text: str
    words: frozenset[str]
    names: frozenset[str]
    quantities: tuple[Quantity, ...]
    directions: frozenset[Direction]


class Reader:
    """Turns texts into statements, with the abbreviations that these texts use."""

    def __init__(self, texts: Iterable[str]) -> None:
        spelled: dict[str, set[str]] = defaultdict(set)
        used: set[str] = set()
        for text in texts:
            used.update(found[0].casefold() for found in _ABBREVIATION.finditer(text))
            for name in names(text):
                parts = [part for part in name.split() if part not in _SMALL_WORDS]
                if len(parts) > 1:
                    spelled["".join(part[0] for part in parts)].add(name)
        own = {
            name: short
            for short, full in spelled.items()
            if short in used and len(full) == 1
            for name in full
        }
        self._aliases = own | _ALIASES
        longest_first = sorted(self._aliases, key=len, reverse=True)
        self._pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)", re.I)

    def read(self, text: str) -> Statement:
        """The statement that a text makes."""
        found = quantities(text)
        plain = text
        for quantity in reversed(found):
            plain = plain[: quantity.start] + " " + plain[quantity.end :]
        return Statement(
            text, frozenset(content_words(self.folded(plain))),
            frozenset(self.folded(name) for name in names(plain)), tuple(found), directions(text),
        )  # fmt: skip

    def folded(self, text: str) -> str:
        """The text in lower case with each known name by its short form."""
        return " ".join(words(self._pattern.sub(lambda name: self._aliases[name[0].casefold()], text)))


def states(statement: Statement, answer: Statement) -> bool:
    """Whether a text states an answer."""
    if len(answer.words) < LEAST_WORDS or len(statement.words & answer.words) < HELD * len(answer.words):
        return False
    if opposed(answer.directions, statement.directions):
        return False
    if not _named(answer) <= _there(statement):
        return False
    return all(any(agree(a, b) for b in statement.quantities) for a in answer.quantities)


def _there(statement: Statement) -> set[str]:
    """Words among which an answer's names are looked for."""
    return set(statement.words) | {part for name in statement.names for part in name.split()}


def _named(answer: Statement) -> set[str]:
    """Words of an answer's names, each of which a statement of it must hold."""
    return {word for name in answer.names for word in content_words(name)}


class AnswerIndex:
    """Finds, for a statement, the answers it may state, without comparing all with all."""

    def __init__(self, answers: Sequence[Statement]) -> None:
        self._answers = answers
        self._by_word: dict[str, list[int]] = defaultdict(list)
        rarity = Counter(word for answer in answers for word in answer.words)
        for number, answer in enumerate(answers):
            named = sorted(_named(answer), key=lambda word: (rarity[word], word))
            rare_first = sorted(answer.words, key=lambda word: (rarity[word], word))
            needed = math.ceil(HELD * len(rare_first))
            # a statement holds every word of the names, and one of the rarest words or too few in all
            for word in named[:1] or rare_first[: len(rare_first) - needed + 1]:
                self._by_word[word].append(number)

    def stated_by(self, statement: Statement) -> Iterator[int]:
        """Numbers of the answers that a statement states."""
        for number in sorted({n for word in _there(statement) for n in self._by_word.get(word, ())}):
            if states(statement, self._answers[number]):
                yield number
