"""An evaluation as one JSON document: what `--json` prints, what the bundle keeps, what model cards quote.

Does not cover: reading it back into an `Evaluation`; the document is for people and other programs.
"""

from __future__ import annotations

import math
from typing import Any

from evaluation.compare import Difference
from evaluation.evaluate import Evaluation
from evaluation.scoring import Calibration, Scores

SUMMARY_FORMAT = 1


def evaluation_json(found: Evaluation) -> dict[str, Any]:
    """The whole evaluation with plain values; what is not scored is null."""
    return {
        "format": SUMMARY_FORMAT,
        "model": found.model,
        "predictions": found.origin,
        "snapshot_hash": found.snapshot_hash,
        "split": found.split.value,
        "matcher": found.matcher,
        "tokens_per_second": found.tokens_per_second,
        "predictions_outside_split": found.unused,
        "verdict": {
            "decision": found.verdict.decision.value,
            "gates": [
                {
                    "gate": gate.name,
                    "decision": gate.decision.value,
                    "sentence": gate.sentence,
                    "interval": gate.interval.as_json() if gate.interval else None,
                    "families_needed": gate.families_needed,
                }
                for gate in found.verdict.gates
            ],
        },
        "modes": {scores.mode.value: scores_json(scores) for scores in found.scores},
        "match_coverage_with_matcher_error": {key: value.as_json() for key, value in found.coverage.items()},
        "baselines": {scores.name: scores_json(scores) for scores in found.baselines},
        "baselines_missing": found.baselines_missing,
    }


def scores_json(scores: Scores) -> dict[str, Any]:
    """One table of figures."""
    return {
        "levels": scores.levels,
        "families": scores.families,
        "missing": scores.missing,
        "figures": {name: figure.as_json() for name, figure in scores.figures.items()},
        "groups": [
            {
                "by": group.by,
                "value": group.value,
                "levels": group.levels,
                "figures": {name: figure.as_json() for name, figure in group.figures.items()},
            }
            for group in scores.groups
        ],
        "calibration": {name: _calibration_json(found) for name, found in scores.calibration.items()},
        "notes": scores.notes,
    }


def _calibration_json(found: Calibration) -> dict[str, Any]:
    bins, null = found.bins, found.null
    return {
        "ece": bins.ece,
        "null_mean": null.mean,
        "null_limit": null.limit,
        "p_value": null.p_value,
        "alpha": null.alpha,
        "bins": [
            {
                "count": int(count),
                "forecast": _plain(forecast),
                "observed": _plain(observed),
                "null_low": _plain(low),
                "null_high": _plain(high),
            }
            for count, forecast, observed, low, high in zip(
                bins.count_B, bins.forecast_B, bins.observed_B, null.low_B, null.high_B, strict=True
            )
        ],
        "decomposition": None
        if found.decomposition is None
        else {
            "reliability": found.decomposition.reliability,
            "resolution": found.decomposition.resolution,
            "uncertainty": found.decomposition.uncertainty,
            "brier": found.decomposition.brier,
        },
    }


def difference_json(found: Difference) -> dict[str, Any]:
    """One line of a comparison."""
    return {
        "figure": found.figure,
        "first": found.first,
        "second": found.second,
        "difference": found.difference.as_json(),
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
        "better": found.better,
        "families_needed": found.families_needed,
    }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
