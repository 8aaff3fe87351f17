"""How surely a statement continues a chain: a logistic model over five measures of likeness and one of place.

The statement and its document are held against the chain's newest link and against its seed, so that a chain
which drifts link by link is noticed. The weights stand in `linking.json`, fitted by `benchmarks/linking.py` on
the starter corpus and measured on domains that were left out of the fit; nothing of a single case is in them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from agents.offline.likeness import Vector, elsewhere, home_of
from agents.offline.mentions import Mention
from agents.offline.topic import Rarity, Topic, whole_text
from agents.reading.document import Document

FEATURES = (
    "seed_covers_document",
    "document_like_chain",
    "document_like_seed",
    "statement_like_parent",
    "statement_like_seed_documents",
    "elsewhere",
)


@dataclass(frozen=True)
class LinkModel:
    """Weights for `FEATURES`, an intercept, and the probability from which a statement is taken as a link."""

    weights: tuple[float, ...]
    intercept: float
    threshold: float

    def probability(self, features: tuple[float, ...]) -> float:
        """Logistic function of the weighted sum."""
        total = self.intercept + sum(w * x for w, x in zip(self.weights, features, strict=True))
        return 1.0 / (1.0 + math.exp(-total))


@lru_cache(maxsize=1)
def shipped_model() -> LinkModel:
    """The model in `linking.json`."""
    record = json.loads(files("agents.offline").joinpath("linking.json").read_text(encoding="utf-8"))
    weights = tuple(float(record["weights"][name]) for name in FEATURES)
    return LinkModel(weights, float(record["intercept"]), float(record["threshold"]))


@dataclass(frozen=True)
class Chain:
    """What a statement is held against: the seed's wording, the newest link's, and the documents they cite."""

    seed: str
    parent: str
    seed_topic: Topic
    seed_documents: Sequence[Document]
    documents: Sequence[Document]
    """Those of the seed and of the newest link."""


class Linker:
    """Weighs statements against one chain; what concerns a whole document is worked out once."""

    def __init__(self, chain: Chain, rarity: Rarity, model: LinkModel | None = None) -> None:
        self._chain, self._rarity, self._model = chain, rarity, model or shipped_model()
        self._seed, self._parent = self._vector(chain.seed), self._vector(chain.parent)
        self._home = [self._vector(whole_text(d)) for d in chain.seed_documents]
        self._around = [self._vector(whole_text(d)) for d in chain.documents]
        self._places = home_of(chain.seed, chain.seed_documents)
        self._documents: dict[str, tuple[float, float, float]] = {}

    def sureness(self, mention: Mention) -> float:
        """Probability that the statement continues the chain."""
        return self._model.probability(self.features(mention))

    def features(self, mention: Mention) -> tuple[float, ...]:
        """The `FEATURES` of a statement."""
        own = self._vector(mention.wording)
        return (
            *self._of_document(mention.document),
            own.cosine(self._parent),
            own.nearest(self._home),
            float(elsewhere(mention.text, mention.document, self._places)),
        )

    def _of_document(self, document: Document) -> tuple[float, float, float]:
        key = document.text_sha256
        if key not in self._documents:
            text = whole_text(document)
            own = self._vector(text)
            self._documents[key] = (
                self._chain.seed_topic.covers(text, self._rarity),
                own.nearest(self._around),
                own.cosine(self._seed),
            )
        return self._documents[key]

    def _vector(self, text: str) -> Vector:
        return Vector(text, self._rarity)
