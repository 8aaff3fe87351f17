"""From a sentence to the wording of an event: dates, attribution and asides taken out, length bounded.

Offline wording stays close to the sentence it came from; nothing is added. Tense is kept as it is, because
changing it by rule breaks more sentences than it mends; a curator or a model brings candidates to one voice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_WORDS = 26

_LEAD_IN = re.compile(
    r"\b(?:(?:late |early |earlier )?(?:on|in)|by|at|since|during|from|until|for|late|earlier|early|of|the week of|"
    r"dated)\s+(?:the\s+)?$",
    re.I,
)
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+$", re.I)
"""What a full date leaves of "Tuesday, 28 January 2024"."""
_ATTRIBUTION = re.compile(
    r"(?:,?\s+according to [^,.;]{1,80}|,\s+(?:the\s+)?[\w’'. -]{2,50} (?:said|says|reported|reports|announced|told)"
    r"(?: [^,.;]{0,40})?)$",
    re.I,
)
_OPENING = re.compile(
    r"^(?:but|and|so|however|meanwhile|also|then|still|yet|later|earlier|separately|in addition|by contrast|"
    r"instead|as expected)\b[\s,]+",
    re.I,
)
_ASIDE = re.compile(r"\s*\([^()]{0,120}\)")
_SUBORDINATE = re.compile(
    r",\s+(?:after|as|while|which|who|whose|following|amid|because|although|though|since|when|where|days?|weeks?|months?|"
    r"hours?|half a|a (?:day|week|month|year)|one|two|three|less than|more than)\b",
    re.I,
)
MIN_WORDS = 6
_CLAUSE = re.compile(r"[,;:–—]\s")
_LEADING = re.compile(
    r"^(?:(?:less|more) than |only |just )?(?:(?:a few |several |[\w-]+ )?(?:hours?|days?|weeks?|months?|years?) )?"
    r"(?:after|before|as|when|while|within|following|despite|amid|with|since|although|though|because)\b[^,]*,\s+(?=\S)",
    re.I,
)
"""A clause in front of the statement: "Within hours of the vote, …"."""
_PART_OF_DAY = re.compile(r"^\s*(?:early |late )?(?:morning|afternoon|evening|night)\b", re.I)
_POSSESSIVE = re.compile(r"^['’]s?\b")
_ARTICLE = re.compile(r"\b(?:on|in|at)\s+an?\s+$", re.I)
_LEFT_OVER = re.compile(
    r",?\s+(?:effective|starting|beginning|dated|as)(?=\s*(?:,|;|$|\sand\b))"
    r"|,\s+(?:filed|planned|signed|issued|published|adopted|scheduled|held|released|unsealed)\s*,",
    re.I,
)
"""What introduced a date that is gone."""
_DANGLING = re.compile(
    r"(?:which|who|whose|it|its|he|his|she|her|they|their|we|our|i|this|these|those|there|the (?:latter|former))\b",
    re.I,
)
_UNOPENED = re.compile(r"^[\s,;:–—-]+")


def event_wording(sentence: str, date_spans: Iterable[tuple[int, int]]) -> str:
    """The sentence as an event: without dates, attribution and asides, at most `MAX_WORDS` words."""
    text = _without_dates(sentence, sorted(date_spans, reverse=True))
    text = _LEFT_OVER.sub("", _ASIDE.sub("", text)).strip().rstrip(".!? ")
    text = _ATTRIBUTION.sub("", text)
    text = _UNOPENED.sub("", _OPENING.sub("", _UNOPENED.sub("", text)))
    text = re.sub(r"\s+([,;:.])", r"\1", re.sub(r"\s{2,}", " ", text))
    text = _shortened(_main_clause(_without_opening_clause(text))).strip(" ,;:–—-")
    return text[:1].upper() + text[1:]


def dangling(text: str) -> bool:
    """Whether a wording names its subject by a word that means nothing alone, so that it cannot stand as an event."""
    return bool(_DANGLING.match(text))


def _without_dates(text: str, spans: list[tuple[int, int]]) -> str:
    """Cut each date with the preposition before it and a comma that is left over."""
    for start, end in spans:
        head, tail = text[:start], text[end:]
        if _POSSESSIVE.match(tail):  # "by Friday's deadline" becomes "by the deadline"
            text = head + "the" + _POSSESSIVE.sub("", tail)
            continue
        tail = _PART_OF_DAY.sub("", tail)
        if weekday := _WEEKDAY.search(head):
            head, tail = head[: weekday.start()], tail.removeprefix(",")
        head = _ARTICLE.sub("", _LEAD_IN.sub("", head))
        if not head.strip() or head.rstrip().endswith(","):
            tail = re.sub(r"^\s*,", " ", tail)
        text = head.rstrip() + " " + tail.lstrip() if head.strip() else tail.lstrip()
    return text


def _without_opening_clause(text: str) -> str:
    """Without the clause in front, where a whole statement follows it."""
    rest = _LEADING.sub("", text, count=1)
    return rest if len(rest.split()) >= MIN_WORDS else text


def _main_clause(text: str) -> str:
    """What stands before the first subordinate clause, where that is a whole statement."""
    border = _SUBORDINATE.search(text)
    return text[: border.start()] if border and len(text[: border.start()].split()) >= MIN_WORDS else text


def _shortened(text: str) -> str:
    """Cut at the last clause border that leaves at most `MAX_WORDS` words and at least six."""
    if len(text.split()) <= MAX_WORDS:
        return text
    borders = [match.start() for match in _CLAUSE.finditer(text)]
    fitting = [at for at in borders if MIN_WORDS <= len(text[:at].split()) <= MAX_WORDS]
    if fitting:
        return text[: fitting[-1]]
    return " ".join(text.split()[:MAX_WORDS])
