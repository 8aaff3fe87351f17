"""Numbers in prose: values, ranges and units, so that 75 basis points equal 0.75 percentage points.

Covers figures ("$1.5 trillion", "8.6 percent", "1.50 to 1.75 %", "10,000") and the number words people
write for small counts ("three-quarters of a percentage point", "twelve"). Years and days of the month
that belong to a date are left out. Does not cover Roman numerals, phone numbers or arithmetic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.datetext import explicit_dates, same_length_lower


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it stands in a text: `low == high` for a point, `low < high` for a range."""

    low: float
    high: float
    unit: str
    """`%`, `pp` (percentage points; basis points are converted), a currency such as `USD`, or empty."""
    start: int
    end: int

    @property
    def is_range(self) -> bool:
        """Whether it names an interval."""
        return self.high > self.low


_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()
_WORDS = {word: float(value) for value, word in enumerate(_SMALL)} | {
    "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0,
    "ninety": 90.0, "dozen": 12.0, "half": 0.5, "quarter": 0.25, "three-quarters": 0.75,
    "three quarters": 0.75, "third": 1 / 3, "two-thirds": 2 / 3, "two thirds": 2 / 3,
}  # fmt: skip
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "m": 1e6, "billion": 1e9,
    "bn": 1e9, "b": 1e9, "trillion": 1e12, "tn": 1e12, "trn": 1e12,
}  # fmt: skip
_CURRENCIES = {
    "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "€": "EUR", "eur": "EUR",
    "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "¥": "JPY",
    "yen": "JPY", "yuan": "CNY", "renminbi": "CNY", "rupee": "INR", "rupees": "INR", "₹": "INR",
    "rouble": "RUB", "roubles": "RUB", "ruble": "RUB", "rubles": "RUB", "lira": "TRY", "peso": "PESO",
    "pesos": "PESO", "franc": "CHF", "francs": "CHF", "won": "KRW", "real": "BRL", "reais": "BRL",
    "rand": "ZAR", "krona": "SEK", "hk$": "HKD", "c$": "CAD", "a$": "AUD",
}  # fmt: skip

_WORD_CHOICES = "|".join(sorted(_WORDS, key=len, reverse=True))
_FIGURE = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:/\d+)?|\.\d+"
_NUMBER = rf"(?:{_FIGURE}|\b(?:{_WORD_CHOICES})\b)"
_SIGN = r"(?:[-−+])?"
_CURRENCY_BEFORE = r"(?:us\$|hk\$|c\$|a\$|[$€£¥₹])"
_SCALE = r"(?:\s?(?:hundred|thousand|million|billion|trillion|mn|bn|trn|tn)\b|(?<=\d)\s?[mbk]\b)"
_UNIT = (
    r"(?:\s?-?(?:%|percentage[\s-]points?|percent(?:age)?(?:[\s-]points?)?|per\scent|pp\b|ppt\b|basis[\s-]points?|"
    r"bps?\b|" + "|".join(w for w in _CURRENCIES if w.isalpha()) + r")|(?:\sof)?\sa\spercentage[\s-]point)"
)
_ONE = rf"{_SIGN}{_CURRENCY_BEFORE}?\s?{_NUMBER}(?:\sand\s(?:a\s)?(?:half|quarter))?{_SCALE}?"
_BEGINNINGS = "|".join(sorted({word[:3] for word in _WORDS}))
_QUANTITY = re.compile(
    rf"(?<![\w.])(?=[-−+$€£¥₹.\d]|[a-z]{{1,2}}\$|(?:{_BEGINNINGS}))(?P<a>{_ONE})(?P<au>{_UNIT})?(?:\s?(?:-|–|—|\bto\b|\band\b)\s?(?P<b>{_ONE})(?P<bu>{_UNIT})?)?(?!\w)"
)
"""For text in lower case: ignoring case in the pattern takes twice as long."""

_HAS_FIGURE = re.compile(r"\d")
_LETTERS = re.compile(r"[a-z]+")
_NUMBER_PARTS = frozenset(part for word in _WORDS for part in _LETTERS.findall(word))
FIGURE_WORDS = _NUMBER_PARTS | frozenset(_SCALES) | frozenset(w for w in _CURRENCIES if w.isalpha()) | frozenset(
    "percent percentage per cent point points pp ppt basis bp bps of a and to".split()
)  # fmt: skip
"""Every word that can stand within a quantity; a word that is none of them is never part of one."""


def quantities(text: str) -> list[Quantity]:
    """All numbers of a text in order, those of dates left out."""
    lowered = same_length_lower(text)
    if not _HAS_FIGURE.search(lowered) and _NUMBER_PARTS.isdisjoint(_LETTERS.findall(lowered)):
        return []
    blocked = [(mention.start, mention.end) for mention in explicit_dates(text)]
    found: list[Quantity] = []
    for match in _QUANTITY.finditer(lowered):
        if not _touches(blocked, match.start("a"), match.end("a")):
            found += _read(match, lowered)
        elif match["b"] and not _touches(blocked, match.start("b"), match.end("b")):
            found.append(_point(match, "b", match["bu"] or ""))
    return found


