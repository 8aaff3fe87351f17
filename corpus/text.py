"""Text rules that the whole project shares: words, names, directions, shingles, explicit dates, numbers.

The one place for them: validation, families and the audit (corpus), matching (evaluation), reading
(agents) and rewards (training) all use these, so that "the same event" means the same everywhere.
Numbers live in `corpus.quantities`, explicit dates in `corpus.datetext`; both are re-exported here.
English only.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from corpus.datetext import MONTH_PATTERN, MONTHS, DateMention, explicit_dates
from corpus.quantities import Quantity, agree, quantities

__all__ = [
    "MONTHS",
    "MONTH_PATTERN",
    "STOPWORDS",
    "DateMention",
    "Direction",
    "Quantity",
    "agree",
    "content_words",
    "directions",
    "explicit_dates",
    "jaccard",
    "names",
    "normalise",
    "opposed",
    "quantities",
    "shingles",
    "stem",
    "words",
]

STOPWORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being below between both
    but by can could did do does doing down during each few for from further had has have having he her here
    hers him his how i if in into is it its itself just me more most my no nor not now of off on once only or
    other our out over own per s same she should so some such t than that the their them then there these they
    this those through to too under until up very was we were what when where which while who whom why will
    with would you your said says say according its it's new also""".split()
)

_WORD = re.compile(r"[^\W_]+(?:['’.&-][^\W_]+)*")


