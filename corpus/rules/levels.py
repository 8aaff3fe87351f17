"""Rules on a level's candidates: one that happened, distinct alternatives with a fate, no wording that gives away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from corpus.case import Candidate, Case, Fate, Outcome
from corpus.dates import EventDate, horizon_end
from corpus.problems import Code, Problem, error, warning
from corpus.quantities import FIGURE_WORDS
from corpus.text import (
    Direction,
    content_words,
    directions,
    explicit_dates,
    normalise,
    opposed,
    quantities,
    stem,
)

MAX_ALTERNATIVES = 5


def check_levels(case: Case) -> Iterator[Problem]:
    """All findings on candidates of one case."""
    for i, outcome in enumerate(case.outcomes):
        path = f"outcomes[{i}]"
        yield from _counts(outcome, path)
        yield from _same_texts(outcome, path)
        yield from _dated_wording(outcome, path)
        for k, candidate in enumerate(outcome.candidates):
            if not candidate.happened:
                yield from _fate(case, outcome, candidate, f"{path}.candidates[{k}]")


def _counts(outcome: Outcome, path: str) -> Iterator[Problem]:
    happened = sum(candidate.happened for candidate in outcome.candidates)
    expected = 0 if outcome.event is None else 1
    alternatives = len(outcome.candidates) - happened
    if outcome.candidates and happened != expected:
        yield error(
            Code.HAPPENED_COUNT, f"{path}.candidates", happened,
            f"{happened} candidates are marked as what happened, {expected} expected.",
        )  # fmt: skip
    if alternatives == 0:
        yield error(
            Code.NO_ALTERNATIVES, f"{path}.candidates", len(outcome.candidates),
            "the level has no alternative; nothing was found, and none is invented.",
        )  # fmt: skip
    if alternatives > MAX_ALTERNATIVES:
        yield error(
            Code.TOO_MANY_ALTERNATIVES, f"{path}.candidates", alternatives,
            f"{alternatives} alternatives; keep at most {MAX_ALTERNATIVES}.",
        )  # fmt: skip


def _same_texts(outcome: Outcome, path: str) -> Iterator[Problem]:
    """Compare every alternative with what happened and with the alternatives before it."""
    happened = [c.text for c in outcome.candidates if c.happened] or [outcome.event or ""]
    seen: list[str] = []
    for k, candidate in enumerate(outcome.candidates):
        if candidate.happened:
            continue
        where = f"{path}.candidates[{k}].text"
        if any(says_the_same(candidate.text, text) for text in (*happened, outcome.event or "") if text):
            yield error(
                Code.ALTERNATIVE_IS_OUTCOME,
                where,
                candidate.text,
                "the alternative says the same as what happened.",
            )
        elif any(says_the_same(candidate.text, text) for text in seen):
            yield error(Code.DUPLICATE_CANDIDATE, where, candidate.text, "two alternatives say the same.")
        seen.append(candidate.text)


def says_the_same(a: str, b: str) -> bool:
    """Equal after normalisation, or the same content words with the same numbers and direction."""
    if _plain(a) == _plain(b):
        return True
    if _other_words(a, b) or _read(a) != _read(b):
        return False
    return not opposed(directions(a), directions(b)) and _no_turn(a, b)


_FIGURE_STEMS = frozenset(stem(word) for word in FIGURE_WORDS)


def _other_words(a: str, b: str) -> bool:
    """Whether a word that no figure is made of stands in one text alone: then the figures need not be read."""
    apart = set(content_words(a)).symmetric_difference(content_words(b))
    return any(word.isalpha() and word not in _FIGURE_STEMS for word in apart)


_plain = lru_cache(maxsize=64)(normalise)  # a level compares all its pairs


@lru_cache(maxsize=64)
def _read(text: str) -> tuple[list[str], list[tuple[float, float, str]]]:
    """A text as content words beside figures, however those are spelled."""
    found = quantities(text)
    for quantity in reversed(found):
        text = text[: quantity.start] + " " + text[quantity.end :]
    return sorted(content_words(text)), sorted((q.low, q.high, q.unit) for q in found)


def _no_turn(a: str, b: str) -> bool:
    """The same words may say the contrary ("does not rise"): directions must be equal then."""
    one, other = directions(a), directions(b)
    return one == other or not ({Direction.FLAT, Direction.NO} & (one ^ other))


def _dated_wording(outcome: Outcome, path: str) -> Iterator[Problem]:
    """A date in one candidate that another lacks tells them apart without any knowledge of events."""
    mentioned = [frozenset(str(m.date) for m in explicit_dates(c.text)) for c in outcome.candidates]
    if len(set(mentioned)) <= 1:
        return
    shared = frozenset.intersection(*mentioned)
    for k, dates in enumerate(mentioned):
        if dates - shared:
            extra = ", ".join(sorted(dates - shared))
            yield error(
                Code.WORDING_CARRIES_DATE, f"{path}.candidates[{k}].text", outcome.candidates[k].text,
                f"the wording names {extra}, which other candidates lack; take dates out of the wording.",
            )  # fmt: skip


def _fate(case: Case, outcome: Outcome, candidate: Candidate, path: str) -> Iterator[Problem]:
    if candidate.fate is None:
        yield error(
            Code.FATE_MISSING,
            f"{path}.fate",
            candidate.text,
            "nobody has said what became of this alternative.",
        )
    elif candidate.fate is Fate.HAPPENED_LATER:
        yield from _later(case, outcome, candidate, path)


def _later(case: Case, outcome: Outcome, candidate: Candidate, path: str) -> Iterator[Problem]:
    if candidate.fate_date is None:
        yield warning(Code.FATE_CONTRADICTS, f"{path}.fate_date", "", "happened later, but when is not said.")
        return
    parent = case.parent_date(outcome.depth)
    for code, message in _date_faults(candidate.fate_date, outcome.date, parent, case.horizon_months):
        yield error(code, f"{path}.fate_date", candidate.fate_date, message)


def _date_faults(
    fate: EventDate, outcome: EventDate | None, parent: EventDate | None, horizon: int
) -> Sequence[tuple[Code, str]]:
    faults = []
    if outcome is not None and fate.surely_before(outcome):
        faults.append(
            (
                Code.FATE_CONTRADICTS,
                f"it happened on {fate}, before the outcome of {outcome}: it is the outcome.",
            )
        )
    if parent is not None and fate.first_day > horizon_end(parent, horizon):
        faults.append(
            (Code.FATE_CONTRADICTS, f"it happened on {fate}, after the horizon: its fate is 'refuted'.")
        )
    return faults
