"""Forward-looking statements: what a text says may come, how likely, and who says so.

Found by cue words in sentences. A statement that merely measures what happened against what had been
expected ("more than economists had forecast") looks back and is left out. Says nothing of whether an
expectation came true. English only; no model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.reading.dates import Published, find_dates
from agents.reading.probabilities import StatedProbability, stated_probabilities
from agents.reading.sentences import Sentence, sentences
from corpus.case import Method
from corpus.datetext import DateMention


@dataclass(frozen=True, slots=True)
class Expectation:
    """One forward-looking statement; offsets refer to the whole text."""

    text: str
    """The sentence, exactly `[start, end)` of the text."""
    start: int
    end: int
    clause: str
    """What is expected, exactly `[clause_start, clause_end)`."""
    clause_start: int
    clause_end: int
    holder: str
    """Who expects or says it; empty where the text does not say."""
    kind: Method
    """market, survey or expert."""
    probability: float | None
    """0..1 where stated; the middle of a stated range."""
    low: float | None
    high: float | None
    samples: int | None
    """How many people were asked, where stated."""
    main: bool
    """It is what the sentence is about; False where the sentence first tells of something that happened."""
    dates: tuple[DateMention, ...]
    """Dates named in the sentence: often by when."""


_VIEW = (
    r"expect(?:s|ed|ing)?|forecast(?:s|ed|ing)?|predict(?:s|ed|ing)?|project(?:s|ed|ing)|anticipat(?:es|ed|ing|e)\b|"
    r"foresees?|foresaw|bet(?:s|ting)?\b|wager(?:s|ed)?|pric(?:e|es|ed|ing)\sin|pencil(?:s|led)?\sin|"
    r"warn(?:s|ed)?(?=\s(?:of|that|it|the))|see(?:s|ing)?(?=\s(?:a|an|the|no|it|them|inflation|growth|rates)\b)"
)
_LIKELY = (
    r"(?:is|are|was|were|be|seems?|looks?|appears?)\s(?:\w+ly\s|also\s|now\s|still\s|not\s|all\sbut\s){0,2}(?:likely|unlikely|set|due|poised|"
    r"scheduled|slated|expected|forecast|projected|predicted|seen|tipped|bound|certain|on\strack|on\scourse)\s(?:to|for)\b"
    r"|(?:more|most|less|very|un)?\s?likely\sto\b"
)
_MODAL = (
    r"(?:could|may|might|will|would|should|won't|'ll|’ll)\s"
    r"(?!have\s|not\s(?:comment|say)|say\b|continue\sto\sbe\b)[a-z]{2,}"
)
_PLAN = r"(?:plan(?:s|ned)?|intend(?:s|ed)?|aim(?:s|ed)?|hope(?:s|d)?|pledge(?:s|d)?|vow(?:s|ed)?)\sto\b"
_NOUN = (
    r"(?:expectations?|forecasts?|predictions?|projections?|chances?|probability|likelihood|odds|risks?|prospects?|"
    r"possibility|outlook|fears?|hopes?)\s(?:of|that|for|is|are)\b"
)
_CUE = re.compile(
    rf"\b(?:(?P<likely>{_LIKELY})|(?P<view>(?:{_VIEW})\b)|(?P<modal>{_MODAL})|(?P<plan>{_PLAN})|(?P<noun>{_NOUN}))"
    r"|(?<=\w)(?P<short>['’]ll\s[a-z]+)"
)
_CUE_HINTS = tuple(
    "expect forecast predict project anticipat forese foresaw bet wager pric pencil warn see saw likely set due poised "
    "schedul slated tipped bound certain track course could may might will would should won 'll ’ll plan intend aim "
    "hope pledge vow chance probab odds risk prospect possib outlook fear".split()
)
"""Every cue holds one of these; looking for them first saves most of the search."""
_LOOKS_BACK = re.compile(
    r"(?:\b(?:than|as|like)\s(?:\w+\s){0,4}|\b(?:had|been|having|previously|widely|better-than-|worse-than-|than-)\s?(?:been\s)?)$"
)
_RANK = {"view": 0, "likely": 1, "noun": 2, "plan": 3, "modal": 4, "short": 4}

_MARKET = re.compile(
    r"\b(?:futures|swaps?|(?:money|bond|rate|financial|prediction|betting)\smarkets?|markets?|traders?|investors?|"
    r"bookmakers?|options|fedwatch|pric(?:es?|ed|ing)\sin|bets?|betting|implied|kalshi|polymarket|predictit)\b"
)
_SURVEY = re.compile(
    r"\b(?:poll(?:ed|s)?|survey(?:ed|s)?|respondents|consensus|median\s(?:forecast|estimate|of)|"
    r"economists\s(?:polled|surveyed)|survey\sof)\b"
)
_REPORTING = frozenset(
    """said told added expected expects forecast forecasted predicted projected anticipated warned showed
    estimated noted argued priced polled surveyed believed stated reported suggested indicated announced
    planned scheduled based led according bet implied need indeed proposed hoped feared wanted widely""".split()
)
_PAST_VERB = re.compile(
    r"\b(?:[a-z]{3,}ed|rose|fell|grew|shrank|cut|hit|won|lost|held|left|began|became|made|took|gave|came|went|sank|slid)\b"
)
_CLAUSE_END = re.compile(
    r"[;:—]|\s[–-]\s|,?\s(?:according\sto|but|while|although|though|whereas|because)\b|"
    r",\s(?:which|who|as|with|he|she|they|after|following|citing)\b|"
    r",\s(?:[^,;]{2,70}\s)?(?:said|says|told|wrote|estimates?)\b|"
    r"\sand\s(?:said|warned|added|expects?|expected|predicted|forecast|a\s\d|an\s\d)|[\"”]"
)
_CLAUSE_START = re.compile(
    r"[;:—]\s|\s[–-]\s|,\s(?:and|but|while|so|or)\s|\bthat\s|[\"“]|\b(?:said|says|say)\s(?!that\b)|\b(?:but|while|although)\s"
)
_ACCORDING = re.compile(
    r"\baccording\sto\s(?P<who>[^,.;]{2,80})|,\s(?P<said>[^,.;]{2,60}?)\s(?:said|says|told|wrote|estimates?)\b"
)
_REPORTED = re.compile(
    r"(?:^|[,;]\s|\b(?:and|but)\s)(?P<by>(?:(?!and\s|but\s)[^\s,;]+\s){0,6}(?!and\s|but\s)[^\s,;]+)\s"
    r"(?:said|says|warned|told\s\w+)\s(?:that\s)?"
)
_LEADING = re.compile(
    r"^(?:and|but|so|while|although|however|meanwhile|now|still|also|that|then|,|\s)+", re.IGNORECASE
)


def expectations(text: str, published: Published) -> list[Expectation]:
    """All forward-looking statements of `text`, in order; several in a sentence that states several odds."""
    dates = find_dates(text, published)
    return expectations_in(sentences(text), dates)


def expectations_in(found: list[Sentence], dates: list[DateMention]) -> list[Expectation]:
    """As `expectations`, where a text's sentences and dates are at hand."""
    return [expectation for sentence in found for expectation in _of_sentence(sentence, dates)]


