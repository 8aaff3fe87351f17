"""Sentences of an English text, each with its place.

Rules for what newspapers and offices write: abbreviations ("Gov. Smith", "U.S. stocks"), initials,
figures ("3.5 percent", "No. 5"), closing quotes and brackets after the stop, headlines without one, and
hard-wrapped plain text, whose line breaks are blanks. Does not repair text (a missing blank after a full
stop stays missing) and does not know other languages' abbreviations.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence at [start, end) of its text; `text` is exactly that stretch."""

    text: str
    start: int
    end: int


_TITLES = frozenset(
    """mr mrs ms dr prof gen col capt lt sgt maj cmdr adm gov sen rep sens reps hon rev fr pres supt insp det
    mt ft st no nos vs v fig figs vol pp p art sec ch approx est ca cf al viz eg ie jan feb mar apr jun jul
    aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun messrs mme mlle""".split()
)
"""After these a full stop hardly ever ends a sentence."""
_MAYBE = frozenset(
    """inc corp co ltd llc plc bros dept univ assn jr sr etc u.s u.k u.n e.u u.s.a d.c a.m p.m ph.d m.d b.a
    m.a r.i n.y n.j calif mass conn ala ariz ark colo del fla ga ill ind kan ky la md mich minn miss mo mont
    neb nev okla ore pa tenn tex va vt wash wis wyo e.g i.e yahoo""".split()
)
"""After these it does where the next word is one that opens sentences."""
_OPENERS = frozenset(
    """the a an it its he she they we i you this that these those there but and or so in on at as for from
    with after before by if when while since although though however yet still also meanwhile instead his
    her their our my what who why how where some many most all both no not one two last next under over
    during despite because until among another such more""".split()
)
_STOP = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)")
_LAST_WORD = re.compile(r"[^\s(\[“\"‘']+$")
_NEXT_WORD = re.compile(r"\s+[\"'“‘«(\[]*(?P<word>[^\s]+)")
_LIST_MARK = re.compile(r"(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})")
_BREAK = re.compile(r"[^\S\n]*\n\s*")
_BLANK_LINE = re.compile(r"[^\S\n]*\n[^\S\n]*\n\s*")


def sentences(text: str) -> list[Sentence]:
    """All sentences in order, without the blanks around them; `text[s.start:s.end] == s.text` for each."""
    return list(_sentences(text))


@lru_cache(maxsize=32)  # the steps of reading ask one after the other for the same text
def _sentences(text: str) -> tuple[Sentence, ...]:
    found: list[Sentence] = []
    for start, end in _paragraphs(text):
        opened = start
        for stop in _stops(text, start, end):
            _keep(found, text, opened, stop)
            opened = stop
        _keep(found, text, opened, end)
    return tuple(found)


def _keep(found: list[Sentence], text: str, start: int, end: int) -> None:
    """Add the stretch without the blanks around it, where anything is left."""
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    piece = piece.strip()
    if piece:
        found.append(Sentence(piece, left, left + len(piece)))


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Stretches between line breaks; between blank lines where the text is hard-wrapped."""
    start = 0
    for match in (_BLANK_LINE if _hard_wrapped(text) else _BREAK).finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _hard_wrapped(text: str) -> bool:
    """Whether lines break at a page's width: most are 45 to 100 characters long and end within a sentence."""
    lines = [line.rstrip() for line in text.split("\n")]
    inner = [a for a, b in itertools.pairwise(lines) if a and b]
    if len(inner) < 2:
        return False
    cut = sum(45 <= len(line) <= 100 and line[-1] not in '.!?:"”' for line in inner)
    return cut >= 0.6 * len(inner)


def _stops(text: str, start: int, end: int) -> Iterator[int]:
    for match in _STOP.finditer(text, start, end):
        if _ends_sentence(text, start, match):
            start = match.end()
            yield start


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    following = _NEXT_WORD.match(text, stop.end())
    if not following:
        return True
    word = following["word"]
    if word[0].islower():
        return False
    if stop[0][0] != ".":
        return not _is_name_with_mark(text, start, stop)
    before = _LAST_WORD.search(text, max(start, stop.start() - 24), stop.start())
    if not before or stop[0].startswith(".."):
        return True
    return _stop_after(before[0], word, at_start=not text[start : before.start()].strip())


def _is_name_with_mark(text: str, start: int, stop: re.Match[str]) -> bool:
    """ "Yahoo! Inc." goes on."""
    return stop[0] == "!" and text[max(start, stop.start() - 5) : stop.start()].lower() == "yahoo"


def _stop_after(before: str, word: str, *, at_start: bool) -> bool:
    """Whether a full stop between these two words ends a sentence."""
    folded = before.lower().strip("“”\"'(),-")
    opens = re.split(r"[^a-z]", word.lower(), maxsplit=1)[0] in _OPENERS
    if at_start and _LIST_MARK.fullmatch(folded):
        return False
    if folded in _TITLES:
        return folded in {"no", "p", "v", "art", "sat", "sun", "al"} and opens and not word[0].isdigit()
    if folded in _MAYBE or (len(folded) == 1 and folded.isalpha()) or _dotted(folded):
        return opens
    return True


def _dotted(word: str) -> bool:
    """Letters with full stops between, such as `u.s` or `r.i.p`."""
    return "." in word and all(len(part) == 1 and part.isalpha() for part in word.split("."))
