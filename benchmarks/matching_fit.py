"""Fit the weights of the lexical matcher on the odd topics of a file of labelled pairs.

    python benchmarks/matching_fit.py event_pairs_train.jsonl > evaluation/lexical.json

Logistic regression with a quadratic penalty and the signs of `FEATURES` as bounds. The threshold is the
lowest at which the odd topics keep the wanted specificity, vetoes included. Measures nothing:
`benchmarks/matching.py` does, on the even topics.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from evaluation.agreement import disagreements
from evaluation.lexical import FEATURES, features

PENALTY = 3.0
SPECIFICITY = 0.95


def main(path: Path) -> None:
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    rows = [row for row in rows if int(row["topic"]) % 2 == 1]
    x = np.array([features(row["a"], row["b"]) for row in rows])
    y = np.array([row["same_event"] for row in rows], dtype=float)
    weights, intercept = fit(x, y)
    vetoed = np.array([bool(disagreements(row["a"], row["b"])) for row in rows])
    scores = np.where(vetoed, 0.0, expit(x @ weights + intercept))
    stored = {
        "fitted_on": {"file": path.name, "topics": "odd", "pairs": len(y), "positive": int(y.sum())},
        "penalty": PENALTY,
        "threshold": round(float(np.quantile(scores[y == 0], SPECIFICITY)), 2),
        "intercept": round(intercept, 5),
        "weights": {name: round(float(w), 5) + 0.0 for name, w in zip(FEATURES, weights, strict=True)},
    }
    print(json.dumps(stored, indent=1))


def fit(x, y):
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - mean) / scale

    def objective(parameters):
        weights, intercept = parameters[:-1], parameters[-1]
        logit = z @ weights + intercept
        loss = np.logaddexp(0, logit).sum() - y @ logit + PENALTY * weights @ weights
        away = expit(logit) - y
        return loss, np.append(z.T @ away + 2 * PENALTY * weights, away.sum())

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in FEATURES.values()] + [(None, None)]
    found = minimize(objective, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = found[:-1] / scale
    return weights, float(found[-1] - weights @ mean)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
