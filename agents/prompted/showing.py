"""Evidence as a prompt shows it: chosen from documents, numbered, flagged passages left out.

Numbers go on where earlier rounds of the same question ended, so a citation means one passage for as long as
the question lasts. A passage that looks like an attempt to instruct the model is not shown; its page is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from agents.injection import flags, numbered_block
from agents.reading.document import Document
from agents.reading.evidence import Numbered, Passage, number_evidence, passages, quote
from corpus.case import Evidence, Role

LEAST_RELEVANCE = 0.05
"""Below this a passage shares no more than a common word with what is asked."""
MOST_QUOTED = 4
NOTHING = "(no evidence was found)"


@dataclass(frozen=True)
class Shown:
    """The evidence of one question."""

    items: tuple[Numbered, ...] = ()
    flagged: tuple[str, ...] = ()
    """Addresses of pages with a passage that tries to instruct a model, in order."""

    def block(self) -> str:
        """As it stands in the prompt."""
        if not self.items:
            return NOTHING
        return numbered_block(((_head(item), item.passage.text) for item in self.items), "evidence")

    def unknown(self, numbers: Iterable[int]) -> str | None:
        """What is wrong with citations, in one sentence; None where all exist."""
        known = {item.number for item in self.items}
        missing = sorted({number for number in numbers if number not in known})
        if not missing:
            return None
        last = max(known, default=0)
        said = f"the numbers end at [{last}]" if last else "there is no evidence"
        return f"Evidence [{missing[0]}] does not exist; {said}. Cite only numbers that are shown."

    def cited(self, numbers: Iterable[int]) -> list[Passage]:
        """The passages under the given numbers and, from other publishers, those that repeat them."""
        wanted = dict.fromkeys(numbers)
        by_number = {item.number: item for item in self.items}
        found = [by_number[number].passage for number in wanted if number in by_number]
        publishers = {passage.document.publisher for passage in found}
        for number in wanted:
            for repeat in by_number[number].repeats if number in by_number else ():
                if repeat.document.publisher not in publishers:
                    publishers.add(repeat.document.publisher)
                    found.append(repeat)
        return found[:MOST_QUOTED]

    def documents_behind(self, quoted: Iterable[Evidence]) -> dict[str, Document]:
        """Source id → document of those quotations that were taken from here."""
        wanted = {item.source_id for item in quoted}
        passages = (passage for item in self.items for passage in (item.passage, *item.repeats))
        return {key: document for key, document in documents_of(passages).items() if key in wanted}

    def note(self) -> str:
        """A sentence on pages that try to instruct the model; empty where there are none."""
        if not self.flagged:
            return ""
        return f"Passages that try to instruct a model were left out: {', '.join(self.flagged)}."

    def with_more(self, found: Iterable[Passage], flagged: Sequence[str], *, budget: int) -> Shown:
        """The same evidence and, numbered after it, the most useful of further passages."""
        known = {_place(passage) for item in self.items for passage in (item.passage, *item.repeats)}
        new = [passage for passage in found if _place(passage) not in known]
        last = max((item.number for item in self.items), default=0)
        numbered = number_evidence(new, budget=budget, at_least=LEAST_RELEVANCE)
        added = tuple(replace(item, number=last + item.number) for item in numbered)
        return Shown((*self.items, *added), tuple(dict.fromkeys((*self.flagged, *flagged))))


def show(
    documents: Sequence[Document],
    about: str,
    *,
    budget: int,
    keep: Callable[[Passage], bool] = lambda passage: True,
    after: Shown | None = None,
) -> Shown:
    """The passages of `documents` that are most useful for `about`, in at most `budget` tokens."""
    found: list[Passage] = []
    flagged: list[str] = []
    for document in sorted({d.source_id: d for d in documents}.values(), key=lambda d: (d.url, d.source_id)):
        spans = [(flag.start, flag.end) for flag in flags(document.text)]
        if spans:
            flagged.append(document.url)
        for passage in passages(document, about):
            if keep(passage) and not any(s < passage.end and passage.start < e for s, e in spans):
                found.append(passage)
    return (after or Shown()).with_more(found, flagged, budget=budget)


def quotations(found: Iterable[Passage], role: Role, read_until: datetime | None) -> tuple[Evidence, ...]:
    """The passages as quotations of their stored texts."""
    return tuple(quote(p.document, p.start, p.end, role, read_until=read_until) for p in found)


def documents_of(found: Iterable[Passage]) -> dict[str, Document]:
    """Source id → document of the passages."""
    return {passage.document.source_id: passage.document for passage in found}


def _head(item: Numbered) -> str:
    when = str(item.passage.date) if item.passage.date else "undated"
    return f"[{item.number}] {when} ({item.passage.document.publisher})"


def _place(passage: Passage) -> tuple[str, int]:
    return passage.document.source_id, passage.start
