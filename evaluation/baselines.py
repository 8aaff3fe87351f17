"""Baselines: what a forecast has to beat. Uniform, base rate, TF-IDF logistic regression, the crowd.

All live in mode `given` and answer with Z as one more option. What is fitted is fitted on levels that were
answered before the first target was asked and whose event families hold no target
(`LevelSet.earlier_than`).

Does not cover: baselines in mode `generated` (a list of one's own needs a model).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from corpus.errors import InvalidInput
from corpus.kinds import SAME_KIND, Kind, kind_of, same_kind
from evaluation.agreement import leading_name
from evaluation.calibration import SigmoidCalibrator
from evaluation.levels import Level, LevelSet, with_answers
from evaluation.metrics import Floats
from evaluation.prediction import Mode, PredictedCandidate, Prediction

SMOOTHING = 4.0
"""How many listings of "as likely as any other option" are added to each kind's own record."""
Z_TEXT = "none of these happens"
MIN_FITTED = 20
"""Options below which TF-IDF is not fitted."""
FOLDS = 5


class BaselineName(StrEnum):
    """The baselines."""

    UNIFORM = "uniform"
    """Equal shares for the options and Z."""
    BASE_RATE = "base_rate"
    """How often a candidate of that kind happened when it was listed."""
    TFIDF = "tfidf"
    """Logistic regression over words of seed, context and candidate, calibrated."""
    CROWD = "crowd"
    """What a market or survey said when the question was asked."""


@dataclass(frozen=True)
class Baseline:
    """Distributions (K + 1 each, Z last) for the targets, or the reason why there are none."""

    name: BaselineName
    shares: tuple[tuple[float, ...], ...]
    missing: str = ""


def baselines(asked: LevelSet, targets: Sequence[Level]) -> list[Baseline]:
    """Every baseline for the targets; one that cannot be had carries its reason."""
    earlier = with_answers(asked.earlier_than(targets))
    found = [Baseline(BaselineName.UNIFORM, tuple(uniform_shares(level) for level in targets))]
    for name, fit in ((BaselineName.BASE_RATE, BaseRate), (BaselineName.TFIDF, TfidfLogistic)):
        try:
            model: BaseRate | TfidfLogistic = fit(earlier)
            found.append(Baseline(name, tuple(model.shares_of(targets))))
        except InvalidInput as fault:
            found.append(Baseline(name, (), str(fault)))
    found.append(_crowd(targets))
    return found


def uniform_shares(level: Level) -> tuple[float, ...]:
    """1/(K + 1) for each option and Z."""
    options = len(level.options) + 1
    return (1 / options,) * options


def _crowd(targets: Sequence[Level]) -> Baseline:
    if any(level.crowd is None or len(level.options) != 1 for level in targets):
        return Baseline(BaselineName.CROWD, (), "there is no crowd for these questions")
    return Baseline(
        BaselineName.CROWD, tuple((level.crowd or 0.0, 1 - (level.crowd or 0.0)) for level in targets)
    )


class BaseRate:
    """How often a candidate of a kind happened when listed, drawn towards uniform by `SMOOTHING` listings."""

    def __init__(self, earlier: Sequence[Level]) -> None:
        if not earlier:
            raise InvalidInput("No level was answered before the first target was asked: no base rate.")
        self._records = _Records()
        self._z = _Record()
        self._found: dict[Kind, _Record] = {}
        for level in earlier:
            for k, text in enumerate(_kind_texts(level)):
                self._records.of(_kind(text)).count(level.outcome == k)
            self._z.count(level.outcome == len(level.options))
        self._records.index()

    def shares_of(self, levels: Sequence[Level]) -> list[tuple[float, ...]]:
        """Rates of the options and Z of each level, scaled to sum to 1."""
        return [self._shares(level) for level in levels]

    def _shares(self, level: Level) -> tuple[float, ...]:
        equal = 1 / (len(level.options) + 1)
        rates = [self._record(_kind(text)).rate(equal) for text in _kind_texts(level)]
        if level.binary:
            return rates[0], 1 - rates[0]
        rates.append(self._z.rate(equal))
        total = sum(rates)
        return tuple(rate / total for rate in rates)

    def _record(self, kind: Kind) -> _Record:
        if kind not in self._found:
            self._found[kind] = self._records.similar(kind)
        return self._found[kind]


def _kind_texts(level: Level) -> tuple[str, ...]:
    """What has a kind: the options; of a yes/no level the question itself."""
    return (level.seed,) if level.binary else level.options


def _kind(text: str) -> Kind:
    """The kind of a text; a name that opens it goes too, which capitals alone do not tell from other words."""
    head, _, rest = text.partition(" ")
    return kind_of(rest if rest and leading_name(text) and head[:1].isupper() else text)


@dataclass
class _Record:
    """How often something was listed, and how often it happened."""

    listed: int = 0
    happened: int = 0

    def count(self, happened: bool) -> None:
        self.listed += 1
        self.happened += happened

    def rate(self, equal: float) -> float:
        return (self.happened + SMOOTHING * equal) / (self.listed + SMOOTHING)


