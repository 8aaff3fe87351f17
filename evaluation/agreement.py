"""What two statements must agree in before they can be one event: numbers, directions, dates, names.

A rise is not a fall, 10 % is not 15 %, France is not Spain. A statement that merely says less does not
disagree. Directional: what was predicted is compared with what happened, so a predicted range or bound
agrees with a point inside it and never with one outside.

Does not cover: who did what to whom ("A beats B" and "B beats A" agree), titles that change their holder,
names that differ only in spelling.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from corpus.dates import EventDate
from corpus.text import (
    STOPWORDS,
    Direction,
    Quantity,
    content_words,
    directions,
    explicit_dates,
    names,
    opposed,
    quantities,
    stem,
    words,
)

CACHED_TEXTS = 100_000
_TOLERANCE = 0.005
_LOOSE = 0.05
_MONEY = frozenset("USD EUR GBP JPY CNY INR RUB TRY PESO CHF KRW BRL ZAR SEK HKD CAD AUD".split())


class Disagreement(StrEnum):
    """Why two statements cannot be one event."""

    NUMBER = "number"
    """Both give a number of a kind, and the numbers differ."""
    DIRECTION = "direction"
    """They point in contrary ways, or one denies what the other says."""
    DATE = "date"
    """Both give a date, and the dates do not meet."""
    NAME = "name"
    """Both name somebody or some place, and not the same."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a number in its sentence allows: `low..high`, infinite where it is a bound."""

    low: float
    high: float
    kind: str
    """`%`, `pp`, `money USD` or empty."""

    def holds(self, other: Span) -> bool:
        """Whether every value `other` allows lies within this one."""
        return _at_most(self.low, other.low) and _at_most(other.high, self.high)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared of one statement; cached by its text."""

    stems: frozenset[str]
    ordered: tuple[str, ...]
    spans: tuple[Span, ...]
    ways: frozenset[Direction]
    denies: bool
    dates: tuple[EventDate, ...]
    places: frozenset[str]
    named: frozenset[str]
    """Single words of names, and the short forms of known bodies."""


def disagreements(predicted: str, happened: str) -> tuple[Disagreement, ...]:
    """Every way in which a prediction contradicts what happened; empty where none does."""
    p, h = facts(predicted), facts(happened)
    found = []
    if _numbers_differ(p.spans, h.spans):
        found.append(Disagreement.NUMBER)
    if opposed(p.ways, h.ways) or (p.denies != h.denies and not p.ways & h.ways):
        found.append(Disagreement.DIRECTION)
    if p.dates and h.dates and not any(a.overlaps(b) for a in p.dates for b in h.dates):
        found.append(Disagreement.DATE)
    if _names_differ(p, h):
        found.append(Disagreement.NAME)
    return tuple(found)


@lru_cache(maxsize=CACHED_TEXTS)
def facts(text: str) -> Facts:
    """What is compared of a statement."""
    tokens = tuple(content_words(text))
    places, bodies = _known(text)
    named = {part for name in names(text) for part in name.split()} | leading_name(text)
    return Facts(
        stems=frozenset(tokens),
        ordered=tokens,
        spans=tuple(_span(quantity, text) for quantity in quantities(text)),
        ways=directions(text),
        denies=bool(_DENIAL.search(text)),
        dates=tuple(mention.date for mention in explicit_dates(text)),
        places=places,
        named=frozenset(named - _place_words()) | bodies | places,
    )


_DENIAL = re.compile(r"\b(?:not|never|without|cannot|fails? to|failed to|no)\b|n['’]t\b", re.IGNORECASE)
_ABOVE = re.compile(
    r"(?:more than|over|above|at least|exceed(?:s|ed|ing)?|greater than|no less than|higher than|beyond|past)\s*$",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"(?:less than|under|below|at most|up to|fewer than|no more than|lower than|nearly|almost)\s*$",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"(?:about|around|roughly|approximately|some|circa|close to|near)\s*$", re.IGNORECASE)
_OR_MORE = re.compile(r"^\s*(?:or (?:more|higher|above|greater)|and (?:more|above)|\+)", re.IGNORECASE)
_OR_LESS = re.compile(r"^\s*(?:or (?:less|fewer|lower|below))", re.IGNORECASE)


def _span(quantity: Quantity, text: str) -> Span:
    before, after = text[max(0, quantity.start - 24) : quantity.start], text[quantity.end : quantity.end + 16]
    kind = f"money {quantity.unit}" if quantity.unit in _MONEY else quantity.unit
    if quantity.is_range:
        return Span(quantity.low, quantity.high, kind)
    if _ABOVE.search(before) or _OR_MORE.match(after):
        return Span(quantity.low, math.inf, kind)
    if _BELOW.search(before) or _OR_LESS.match(after):
        return Span(-math.inf, quantity.high, kind)
    if _ABOUT.search(before):
        slack = _LOOSE * abs(quantity.low)
        return Span(quantity.low - slack, quantity.high + slack, kind)
    return Span(quantity.low, quantity.high, kind)


def _at_most(a: float, b: float) -> bool:
    return a <= b or math.isclose(a, b, rel_tol=_TOLERANCE)


def _numbers_differ(predicted: Iterable[Span], happened: Iterable[Span]) -> bool:
    """Whether, with agreeing numbers set aside, both sides keep a number of one kind."""
    left, open_ = [], list(happened)
    for span in predicted:
        partner = next((other for other in open_ if _compatible(span, other) and span.holds(other)), None)
        if partner:
            open_.remove(partner)
        else:
            left.append(span)
    return any(a.kind.split(" ")[0] == b.kind.split(" ")[0] for a in left for b in open_)


def _compatible(a: Span, b: Span) -> bool:
    return a.kind == b.kind or not a.kind or not b.kind or {a.kind, b.kind} == {"%", "pp"}


def _names_differ(p: Facts, h: Facts) -> bool:
    """Places must not differ on both sides; of other names at least one must be shared where both have some."""
    if p.places - h.places and h.places - p.places:
        return True
    if not p.named or not h.named or p.named & h.named:
        return False
    mine, theirs = {stem(name) for name in p.named}, {stem(name) for name in h.named}
    return not (mine & h.stems or theirs & p.stems)


def leading_name(text: str) -> set[str]:
    """The first word of a statement (folded), if it is no common word: capitals say nothing there."""
    found = words(text)
    if not found or not text[:1].isupper():
        return set()
    first = found[0].removesuffix("'s").removesuffix("’s")
    common = first in STOPWORDS or stem(first) in _common_stems() or not first.isalpha()
    return set() if common or first.endswith(("ing", "ed")) else {first}


@cache
def gazetteer() -> dict[str, Any]:
    """The shipped lists: spellings of places and bodies, common words, synonyms."""
    found: dict[str, Any] = json.loads(
        resources.files("evaluation").joinpath("gazetteer.json").read_text(encoding="utf-8")
    )
    return found


@cache
def _common_stems() -> frozenset[str]:
    return frozenset(str(gazetteer()["common_stems"]).split())


@cache
def _spellings() -> tuple[dict[str, str], dict[str, str], re.Pattern[str]]:
    places = {form: key for key, forms in gazetteer()["places"].items() for form in forms}
    bodies = {form: key for key, forms in gazetteer()["bodies"].items() for form in forms}
    longest = sorted([*places, *bodies], key=len, reverse=True)
    joined = "|".join(re.escape(form) for form in longest)
    return places, bodies, re.compile(rf"(?<![\w.])(?:{joined})(?![\w])")


@cache
def _place_words() -> frozenset[str]:
    """The single words of known places and bodies, which their short forms stand for."""
    places, bodies, _ = _spellings()
    return frozenset(part.casefold().strip(".") for form in [*places, *bodies] for part in form.split())


def known_spans(text: str) -> list[tuple[int, int]]:
    """Where known places and bodies stand in a text."""
    return [match.span() for match in _spellings()[2].finditer(text)]


def places_in(text: str) -> frozenset[str]:
    """Known places that a text names."""
    return _known(text)[0]


def _known(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Known places and bodies in a text; spelling and capitals must match."""
    places, bodies, pattern = _spellings()
    found = [match[0] for match in pattern.finditer(text)]
    return (
        frozenset(places[form] for form in found if form in places),
        frozenset(bodies[form] for form in found if form in bodies),
    )
