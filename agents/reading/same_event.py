"""Whether two sentences report the same event: a score in 0..1 from words, names, numbers, directions, dates.

A logistic score over a handful of features. Weights for wording and names were fitted offline on labelled
news sentences (`benchmarks/same_event_fit.py`) and are stored as plain JSON. What labelled general news
cannot teach is set by hand and says so below: contrary directions, numbers that differ and dates that
exclude each other pull the score down, because a rise is no fall and 10 % is not 15 %. Deterministic; no
model. Does not resolve pronouns and does not know that two names mean one thing.
"""

from __future__ import annotations

import json
import math
import operator
from dataclasses import dataclass
from functools import cache

from agents.reading.signature import WEIGHTS_FILE, Signature, Weighed, shipped_rarity, signature
from corpus.dates import EventDate, Precision
from corpus.text import agree, opposed

FEATURES = (
    "wording",
    "prefixes",
    "names_covered",
    "names_apart",
    "rarest_shared",
    "second_shared",
    "kind_shared",
    "weekday_shared",
    "weekdays_apart",
    "shorter",
)
"""In the order of `pair_features`; "apart" features are 0 or -1, so that no fitted weight is negative."""

OPPOSED_PENALTY = 5.0
NUMBER_PENALTY = 4.0
DATES_APART_PENALTY = 6.0
DATES_MEET_BONUS = 0.5
"""Hand-set, in units of log-odds: equal wording alone reaches about 4, and a contradiction has to bring that well
below the threshold (1.4). `tests/data/event_contrasts.jsonl` holds the pairs they are checked on."""
MEETING_DAYS = 3
"""Reports of one event carry days up to this far apart: time zones, late reports, the next morning's paper."""


_AFTERMATH_DAYS = 31


def same_event(a: str, b: str, *, date_a: EventDate | None = None, date_b: EventDate | None = None) -> float:
    """How likely sentences `a` and `b` report one event, 0..1; symmetric. Dates help where both are given."""
    rarity = shipped_rarity()
    return pair_score(rarity.weigh(signature(a)), rarity.weigh(signature(b)), date_a, date_b)


def pair_score(
    a: Weighed, b: Weighed, date_a: EventDate | None = None, date_b: EventDate | None = None
) -> float:
    """As `same_event`, for signatures weighed by one and the same rarity."""
    weights = _weights()
    features = pair_features(a, b)
    logit = weights.intercept + math.fsum(map(operator.mul, weights.by_feature, features))
    logit += contradiction(a.signature, b.signature, date_a, date_b)
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))


def contradiction(a: Signature, b: Signature, date_a: EventDate | None, date_b: EventDate | None) -> float:
    """The hand-set part of the log-odds: what speaks against one event whatever the wording."""
    change = 0.0
    if opposed(a.directions, b.directions):
        change -= OPPOSED_PENALTY
    if numbers_differ(a, b):
        change -= NUMBER_PENALTY
    if date_a and date_b and date_a.days_to(date_b) <= MEETING_DAYS:
        change += DATES_MEET_BONUS
    elif dates_exclude(date_a, date_b):
        change -= DATES_APART_PENALTY
    return change


def dates_exclude(a: EventDate | None, b: EventDate | None) -> bool:
    """Whether two dates are too far apart to be one event's.

    A month and a day may lie a month apart: "Prices rose in May" is said of May by one and dated 10 June by
    another. An unknown date excludes nothing.
    """
    if a is None or b is None:
        return False
    coarse = Precision.DAY in (a.precision, b.precision) and a.precision is not b.precision
    return a.days_to(b) > (_AFTERMATH_DAYS if coarse else MEETING_DAYS)


def numbers_differ(a: Signature, b: Signature) -> bool:
    """Whether both state quantities of one unit and none of them agree."""
    if not a.quantities or not b.quantities:
        return False
    alike = [(x, y) for x in a.quantities for y in b.quantities if x.unit and x.unit == y.unit]
    return bool(alike) and not any(agree(x, y) for x, y in alike)


def pair_features(a: Weighed, b: Weighed) -> tuple[float, ...]:
    """The fitted features of a pair, in the order of `FEATURES`; symmetric in a and b."""
    shared = sorted((a.stems[base] for base in a.stems.keys() & b.stems.keys()), reverse=True)
    covered = [_covered(one.names, other.stems) for one, other in ((a, b), (b, a)) if one.names]
    one, two = a.signature, b.signature
    days = one.weekdays & two.weekdays
    return (
        math.fsum(weight * weight for weight in shared) / ((a.stem_norm * b.stem_norm) or 1.0),
        _cosine(a.prefixes, b.prefixes, a.prefix_norm * b.prefix_norm),
        max(covered, default=_NAMELESS),
        -float(len(covered) == 2 and not any(covered)),
        shared[0] / a.top if shared else 0.0,
        shared[1] / a.top if len(shared) > 1 else 0.0,
        float(not one.kinds.isdisjoint(two.kinds)),
        float(bool(days)),
        -float(bool(one.weekdays) and bool(two.weekdays) and not days),
        math.log1p(min(one.length, two.length)),
    )


_NAMELESS = 0.5
"""Where neither sentence has a name, names speak neither for nor against."""


def _cosine(a: dict[str, float], b: dict[str, float], scale: float) -> float:
    return math.fsum(a[part] * a[part] for part in a.keys() & b.keys()) / (scale or 1.0)


def _covered(parts: dict[str, float], stems: dict[str, float]) -> float:
    """Which share of the weight of one sentence's names stands in the other, capitals or not."""
    whole = math.fsum(parts.values())
    return math.fsum(weight for part, weight in parts.items() if part in stems) / whole if whole else 0.0


@dataclass(frozen=True)
class _Weights:
    intercept: float
    by_feature: tuple[float, ...]
    threshold: float


@cache
def _weights() -> _Weights:
    stored = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    listed = tuple(float(stored["weights"][name]) for name in FEATURES)
    return _Weights(float(stored["intercept"]), listed, float(stored["threshold"]))


def threshold() -> float:
    """The score from which two sentences are taken for one event; how it was chosen: `benchmarks/README.md`."""
    return _weights().threshold