class _Records:
    """Records by kind, found again by similarity with the help of a kind's rarest words."""

    def __init__(self) -> None:
        self._records: dict[Kind, _Record] = {}
        self._rarity: Counter[str] = Counter()
        self._by_word: dict[str, list[Kind]] = {}

    def of(self, kind: Kind) -> _Record:
        """The record of exactly that kind."""
        return self._records.setdefault(kind, _Record())

    def index(self) -> None:
        """List the kinds under the words of which any similar kind must share one."""
        self._rarity.update(word for kind in self._records for word in kind.words)
        for kind in self._records:
            for word in self._prefix(kind):
                self._by_word.setdefault(word, []).append(kind)

    def similar(self, kind: Kind) -> _Record:
        """The records of all kinds that count as the same, added up."""
        near = {other for word in self._prefix(kind) for other in self._by_word.get(word, ())}
        same = [self._records[other] for other in near if same_kind(kind, other)]
        return _Record(sum(r.listed for r in same), sum(r.happened for r in same))

    def _prefix(self, kind: Kind) -> list[str]:
        """The rarest words, enough of them that two kinds of the wanted overlap share one."""
        ordered = sorted(kind.words, key=lambda word: (self._rarity[word], word))
        return ordered[: len(ordered) - math.ceil(SAME_KIND * len(ordered)) + 1]


class TfidfLogistic:
    """Each option as a yes/no question: TF-IDF of seed, context and candidate into a logistic regression.

    Calibrated by a sigmoid fitted on out-of-family predictions of the same levels; then scaled so that the
    options and Z sum to 1.
    """

    def __init__(self, earlier: Sequence[Level]) -> None:
        rows = [(level, k) for level in earlier for k in range(_asked(level))]
        y = np.array([level.outcome == k for level, k in rows], dtype=int)
        families = [level.family for level, _ in rows]
        if len(rows) < MIN_FITTED or len(set(families)) < FOLDS or y.min() == y.max():
            raise InvalidInput(
                f"TF-IDF needs {MIN_FITTED} options in {FOLDS} families answered before the first target; "
                f"there are {len(rows)} in {len(set(families))}."
            )
        texts = _texts(rows)
        self._model = _pipeline().fit(texts, y)
        self._calibrator = SigmoidCalibrator.fit(_out_of_family(texts, y, families), y)

    def shares_of(self, levels: Sequence[Level]) -> list[tuple[float, ...]]:
        """Calibrated shares of many levels in one pass."""
        rows = [(level, k) for level in levels for k in range(_asked(level))]
        raw = self._model.predict_proba(_texts(rows))[:, 1]
        flat = iter(self._calibrator.apply(raw).tolist())
        return [_closed([next(flat) for _ in range(_asked(level))], level.binary) for level in levels]


def _asked(level: Level) -> int:
    """Questions of a level: its options and Z, or the one question of a yes/no level."""
    return 1 if level.binary else len(level.options) + 1


def _closed(shares: list[float], binary: bool) -> tuple[float, ...]:
    if binary:
        return shares[0], 1 - shares[0]
    total = sum(shares)
    return tuple(share / total for share in shares)


def _texts(rows: Sequence[tuple[Level, int]]) -> Any:
    """Two columns of text (P, 2): the level's and the candidate's."""
    return np.array([_fields(level, k) for level, k in rows], dtype=object)


def _fields(level: Level, k: int) -> tuple[str, str]:
    """What is known of the level, and the candidate; a question is its own candidate."""
    if level.binary:
        return f"{level.domain} horizon{level.horizon_months}", level.seed
    candidate = level.options[k] if k < len(level.options) else Z_TEXT
    return f"{level.domain} depth{level.depth} {level.seed} {level.context} {level.parent}", candidate


def _pipeline() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def words(column: int, size: int) -> tuple[str, Any, int]:
        vectors = TfidfVectorizer(ngram_range=(1, size), sublinear_tf=True, min_df=2, max_features=50_000)
        return f"field {column}", vectors, column

    fields = ColumnTransformer([words(0, 1), words(1, 2)])
    return make_pipeline(fields, LogisticRegression(C=1.0, max_iter=1_000))


def _out_of_family(texts: Any, y: Any, families: Sequence[str]) -> Floats:
    from sklearn.model_selection import GroupKFold, cross_val_predict

    found = cross_val_predict(
        _pipeline(), texts, y, groups=families, cv=GroupKFold(FOLDS), method="predict_proba"
    )
    return np.asarray(found[:, 1], dtype=float)


def as_predictions(baseline: Baseline, targets: Sequence[Level], snapshot_hash: str) -> list[Prediction]:
    """A baseline in the prediction format."""
    return [
        Prediction(
            case_id=level.case_id,
            depth=level.depth,
            mode=Mode.GIVEN,
            candidates=tuple(
                PredictedCandidate(text=text, probability=share)
                for text, share in zip(level.options, shares[:-1], strict=True)
            ),
            remainder=shares[-1],
            model=f"baseline {baseline.name}",
            snapshot_hash=snapshot_hash,
        )
        for level, shares in zip(targets, baseline.shares, strict=True)
    ]
