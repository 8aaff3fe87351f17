"""Where a pipeline's folder keeps forecasts and calibrations, and how its stages enter the registry. No torch.

A pipeline that ran here enters them at its end; one that ran elsewhere is entered where it is fetched to.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.splits import Split
from training.control import STAGE_FOLDERS

if TYPE_CHECKING:
    from training.registry.store import Registry

RESULT = "result.json"
"""Comparisons, the favoured stage, its verdict, what is proposed; written last."""


def forecasts_file(out: Path, name: str, split: Split) -> Path:
    """Forecasts of one split by the base or a stage."""
    return out / "predictions" / f"{name}.{split.value}.jsonl"


def calibration_file(out: Path, name: str) -> Path:
    """The calibration of the base or a stage."""
    return out / "calibration" / f"{name}.json"


def enter(registry: Registry, out: Path, snapshot: Path) -> dict[str, Any]:
    """Take the stages of a finished pipeline into the registry; which of them should be promoted, and why."""
    from training.registry.promotion import (  # the evaluation takes a while to import
        BASE,
        register_and_propose,
    )
    from training.registry.registering import Answers

    base = forecasts_file(out, BASE, Split.TEST), calibration_file(out, BASE)
    runs = [
        (out / stage, Answers(snapshot, forecasts_file(out, stage, Split.TEST), *base))
        for stage in STAGE_FOLDERS
    ]
    found = register_and_propose(registry, runs)
    return {"model": found.model, "against": found.against, "reason": found.reason}
