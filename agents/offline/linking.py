"""How surely a statement continues a chain: a logistic model over a few plain features.

The weights stand in `linking.json`, fitted by `benchmarks/linking.py` on the starter corpus and measured on
domains that were left out of the fit. Nothing of a single case is in them: they weigh how much of the words
and names of a statement and of its document the chain covers, and how late it comes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from agents.offline.mentions import Mention
from agents.offline.topic import NAME_WEIGHT, Rarity, Topic, terms_of
from corpus.dates import EventDate

FEATURES = (
    "covered",
    "document_covered",
    "rarest_anchor",
    "document_anchors",
    "core_named",
    "document_core_named",
    "foreign_names",
    "lateness",
    "opening",
)
DAYS_OF_HORIZON = 1100


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


class Linker:
    """Weighs statements against one chain; what concerns a whole document is worked out once."""

    def __init__(
        self, topic: Topic, rarity: Rarity, parent: EventDate, model: LinkModel | None = None
    ) -> None:
        self._topic, self._rarity, self._parent = topic, rarity, parent
        self._model = model or shipped_model()
        self._documents: dict[str, tuple[float, float, float]] = {}
        core = {name: rarity.weight(name) for name in topic.core_names()}
        self._core, self._core_weight = core, sum(core.values())

    def sureness(self, mention: Mention) -> float:
        """Probability that the statement continues the chain."""
        return self._model.probability(self.features(mention))

    def features(self, mention: Mention) -> tuple[float, ...]:
        """The `FEATURES` of a statement."""
        covered, anchors, core = self._of_document(mention)
        own = self._names(mention.text)
        total = sum(own.values())
        days = max(0, (mention.date.first_day - self._parent.last_day).days)
        return (
            self._topic.covers(mention.wording, self._rarity),
            covered,
            max((weight for name, weight in own.items() if self._topic.names(name)), default=0.0),
            anchors,
            self._core_share(own),
            core,
            sum(w for name, w in own.items() if not self._topic.knows(name)) / total if total else 0.0,
            math.log1p(days) / math.log1p(DAYS_OF_HORIZON),
            float(mention.place == 0),
        )

    def _of_document(self, mention: Mention) -> tuple[float, float, float]:
        key = mention.document.text_sha256
        if key not in self._documents:
            text = f"{mention.document.title}. {mention.document.text}"
            named = self._names(text)
            anchors = math.log1p(sum(weight for name, weight in named.items() if self._topic.names(name)))
            self._documents[key] = (self._topic.covers(text, self._rarity), anchors, self._core_share(named))
        return self._documents[key]

    def _core_share(self, named: dict[str, float]) -> float:
        """Share of the weight of the chain's own names that is named."""
        if not self._core_weight:
            return 0.0
        return sum(weight for name, weight in self._core.items() if name in named) / self._core_weight

    def _names(self, text: str) -> dict[str, float]:
        return {
            term: self._rarity.weight(term) / NAME_WEIGHT for term in terms_of(text) if term.startswith("=")
        }
