"""Whether a clause speaks of what was or of what is to come, by cue words near a place in the text.

The last cue before the place decides, else the first one after it; clauses end at full stops and
semicolons. Cheap and shallow: no parsing, English only.
"""

from __future__ import annotations

import re

from agents.reading.periods import Tense

_FUTURE = (
    r"will|'ll|’ll|shall|won't|would|could|might|should|due|set\sto|scheduled|slated|expect(?:s|ed|ing)?|plans?|"
    r"planned|upcoming|ahead|coming|intends?|aims?|deadline|forecasts?|(?:is|are)\sto|must|hopes?|going\sto|"
    r"takes?\seffect|(?:go|goes)\sto\sthe|resumes?|reconvenes?|retires?|expires?|takes\splace|sees?\s(?:a|an|no)|"
    r"may\s(?!\d)|chances?|probability|odds|pric(?:e|ed|ing)\sin|likely|awaits?|looms?"
)
_PAST = (
    r"was|were|had|has|have|did|said|told|rose|fell|grew|shrank|came|went|took|made|gave|began|met|held|won|lost|"
    r"hit|led|left|saw|sank|slid|spoke|wrote|sent|spent|broke|brought|bought|sold|kept|showed|became|found|"
    r"[a-z]{2,}ed"
)
_CUE = re.compile(rf"(?:\b|(?=['’]))(?:(?P<future>{_FUTURE})|(?P<past>{_PAST}))\b")
_CLAUSE_END = re.compile(r"[;!?\n]|\.(?=\s)")
_BY = re.compile(r"\b(?:by|ahead of|next)\s(?:the\s)?(?:early\s|late\s|mid-)?$")
_REACH = 300


def tense_at(lowered: str, start: int, end: int) -> Tense:
    """The tense around [start, end) of a text in lower case."""
    left = _clause_start(lowered, start)
    if _BY.search(lowered, max(left, start - 24), start):
        return Tense.FUTURE if " had " not in lowered[left:start] else Tense.PAST
    before = None
    for match in _CUE.finditer(lowered, left, start):
        before = match
    found = before or _CUE.search(lowered, end, _clause_stop(lowered, end))
    if not found:
        return Tense.OPEN
    return Tense.FUTURE if found["future"] else Tense.PAST


def _clause_start(lowered: str, start: int) -> int:
    left = max(0, start - _REACH)
    ends = list(_CLAUSE_END.finditer(lowered, left, start))
    return ends[-1].end() if ends else left


def _clause_stop(lowered: str, end: int) -> int:
    found = _CLAUSE_END.search(lowered, end, end + _REACH)
    return found.start() if found else min(len(lowered), end + _REACH)