def _touches(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    return any(start < right and left < end for left, right in spans)


def _read(match: re.Match[str], text: str) -> list[Quantity]:
    """One quantity, a range, or two quantities that merely stand beside each other."""
    if not match["b"]:
        return [_point(match, "a", match["au"] or "")]
    joiner = text[match.end("au") if match["au"] else match.end("a") : match.start("b")].strip().lower()
    shared = match["au"] or match["bu"] or ""
    first, second = _point(match, "a", shared), _point(match, "b", match["bu"] or shared)
    if (
        _names_interval(joiner, text[max(0, match.start() - 60) : match.start()])
        and first.unit == second.unit
    ):
        low = first.low * _borrowed_scale(match)
        if low < second.low:
            return [Quantity(low, second.low, second.unit, match.start(), match.end())]
    return [first, second]


_BETWEEN = re.compile(r"\bbetween\b[^.;]{0,40}$", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s*$", re.IGNORECASE)
_RANGING = re.compile(r"\brang(?:e|es|ed|ing)\s+from\s*$", re.IGNORECASE)


def _names_interval(joiner: str, before: str) -> bool:
    """ "1.5 to 1.75", "3-4" and "between 3 and 4" are intervals; "rose from 3 to 4" is a move."""
    if joiner == "and":
        return bool(_BETWEEN.search(before))
    return not _FROM.search(before) or bool(_RANGING.search(before))


def _borrowed_scale(match: re.Match[str]) -> float:
    """In "10 to 12 million" the first figure borrows the second's scale."""
    own, other = _scale_of(match["a"]), _scale_of(match["b"])
    return other if own == 1.0 else 1.0


_BASIS = re.compile(r"basis|bps?\b", re.IGNORECASE)
_POINTS = re.compile(r"point|basis|^bps?$|^pp")
_SIGNED = re.compile(r"[-−+]?(us\$|hk\$|c\$|a\$|[$€£¥₹])", re.IGNORECASE)
_SCALED = re.compile(r"(hundred|thousand|million|billion|trillion|mn|bn|trn|tn|[mbk])$", re.IGNORECASE)
_FIGURES = re.compile(_FIGURE)
_WORDED = re.compile(rf"\b({_WORD_CHOICES})\b")
_AND_HALF, _AND_QUARTER = re.compile(r"and (?:a )?half"), re.compile(r"and (?:a )?quarter")


def _point(match: re.Match[str], group: str, unit: str) -> Quantity:
    value = _value(match[group])
    name = _unit_name(match[group], unit)
    if unit and _BASIS.search(unit):
        value /= 100.0
    end = match.end(group + "u") if match[group + "u"] else match.end(group)
    return Quantity(value, value, name, match.start(group), end)


def _unit_name(number: str, unit: str) -> str:
    folded = unit.strip(" -").lower()
    if _POINTS.search(folded):
        return "pp"
    if folded == "%" or folded.startswith("per"):
        return "%"
    if folded in _CURRENCIES:
        return _CURRENCIES[folded]
    sign = _SIGNED.match(number.strip())
    return _CURRENCIES[sign[1].lower()] if sign else ""


def _scale_of(number: str) -> float:
    tail = _SCALED.search(number.strip())
    return _SCALES[tail[1].lower()] if tail else 1.0


def _value(number: str) -> float:
    folded = number.strip().lower().replace("−", "-")
    figure = _FIGURES.search(folded)
    if figure:
        value = _figure(figure[0])
    else:
        word = _WORDED.search(folded)
        value = _WORDS[word[1]] if word else math.nan
    if _AND_HALF.search(folded):
        value += 0.5
    elif _AND_QUARTER.search(folded):
        value += 0.25
    sign = -1.0 if folded.startswith("-") else 1.0
    return sign * value * _scale_of(folded)


def _figure(text: str) -> float:
    plain = text.replace(",", "")
    if "/" in plain:
        top, bottom = plain.split("/", 1)
        return float(top) / float(bottom) if float(bottom) else math.nan
    return float(plain)


def agree(a: Quantity, b: Quantity, tolerance: float = 0.005) -> bool:
    """Whether two quantities can state the same: equal points, or a range that is the same range.

    A range never agrees with a point, be it inside or outside. Units must be equal; a bare
    number agrees with any unit. `tolerance` is relative.
    """
    if a.unit and b.unit and a.unit != b.unit and {a.unit, b.unit} != {"%", "pp"}:
        return False
    if a.is_range != b.is_range:
        return False
    return math.isclose(a.low, b.low, rel_tol=tolerance) and math.isclose(a.high, b.high, rel_tol=tolerance)
