"""Which domain a text speaks of, by the words of `domains.toml`. Several may fit; none may."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from corpus.text import stem, words

ENOUGH = 2.0
"""Score from which a text counts as speaking of a domain: two words, or a word and half a phrase."""
PHRASE_WEIGHT = 1.5


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, tuple[frozenset[str], tuple[str, ...]]]:
    table = tomllib.loads(files("agents.offline").joinpath("domains.toml").read_text(encoding="utf-8"))
    return {
        domain: (frozenset(stem(word) for word in entry["words"].split()), tuple(entry["phrases"]))
        for domain, entry in table.items()
    }


@lru_cache(maxsize=20_000)
def subject_scores(text: str) -> dict[str, float]:
    """Domain → how many different words and phrases of it the text holds, phrases counted 1.5."""
    stems = {stem(word) for word in words(text)}
    folded = text.casefold()
    return {
        domain: len(stems & listed) + PHRASE_WEIGHT * sum(phrase in folded for phrase in phrases)
        for domain, (listed, phrases) in _lexicon().items()
    }


def touches(domain: str, text: str) -> bool:
    """Whether a document holds enough words of a domain for one of its sentences to belong to it."""
    scores = subject_scores(text)
    return scores[domain] >= ENOUGH if domain in scores else speaks_of(domain, "", text) > 0


def speaks_of(domain: str, sentence: str, document: str) -> float:
    """How surely a sentence of a document belongs to a domain; 0 where another domain fits clearly better.

    The document counts half, so that a short sentence is read in its surroundings.
    """
    own, around = subject_scores(sentence), subject_scores(document)
    if domain not in own:
        return float(stem(domain) in {stem(word) for word in words(document)}) * ENOUGH
    totals = {name: own[name] + 0.5 * around[name] for name in own}
    best = max(totals.values())
    return totals[domain] if totals[domain] >= ENOUGH and totals[domain] >= 0.8 * best else 0.0
