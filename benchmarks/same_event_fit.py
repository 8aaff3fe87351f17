"""Fit the weights of `same_event` on labelled pairs, measure them on held-out topics, write them as JSON.

    python benchmarks/same_event_fit.py PAIRS.jsonl [--write] [--background TEXTS.jsonl]

A pair is {"topic", "a", "b", "same_event"}. Every figure is out of fold: weights and rarity are learned on
the other topics. TF-IDF stands beside it in the same folds. Intervals: bootstrap over topics. Without
`--write` nothing is changed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from agents.reading.same_event import FEATURES, contradiction, pair_features
from agents.reading.sentences import sentences
from agents.reading.signature import WEIGHTS_FILE, Rarity, signature

FOLDS, RIDGE, DRAWS = 11, 1e-3, 1000
WANTED_PRECISION = 0.70


def rarity_of(texts: set[str]) -> Rarity:
    """Counted over these texts alone."""
    holding: Counter[str] = Counter()
    for text in sorted(texts):
        holding.update(signature(text).stems)
    return Rarity(dict(holding), len(texts))


def texts_of(rows: list[dict], chosen: set[str] | None = None) -> set[str]:
    return {row[side] for row in rows if chosen is None or row["topic"] in chosen for side in "ab"}


def features(rows: list[dict], rarity: Rarity) -> np.ndarray:
    weighed = {text: rarity.weigh(signature(text)) for text in texts_of(rows)}
    return np.array([pair_features(weighed[row["a"]], weighed[row["b"]]) for row in rows])


def fit(x: np.ndarray, y: np.ndarray, topics: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic weights, none negative, topics weighted by the root of their size; in the features' own scale."""
    size = Counter(topics)
    each = np.array([size[topic] ** -0.5 for topic in topics])
    each /= each.mean()
    mean, scale = x.mean(0), x.std(0) + 1e-9
    z = (x - mean) / scale

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        logit = z @ w[:-1] + w[-1]
        error = each * (1 / (1 + np.exp(-logit)) - y)
        value = (each * (np.logaddexp(0, logit) - y * logit)).mean() + RIDGE * (w[:-1] ** 2).sum()
        return value, np.append(z.T @ error / len(y) + 2 * RIDGE * w[:-1], error.mean())

    bounds = [(0.0, None)] * x.shape[1] + [(None, None)]
    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = found[:-1] / scale
    return weights, float(found[-1] - (weights * mean).sum())


def tfidf(rows: list[dict], train: Iterable[int]) -> np.ndarray:
    """Cosine of TF-IDF vectors fitted on these rows."""
    model = TfidfVectorizer(sublinear_tf=True).fit([rows[i][side] for i in train for side in "ab"])
    a, b = (model.transform([row[side] for row in rows]) for side in "ab")
    return np.asarray(a.multiply(b).sum(1)).ravel()


def out_of_fold(rows: list[dict], y: np.ndarray, topics: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of every pair by models that saw none of its topic."""
    against = np.array([contradiction(signature(r["a"]), signature(r["b"]), None, None) for r in rows])
    scores = {name: np.zeros(len(rows)) for name in ("same_event", "with the collection's rarity", "TF-IDF")}
    scores["TF-IDF of the collection"] = tfidf(rows, range(len(rows)))
    whole = features(rows, rarity_of(texts_of(rows)))
    for train, test in GroupKFold(FOLDS).split(rows, y, topics):
        rarity = rarity_of(texts_of(rows, set(topics[train])))
        x = features(rows, rarity)
        weights, intercept = fit(x[train], y[train], topics[train])
        scores["same_event"][test] = (x @ weights + intercept + against)[test]
        weights, intercept = fit(whole[train], y[train], topics[train])
        scores["with the collection's rarity"][test] = (whole @ weights + intercept + against)[test]
        scores["TF-IDF"][test] = tfidf(rows, train)[test]
    return scores


def interval(y: np.ndarray, score: np.ndarray, topics: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC, topics drawn with replacement."""
    draw = np.random.default_rng(0)
    places = {topic: np.flatnonzero(topics == topic) for topic in np.unique(topics)}
    values = []
    for _ in range(DRAWS):
        chosen = np.concatenate([places[t] for t in draw.choice(list(places), len(places))])
        values.append(roc_auc_score(y[chosen], score[chosen]))
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def operating_points(y: np.ndarray, score: np.ndarray) -> list[tuple[float, float, float]]:
    """(threshold, precision, recall) at steps of 0.05."""
    p = 1 / (1 + np.exp(-score))
    points = []
    for cut in np.arange(0.3, 0.9, 0.05):
        taken = p >= cut
        points.append(
            (
                round(float(cut), 2),
                float(y[taken].mean()) if taken.any() else 1.0,
                float(taken[y == 1].mean()),
            )
        )
    return points


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pairs", type=Path)
    asked.add_argument(
        "--background", type=Path, help="JSON lines with a text field, counted into the rarity table"
    )
    asked.add_argument("--write", action="store_true")
    given = asked.parse_args()
    rows = [json.loads(line) for line in given.pairs.read_text(encoding="utf-8").splitlines()]
    y = np.array([row["same_event"] for row in rows])
    topics = np.array([row["topic"] for row in rows])
    scores = out_of_fold(rows, y, topics)
    print(f"{len(rows)} pairs, {y.sum()} of one event, {len(set(topics))} topics, {FOLDS} folds by topic")
    for name, score in scores.items():
        low, high = interval(y, score, topics)
        within = np.mean([roc_auc_score(y[topics == t], score[topics == t]) for t in np.unique(topics)])
        print(
            f"{name:30} AUROC {roc_auc_score(y, score):.3f} [{low:.3f}, {high:.3f}]  mean within topics {within:.3f}"
        )
    points = operating_points(y, scores["same_event"])
    for cut, precision, recall in points:
        print(f"threshold {cut:.2f}: precision {precision:.3f}, recall {recall:.3f}")
    threshold = next(cut for cut, precision, _ in points if precision >= WANTED_PRECISION)
    print(f"chosen threshold: {threshold}")
    if given.write:
        write(rows, y, topics, threshold, given.background)


def write(
    rows: list[dict], y: np.ndarray, topics: np.ndarray, threshold: float, background: Path | None
) -> None:
    """Fit on everything and store weights, threshold and the rarity table (stems of two sentences or more)."""
    texts = texts_of(rows)
    if background:
        for line in background.read_text(encoding="utf-8").splitlines():
            texts |= {sentence.text for sentence in sentences(json.loads(line)["text"])}
    table = rarity_of(texts_of(rows))
    weights, intercept = fit(features(rows, table), y, topics)
    holding: Counter[str] = Counter()
    for text in sorted(texts):
        holding.update(signature(text).stems)
    stored = {
        "about": "Fitted by benchmarks/same_event_fit.py on sentence pairs derived from ECB+ (CC BY 3.0).",
        "intercept": round(intercept, 4),
        "weights": {name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)},
        "threshold": threshold,
        "rarity": {
            "sentences": len(texts),
            "holding": {base: n for base, n in sorted(holding.items()) if n >= 2},
        },
    }
    WEIGHTS_FILE.write_text(
        json.dumps(stored, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(f"wrote {WEIGHTS_FILE} ({WEIGHTS_FILE.stat().st_size:,} bytes): {stored['weights']}")


if __name__ == "__main__":
    main()
