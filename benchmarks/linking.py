"""Fit the offline Chronicler's link model on the starter corpus, and measure it on domains left out.

    python -m benchmarks.linking            # measure
    python -m benchmarks.linking --write    # and write agents/offline/linking.json

Each row is one dated statement that the archive offers after one link of a reference chain; it is positive when
it is quoted for that or a later outcome of the chain (same document, date within three days). Statements from
other documents of the case are left out: they are neither. Measured by leaving one domain out of the fit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agents.archive import starter_archive
from agents.library import ArchiveLibrary, View
from agents.offline.chronicler import chain_so_far, search_after
from agents.offline.linking import FEATURES, Linker
from agents.offline.mentions import mentions
from agents.offline.topic import Rarity, Topic
from benchmarks.reference import reference_cases
from corpus.case import Case
from corpus.dates import horizon_end

TARGET = Path("agents/offline/linking.json")
MIN_PRECISION = 0.75
"""The threshold is the lowest one at which the left-out domains reach this precision."""


async def rows_of(case: Case, view: View) -> list[tuple[tuple[float, ...], bool]]:
    found = []
    happened = [o for o in case.outcomes if o.event and o.date]
    cited = {source.url for source in case.sources}
    for k in range(len(happened)):
        upto = case.model_copy(update={"outcomes": tuple(happened[:k])})
        later = {case.source(e.source_id).url: o for o in happened[k:] for e in o.evidence}
        parent = upto.parent_date(k + 1)
        chain = await chain_so_far(view, upto)
        topic, last = Topic(upto, chain.documents), horizon_end(parent, case.horizon_months)
        documents = await search_after(view, topic, parent, last)
        linker = Linker(chain, Rarity([*documents, *chain.documents]))
        for mention in (
            m for d in documents for m in mentions(d) if parent.last_day < m.date.first_day <= last
        ):
            outcome = later.get(mention.document.url)
            positive = outcome is not None and outcome.date.days_to(mention.date) <= 3
            if positive or mention.document.url not in cited:
                found.append((linker.features(mention), positive))
    return found


async def collect() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    view = View(ArchiveLibrary(starter_archive()), None)
    by_domain: dict[str, list[tuple[tuple[float, ...], bool]]] = {}
    for case in reference_cases():
        by_domain.setdefault(case.domain, []).extend(await rows_of(case, view))
    return {d: (np.array([x for x, _ in r]), np.array([y for _, y in r])) for d, r in by_domain.items()}


def fitted(x: np.ndarray, y: np.ndarray):
    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0)).fit(x, y)


def left_out(data: dict[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for domain, (x, y) in data.items():
        others = [pair for name, pair in data.items() if name != domain]
        model = fitted(np.vstack([a for a, _ in others]), np.concatenate([b for _, b in others]))
        yield domain, y, model.predict_proba(x)[:, 1]


def threshold_for(y: np.ndarray, p: np.ndarray) -> float:
    for level in np.arange(0.1, 0.9, 0.02):
        if y[p >= level].mean() >= MIN_PRECISION:
            return float(round(level, 2))
    return 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    data = asyncio.run(collect())
    measured = list(left_out(data))
    for domain, y, p in measured:
        print(f"{domain:12} rows {len(y):5} positive {y.sum():4}  AUROC {roc_auc_score(y, p):.3f}  "
              f"AP {average_precision_score(y, p):.3f}")  # fmt: skip
    y, p = np.concatenate([m[1] for m in measured]), np.concatenate([m[2] for m in measured])
    threshold = threshold_for(y, p)
    chosen = p >= threshold
    print(
        f"threshold {threshold}: precision {y[chosen].mean():.2f}, recall {chosen[y].mean():.2f} (left-out domains)"
    )
    model = fitted(np.vstack([a for a, _ in data.values()]), np.concatenate([b for _, b in data.values()]))
    scaler, logistic = model[0], model[1]
    weights = logistic.coef_[0] / scaler.scale_
    intercept = float(logistic.intercept_[0] - (weights * scaler.mean_).sum())
    record = {
        "weights": dict(zip(FEATURES, weights.round(4).tolist(), strict=True)),
        "intercept": round(intercept, 4),
        "threshold": threshold,
        "rows": len(y),
        "positive": int(y.sum()),
    }
    print(json.dumps(record, indent=1))
    if arguments.write:
        TARGET.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
