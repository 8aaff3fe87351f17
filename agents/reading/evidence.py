"""From documents to numbered, dated evidence: what of all that was read is worth showing, in which order.

Passages are sentences with their dates and their relevance to a seed. `number_evidence` puts the most
useful first, says repeated things once, and stops at a budget of tokens. Every quotation is an exact
stretch of its document's text. Documents in other languages than English give no passages.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.reading.dates import find_dates, statement_date
from agents.reading.document import Document
from agents.reading.sentences import sentences
from agents.reading.signature import Rarity, shipped_rarity, stems_of
from corpus.case import Evidence, Role
from corpus.dates import EventDate, Precision
from corpus.datetext import DateMention
from corpus.text import jaccard, shingles

QUOTE_CONTEXT = 32
"""Characters of prefix and suffix that a quotation carries."""
SAME_WORDING = 0.7
"""Jaccard of three-word shingles from which two passages say one thing in one wording."""
MIN_WORDS = 4


@dataclass(frozen=True)
class Passage:
    """A sentence of a document, at [start, end) of its text."""

    document: Document
    start: int
    end: int
    dates: tuple[DateMention, ...]
    """Dates named in it; offsets refer to the document's text."""
    date: EventDate | None
    """When what it states happened: its own date, else the document's publication."""
    relevance: float
    """To the seed, 0..1."""

    @property
    def text(self) -> str:
        """The words, exactly as they stand in the document."""
        return self.document.text[self.start : self.end]


@dataclass(frozen=True)
class Numbered:
    """A passage under the number by which a reply must cite it."""

    number: int
    passage: Passage
    repeats: tuple[Passage, ...]
    """Passages of other documents that say the same in the same words."""
    tokens: int

    def line(self) -> str:
        """As it is shown: `[3] 2022-06-15 (example.org) The bank …`."""
        return _line(self.number, self.passage)


def relevance(text: str, seed: str, rarity: Rarity | None = None) -> float:
    """How much a text has to do with a seed, 0..1: half likeness, half how much of the seed's weight it holds."""
    return _relevance(
        stems_of(text), _seed_weights(seed, rarity or shipped_rarity()), rarity or shipped_rarity()
    )


def document_relevance(document: Document, seed: str, rarity: Rarity | None = None) -> float:
    """Relevance of a document: the mean of its title and its three most relevant sentences."""
    found = sorted((p.relevance for p in passages(document, seed, rarity)), reverse=True)[:3]
    parts = [relevance(document.title, seed, rarity), *found] if document.title else found
    return sum(parts) / len(parts) if parts else 0.0


def passages(document: Document, seed: str, rarity: Rarity | None = None) -> list[Passage]:
    """The sentences of an English document with dates and relevance, in order; none of other languages."""
    if document.language != "en":
        return []
    dates = find_dates(document.text, document.published_at)
    known = rarity or shipped_rarity()
    wanted = _seed_weights(seed, known)
    found = []
    for sentence in sentences(document.text):
        if len(sentence.text.split()) < MIN_WORDS:
            continue
        own = tuple(m for m in dates if sentence.start <= m.start and m.end <= sentence.end)
        when = statement_date(sentence.start, sentence.end, own, document.published_at)
        fit = _relevance(stems_of(sentence.text), wanted, known)
        found.append(Passage(document, sentence.start, sentence.end, own, when, fit))
    return found


@dataclass(frozen=True)
class _Seed:
    weights: dict[str, float]
    whole: float
    norm: float


def _seed_weights(seed: str, rarity: Rarity) -> _Seed:
    weights = {base: rarity.of(base) for base in stems_of(seed)}
    norm = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
    return _Seed(weights, math.fsum(weights.values()), norm)


def _relevance(stems: frozenset[str], seed: _Seed, rarity: Rarity) -> float:
    shared = [seed.weights[base] for base in stems & seed.weights.keys()]
    if not shared:
        return 0.0
    norm = math.sqrt(math.fsum(rarity.of(base) ** 2 for base in stems))
    likeness = math.fsum(weight * weight for weight in shared) / ((norm * seed.norm) or 1.0)
    return min(1.0, 0.5 * math.fsum(shared) / (seed.whole or 1.0) + 0.5 * likeness)


def count_tokens(text: str) -> int:
    """Tokens of English text, roughly and rather too many: the larger of 4/3 a word and 1 per 4 characters.

    Byte-pair tokenizers need 1.2 to 1.4 tokens a word on news; figures and names need more, which the count
    by characters covers.
    """
    return max(math.ceil(len(text.split()) * 4 / 3), math.ceil(len(text) / 4))


def number_evidence(found: Iterable[Passage], *, budget: int, at_least: float = 0.0) -> list[Numbered]:
    """The most useful passages, numbered from 1, whose lines fit into `budget` tokens together.

    Useful is relevant first; a date of its own and a finer one count a little more. Passages below
    `at_least` relevance are left out; one too long for what is left is passed over. Deterministic.
    """
    chosen: list[Numbered] = []
    left = budget
    for passage, repeats in _said_once(sorted((p for p in found if p.relevance >= at_least), key=_rank)):
        tokens = count_tokens(_line(len(chosen) + 1, passage)) + 1
        if tokens <= left:
            chosen.append(Numbered(len(chosen) + 1, passage, repeats, tokens))
            left -= tokens
    return chosen


def _rank(passage: Passage) -> tuple[float, str, str, int]:
    own = any(mention.date == passage.date for mention in passage.dates)
    fine = passage.date is not None and passage.date.precision is Precision.DAY
    worth = passage.relevance * (1.0 + 0.1 * own + 0.05 * fine)
    return -round(worth, 9), str(passage.date or ""), passage.document.url, passage.start


def _said_once(ranked: Sequence[Passage]) -> Iterator[tuple[Passage, tuple[Passage, ...]]]:
    """Each wording once, at its best place, with its repetitions."""
    firsts: list[Passage] = []
    repeats: defaultdict[int, list[Passage]] = defaultdict(list)
    worded: list[frozenset[str]] = []
    filed: defaultdict[str, list[int]] = defaultdict(list)
    for passage in ranked:
        wording = shingles(passage.text)
        near = {place for piece in wording for place in filed[piece]}
        twin = next(
            (place for place in sorted(near) if jaccard(worded[place], wording) >= SAME_WORDING), None
        )
        if twin is not None:
            repeats[twin].append(passage)
            continue
        for piece in wording:
            filed[piece].append(len(firsts))
        firsts.append(passage)
        worded.append(wording)
    for place, passage in enumerate(firsts):
        yield passage, tuple(repeats[place])


def _line(number: int, passage: Passage) -> str:
    when = str(passage.date) if passage.date else "undated"
    return f"[{number}] {when} ({passage.document.publisher}) {' '.join(passage.text.split())}"


def quote(
    document: Document, start: int, end: int, role: Role, *, read_until: datetime | None = None
) -> Evidence:
    """The stretch [start, end) of a document as a quotation with its surroundings; ValueError where there is none."""
    text = document.text
    if not 0 <= start < end <= len(text):
        raise ValueError(f"{start}..{end} is no stretch of a text of {len(text)} characters")
    return Evidence(
        source_id=document.source_id,
        exact=text[start:end],
        prefix=text[max(0, start - QUOTE_CONTEXT) : start],
        suffix=text[end : end + QUOTE_CONTEXT],
        start=start,
        end=end,
        role=role,
        read_until=read_until,
    )