def _of_sentence(sentence: Sentence, dates: list[DateMention]) -> Iterator[Expectation]:
    if len(sentence.text) > 2000 or sentence.text.endswith("?"):
        return
    lowered = sentence.text.lower()
    if len(lowered) != len(sentence.text):
        return
    cue = _cue(lowered)
    stated = stated_probabilities(lowered)
    own = tuple(m for m in dates if sentence.start <= m.start and m.end <= sentence.end)
    if not cue and not stated:
        return
    for probability in stated or (None,):
        found = _expectation(sentence, lowered, cue, probability, own)
        if found.clause:  # "a 50-50 chance of", and nothing behind it, expects nothing
            yield found


def _cue(lowered: str) -> re.Match[str] | None:
    """The strongest cue that does not look back; among equals the first."""
    if not any(hint in lowered for hint in _CUE_HINTS):
        return None
    cues = [c for c in _CUE.finditer(lowered) if not _looks_back(lowered, c)]
    return min(cues, key=lambda c: (_RANK[c.lastgroup or "modal"], c.start()), default=None)


def _looks_back(lowered: str, cue: re.Match[str]) -> bool:
    return bool(_LOOKS_BACK.search(lowered, max(0, cue.start() - 48), cue.start()))


def _expectation(
    sentence: Sentence,
    lowered: str,
    cue: re.Match[str] | None,
    stated: StatedProbability | None,
    dates: tuple[DateMention, ...],
) -> Expectation:
    start, end = _clause(lowered, cue, stated)
    first = stated.start if stated and (not cue or stated.start < cue.start()) else cue.start() if cue else 0
    return Expectation(
        text=sentence.text,
        start=sentence.start,
        end=sentence.end,
        clause=sentence.text[start:end],
        clause_start=sentence.start + start,
        clause_end=sentence.start + end,
        holder=_holder(sentence.text, lowered, cue),
        kind=_kind(lowered, stated),
        probability=stated.value if stated else None,
        low=stated.low if stated else None,
        high=stated.high if stated else None,
        samples=stated.asked if stated else None,
        main=not any(verb[0] not in _REPORTING for verb in _PAST_VERB.finditer(lowered, 0, first)),
        dates=dates,
    )


