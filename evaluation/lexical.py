"""The lexical matcher: the probability that two statements tell of one event, from words alone.

Words are first brought to one form: known places and bodies to their key, numbers to their value,
directions and a few synonyms to one sign. A logistic regression over a dozen similarities then weighs them;
its weights stand in `lexical.json`, fitted by `benchmarks/matching_fit.py` on the odd topics of a public
set of labelled news sentences (ECB+, CC BY 3.0), each with the sign that reason demands, and measured
on the even ones (`benchmarks/README.md`). No model to download.

Does not cover: paraphrases without a shared word, languages other than English.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.text import content_words, jaccard, quantities, shingles, stem
from evaluation.agreement import CACHED_TEXTS, Disagreement, disagreements, facts, gazetteer, known_spans

FEATURES = {
    "all_jaccard": 1, "all_containment": 1, "pair_jaccard": 1, "name_jaccard": 1, "names_shared": 1,
    "number_jaccard": 1, "others_shared": 1, "nothing_but_names": -1,
    "differ_number": -1, "differ_direction": -1, "differ_date": -1, "differ_name": -1,
}  # fmt: skip
"""Similarity → the sign its weight must have."""


@dataclass(frozen=True, slots=True)
class _Canonical:
    """A statement in one form: its names, its numbers, its other words."""

    named: frozenset[str]
    numbers: frozenset[str]
    others: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.named | self.numbers | self.others


def similarity(predicted: str, happened: str) -> float:
    """Probability (0..1) that the two statements tell of one event."""
    weights, intercept = _weights()
    return 1 / (1 + math.exp(-float(features(predicted, happened) @ weights) - intercept))


def features(predicted: str, happened: str) -> npt.NDArray[np.float64]:
    """The similarities named in `FEATURES` (len(FEATURES),)."""
    p, h = _canonical(predicted), _canonical(happened)
    differ = disagreements(predicted, happened)
    others, every = len(p.others & h.others), p.all & h.all
    return np.array(
        [
            jaccard(p.all, h.all),
            len(every) / max(1, min(len(p.all), len(h.all))),
            jaccard(_pairs(predicted), _pairs(happened)),
            jaccard(p.named, h.named),
            math.log1p(len(p.named & h.named)),
            jaccard(p.numbers, h.numbers),
            math.log1p(others),
            float(others == 0),
            *(float(kind in differ) for kind in Disagreement),
        ]
    )


@lru_cache(maxsize=CACHED_TEXTS)
def _canonical(text: str) -> _Canonical:
    told = facts(text)
    named = told.named | {stem(name) for name in told.named}
    tokens = [_synonyms().get(token, token) for token in content_words(_without_known(text))]
    return _Canonical(
        named=frozenset(named),
        numbers=frozenset(f"#{span.low:.4g}:{span.high:.4g}" for span in told.spans),
        others=frozenset(token for token in tokens if token not in named)
        | {f"<{way.value}>" for way in told.ways},
    )


def _without_known(text: str) -> str:
    """The text without its numbers and without known places and bodies, which stand for themselves."""
    spans = [(quantity.start, quantity.end) for quantity in quantities(text)] + known_spans(text)
    parts, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            parts.append(text[at:start])
            at = end
    return " ".join([*parts, text[at:]])


@lru_cache(maxsize=CACHED_TEXTS)
def _pairs(text: str) -> frozenset[str]:
    return shingles(text, 2)


@cache
def _synonyms() -> dict[str, str]:
    groups = [group.split() for group in gazetteer()["synonyms"]]
    return {stem(word): group[0] for group in groups for word in group}


def threshold() -> float:
    """The similarity from which two statements count as one event."""
    return float(_stored()["threshold"])


@cache
def _weights() -> tuple[npt.NDArray[np.float64], float]:
    return np.array([_stored()["weights"][name] for name in FEATURES]), float(_stored()["intercept"])


@cache
def _stored() -> dict[str, Any]:
    text = resources.files("evaluation").joinpath("lexical.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
