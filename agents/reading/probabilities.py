"""Probabilities that a sentence states: "a 63 % chance of …", "58 of 102 economists expect …".

Each is a number with the place of what it is about. Shares of people asked count as probabilities of what
they expect (they are marked as a survey). Not read: vague words ("a good chance"), odds ("3 to 1 against"),
and percentages of anything else ("growth of 3 %").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SMALL = {word: number for number, word in enumerate(
    "zero one two three four five six seven eight nine ten".split())}  # fmt: skip
_N = r"\d{1,3}(?:\.\d+)?"
_PERCENT = r"\s?-?(?:%|percent(?:age)?|per\scent)"
_RANGE = rf"(?P<p>{_N})(?:{_PERCENT})?(?:\s?(?:-|–|to|and)\s?(?P<q>{_N}))?{_PERCENT}"
_CHANCE = r"(?:chances?|probabilit(?:y|ies)|likelihood|odds|possibility)"
_PEOPLE = (
    r"(?:economists|analysts|respondents|forecasters|strategists|investors|traders|experts|members|participants|"
    r"those\s(?:polled|surveyed|asked)|people\s(?:polled|surveyed|asked)|voters|dealers|banks|firms)"
)
_THINK = (
    r"(?:expect(?:ed|s)?|predict(?:ed|s)?|forecast(?:s|ed)?|s[ae]w|see|sees|say|said|thought|think|believed?|"
    r"anticipated?|projected?|project|bet|favou?red)"
)
_COUNT = r"(?:\d{1,4}|" + "|".join(_SMALL) + r")"

_PATTERNS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<share>{_RANGE})\sof\s(?:the\s|all\s)?(?:\d+\s)?{_PEOPLE}\b[^.;]{{0,80}}?\b{_THINK}\s(?:that\s)?(?P<about>)",
        rf"(?P<some>{_COUNT})\s(?:out\s)?of\s(?:the\s|all\s)?(?P<all>{_COUNT})\s(?:\w+\s)?{_PEOPLE}\b[^.;]{{0,80}}?"
        rf"\b{_THINK}\s(?:that\s)?(?P<about>)",
        rf"{_RANGE}[\s-](?:or\s(?:so|more|less|higher|greater)\s)?(?:implied\s)?{_CHANCE}\s(?:of|that|for|on)\s(?P<about>)",
        rf"(?P<some>{_COUNT})[\s-](?:in|out\sof)[\s-](?:a\s)?(?P<all>{_COUNT})\s{_CHANCE}\s(?:of|that|for|on)\s(?P<about>)",
        rf"(?P<even>50[-/–]50|fifty-fifty|even)\s(?:\w+\s)?{_CHANCE}\s(?:of|that|for|on)\s(?P<about>)",
        rf"{_CHANCE}\s(?:of|that|for|on)\s(?P<middle>[^.;]{{4,120}}?)\s(?:is|was|are|were|at|stands|stood|rose|fell|"
        rf"climbed|dropped|jumped|to)\s(?:now\s|put\s|seen\s|only\s|just\s|about\s|around\s|roughly\s|at\s|to\s)*{_RANGE}",
        rf"(?P<named>[a-z]+)\s(?:probability|odds)\s(?:of|at)\s(?:about\s|around\s)?{_RANGE}",
        rf"\b(?:is|are|was|were)\s(?:now\s|about\s|only\s)?{_RANGE}\s(?P<likely>likely|certain)\s(?:to|that)\s",
    )
)
_MIGHT_STATE = re.compile(rf"{_CHANCE}|{_PEOPLE}|%\slikely|percent\slikely|certain")


@dataclass(frozen=True, slots=True)
class StatedProbability:
    """A number and what it is about, as places in the searched text."""

    value: float
    low: float | None
    high: float | None
    start: int
    end: int
    about_start: int
    about_end: int | None
    """None: to the end of the clause."""
    is_share: bool
    """A share of people asked."""
    asked: int | None
    """How many were asked, where it is said."""


def stated_probabilities(lowered: str) -> list[StatedProbability]:
    """Probabilities of one sentence in lower case, in order, each stretch used once."""
    if not _MIGHT_STATE.search(lowered):
        return []
    found: list[StatedProbability] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(lowered):
            free = all(match.start() >= other.end or match.end() <= other.start for other in found)
            found += _stated(match) if free else ()
    return sorted(found, key=lambda stated: stated.start)


def _stated(match: re.Match[str]) -> Iterator[StatedProbability]:
    parts = match.groupdict()
    low, high = _values(parts)
    if not 0.0 <= low <= high <= 1.0:
        return
    start, end = _about(match, parts)
    people = parts.get("share") is not None or (
        parts.get("some") is not None and not re.search(_CHANCE, match[0])
    )
    yield StatedProbability(
        value=round((low + high) / 2, 6),
        low=low if high > low else None,
        high=high if high > low else None,
        start=match.start(),
        end=match.end(),
        about_start=start,
        about_end=end,
        is_share=people,
        asked=int(_number(parts["all"])) if people and parts.get("all") else None,
    )


def _values(parts: dict[str, str | None]) -> tuple[float, float]:
    """Lowest and highest value, as fractions; (1, 0), which is no interval, where the numbers make none."""
    if parts.get("even"):
        return 0.5, 0.5
    some, out_of = parts.get("some"), parts.get("all")
    if some and out_of:
        total = _number(out_of)
        return (_number(some) / total,) * 2 if total else (1.0, 0.0)
    first = float(parts["p"] or 0) / 100.0
    second = parts.get("q")
    return first, float(second) / 100.0 if second else first


def _number(text: str) -> float:
    return float(_SMALL.get(text, 0)) if text in _SMALL else float(text)


def _about(match: re.Match[str], parts: dict[str, str | None]) -> tuple[int, int | None]:
    for group in ("middle", "named"):
        if parts.get(group):
            return match.span(group)
    return (0, None) if parts.get("likely") else (match.end(), None)