def _kind(lowered: str, stated: StatedProbability | None) -> Method:
    if (stated and stated.is_share) or _SURVEY.search(lowered):
        return Method.SURVEY
    return Method.MARKET if _MARKET.search(lowered) else Method.EXPERT


def _clause(lowered: str, cue: re.Match[str] | None, stated: StatedProbability | None) -> tuple[int, int]:
    """Where what is expected stands: behind a view or a number, around a modal."""
    if stated:
        start, end = stated.about_start, stated.about_end
        if end is None:
            end = _end_of_clause(lowered, max(start, stated.end) if start == 0 else start)
        return _tidy(lowered, start, end)
    if cue is None:
        return _tidy(lowered, 0, len(lowered))
    if cue.lastgroup in ("view", "noun"):
        behind = _tidy(lowered, cue.end(), _end_of_clause(lowered, cue.end()))
        if behind[1] - behind[0] >= 12:
            return behind
    return _tidy(lowered, _start_of_clause(lowered, cue.start()), _end_of_clause(lowered, cue.end()))


def _end_of_clause(lowered: str, start: int) -> int:
    found = _CLAUSE_END.search(lowered, start)
    return found.start() if found else len(lowered)


def _start_of_clause(lowered: str, stop: int) -> int:
    start = 0
    for found in _CLAUSE_START.finditer(lowered, 0, stop):
        if stop - found.end() >= 2:
            start = found.end()
    return start


def _tidy(lowered: str, start: int, end: int) -> tuple[int, int]:
    """Without joining words in front and stops behind; the whole where nothing would be left."""
    piece = lowered[start:end]
    left = _LEADING.match(piece)
    begin = start + (left.end() if left else 0)
    stop = start + len(piece.rstrip(" .,;:!\"'”’)"))
    return (begin, stop) if begin < stop else (start, end)


def _holder(text: str, lowered: str, cue: re.Match[str] | None) -> str:
    """The subject of a view ("Economists expect"), else who a statement is put down to."""
    if cue and cue.lastgroup == "view":
        subject = text[_start_of_clause(lowered, cue.start()) : cue.start()].strip(" ,")
        subject = re.sub(r"\s(?:has|have|is|are|was|were|had|also|now|still|widely)$", "", subject)
        subject = subject.rsplit(", ", 1)[-1] if len(subject.split()) > 12 else subject
        if subject and len(subject.split()) <= 12:
            return subject
    reported = _REPORTED.search(lowered, 0, cue.start() if cue else len(lowered))
    found = _ACCORDING.search(lowered) or reported
    if not found:
        return ""
    group = next(name for name, value in found.groupdict().items() if value)
    return text[slice(*found.span(group))].strip()
