"""From a sentence to the wording of an event: dates, attribution and asides taken out, length bounded.

Offline wording stays close to the sentence it came from; nothing is added. Tense is kept as it is, because
changing it by rule breaks more sentences than it mends; a curator or a model brings candidates to one voice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_WORDS = 26

_LEAD_IN = re.compile(
    r"\b(?:on|in|by|at|since|during|from|until|for|late|early|of|the week of|dated)\s+(?:the\s+)?$", re.I
)
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
_LEFT_OVER = re.compile(r",?\s+(?:effective|starting|beginning|dated|as)(?=\s*(?:,|;|$|\sand\b))", re.I)
"""What introduced a date that is gone."""
_UNOPENED = re.compile(r"^[\s,;:–—-]+")


def event_wording(sentence: str, date_spans: Iterable[tuple[int, int]]) -> str:
    """The sentence as an event: without dates, attribution and asides, at most `MAX_WORDS` words."""
    text = _without_dates(sentence, sorted(date_spans, reverse=True))
    text = _LEFT_OVER.sub("", _ASIDE.sub("", text)).strip().rstrip(".!? ")
    text = _ATTRIBUTION.sub("", text)
    text = _UNOPENED.sub("", _OPENING.sub("", _UNOPENED.sub("", text)))
    text = re.sub(r"\s+([,;:.])", r"\1", re.sub(r"\s{2,}", " ", text))
    text = _shortened(_main_clause(text)).strip(" ,;:–—-")
    return text[:1].upper() + text[1:]


def _without_dates(text: str, spans: list[tuple[int, int]]) -> str:
    """Cut each date with the preposition before it and a comma that is left over."""
    for start, end in spans:
        head, tail = text[:start], text[end:]
        head = _LEAD_IN.sub("", head)
        if not head.strip() or head.rstrip().endswith(","):
            tail = re.sub(r"^\s*,", " ", tail)
        text = head.rstrip() + " " + tail.lstrip() if head.strip() else tail.lstrip()
    return text


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