def normalise(text: str) -> str:
    """Lower case, NFKC, typographic quotes and dashes made plain, blanks folded, end punctuation dropped."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = plain.translate(str.maketrans("‘’“”–—−", "''\"\"---"))
    return " ".join(plain.split()).strip(" .!?;:,\"'")


def words(text: str) -> list[str]:
    """Word tokens in lower case, in order; figures keep their points, words their inner apostrophes."""
    return _WORD.findall(text.casefold())


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light English stem: plural, -ed, -ing and -ly endings off, doubled consonants single."""
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending, put in (("ies", "y"), ("sses", "ss"), ("ied", "y"), ("ingly", ""), ("edly", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + put
    for ending in ("ing", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            base = word[: -len(ending)]
            doubled = len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz"
            return base[:-1] if doubled else base.removesuffix("e")
    return word.removesuffix("e")


def content_words(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order; stop words and single letters left out."""
    return list(_content_words(text))


@lru_cache(maxsize=8_192)  # signature, relevance and shingles ask for the same sentence one after the other
def _content_words(text: str) -> tuple[str, ...]:
    return tuple(
        stem(word.replace("'s", "").replace("’s", "") if "'" in word or "’" in word else word)
        for word in words(text)
        if word not in STOPWORDS and (len(word) > 1 or word.isdigit())
    )


def shingles(text: str, size: int = 3) -> frozenset[str]:
    """Runs of `size` content words; the words themselves where the text is shorter."""
    tokens = content_words(text)
    if len(tokens) < size:
        return frozenset(tokens)
    return frozenset(" ".join(tokens[i : i + size]) for i in range(len(tokens) - size + 1))


def jaccard(a: frozenset[str] | set[str], b: frozenset[str] | set[str]) -> float:
    """|a ∩ b| / |a ∪ b|; 0 where both are empty."""
    union = len(a | b)
    return len(a & b) / union if union else 0.0


class Direction(StrEnum):
    """Which way a statement points."""

    UP = "up"
    DOWN = "down"
    FLAT = "flat"
    YES = "yes"
    """Approved, agreed, won."""
    NO = "no"
    """Rejected, refused, lost."""


_DIRECTION_STEMS: dict[Direction, frozenset[str]] = {
    direction: frozenset(stem(word) for word in listed.split())
    for direction, listed in {
        Direction.UP: "rise rises rose risen rising raise raised raising increase increased hike hiked climb climbed "
        "jump jumped surge surged soar soared gain gained grow grew grown growth higher accelerate accelerated "
        "strengthen strengthened rally rallied rebound rebounded expand expanded advance advanced upgrade upgraded",
        Direction.DOWN: "fall falls fell fallen falling drop dropped decline declined decrease decreased cut cuts "
        "cutting lower lowered reduce reduced slump slumped plunge plunged sink sank tumble tumbled slide slid "
        "shrink shrank shrunk contract contracted contraction weaken weakened slow slowed downgrade downgraded "
        "ease eased collapse collapsed lose lost depreciate devalue devalued",
        Direction.FLAT: "unchanged steady hold holds held keep keeps kept maintain maintained stable pause paused",
        Direction.YES: "approve approved approves accept accepted agree agreed pass passed passes ratify ratified "
        "win wins won adopt adopted endorse endorsed sign signed confirm confirmed acquit acquitted",
        Direction.NO: "reject rejected rejects refuse refused decline veto vetoed fail failed fails withdraw "
        "withdrew withdrawn cancel cancelled canceled block blocked abandon abandoned postpone convict convicted "
        "defeat defeated oppose opposed",
    }.items()
}
_NEGATIONS = frozenset({"not", "no", "never", "without", "n't", "cannot", "neither", "nor"})
_OPPOSITE = {
    Direction.UP: (Direction.DOWN, Direction.FLAT),
    Direction.DOWN: (Direction.UP, Direction.FLAT),
    Direction.FLAT: (Direction.UP, Direction.DOWN),
    Direction.YES: (Direction.NO,),
    Direction.NO: (Direction.YES,),
}
_NEGATED = {Direction.UP: Direction.FLAT, Direction.DOWN: Direction.FLAT, Direction.YES: Direction.NO,
            Direction.NO: Direction.YES, Direction.FLAT: Direction.UP}  # fmt: skip


_DIRECTIONS_OF_STEM = {
    base: tuple(direction for direction, listed in _DIRECTION_STEMS.items() if base in listed)
    for base in frozenset().union(*_DIRECTION_STEMS.values())
}


def directions(text: str) -> frozenset[Direction]:
    """The ways a text points; a negation up to three words before a verb turns it."""
    tokens = words(text)
    found: set[Direction] = set()
    for i, token in enumerate(tokens):
        pointed = _DIRECTIONS_OF_STEM.get(stem(token)) or _DIRECTIONS_OF_STEM.get(token)
        if pointed:
            negated = any(t in _NEGATIONS or t.endswith(("n't", "n’t")) for t in tokens[max(0, i - 3) : i])
            found.update(_NEGATED[direction] if negated else direction for direction in pointed)
    return frozenset(found)


def opposed(a: frozenset[Direction], b: frozenset[Direction]) -> bool:
    """Whether two texts point in contrary ways: one has a direction whose opposite only the other has."""
    return any(
        direction not in b and any(other in b and other not in a for other in _OPPOSITE[direction])
        for direction in a
    )


_NAME = re.compile(
    r"(?:\b(?:[A-Z][\w’'&-]*|[A-Z]{2,}(?:\.[A-Z])*)(?:\s+(?:of|for|and|de|du|von|al)(?:\s+the)?\s+(?=[A-Z]))?\s*)+"
)
_NOT_NAMES = frozenset(MONTHS) | STOPWORDS | frozenset(
    "monday tuesday wednesday thursday friday saturday sunday q1 q2 q3 q4".split()
)  # fmt: skip


def names(text: str) -> frozenset[str]:
    """Proper names by their capitals, folded; the first word of a sentence counts only inside a longer name."""
    found = set()
    for match in _NAME.finditer(text):
        parts = [part for part in _WORD.findall(match[0])]
        if _starts_sentence(text, match.start()) and len(parts) == 1 and not _shows_a_name(parts[0]):
            continue
        kept = [part.casefold().removesuffix("'s").removesuffix("’s") for part in parts]
        kept = [part for part in kept if part not in _NOT_NAMES]
        if kept:
            found.add(" ".join(kept))
    return frozenset(found)


def _shows_a_name(word: str) -> bool:
    """An abbreviation or a possessive is a name even where a capital is due anyway."""
    return word.isupper() or word.endswith(("'s", "’s"))


def _starts_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip()
    return not before or before[-1] in '.!?:;"“”'
