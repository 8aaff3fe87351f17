"""What SFT and scoring learn of a synthetic world that the tiny base never saw, beside the best that can be known.

    python -m benchmarks.worlds                              LoRA on all layers and all weights, three seeds
    python -m benchmarks.worlds --adapt full --seed 0 --json

A snapshot of one world is drawn; `training sft` and `training score` run on its labels (never on its true
probabilities) with the settings of `experiment`, and base, SFT and scored model forecast the held-out cases in mode
`given`. Beside them stand uniform, base rate, TF-IDF and the true probabilities of the snapshot. "closed" is the
share of the distance from base rate to the true probabilities, on the same levels. *When*: log loss of the month
step, where something happened, beside uniform, the training split's own frequencies and the true distribution.
"closed, expected" is the same share with the outcomes' true probabilities in their place: free of the luck of the draw.
Wall seconds depend on what else the machine does; CPU seconds are this process's own.

Does not cover: the model's own lists, reinforcement learning.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpus.case import Case
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Ratios, Split
from evaluation import metrics
from evaluation.baselines import baselines
from evaluation.levels import Level, LevelSet, levels_of
from evaluation.metrics import Forecasts, forecasts
from evaluation.pairing import pair_given
from evaluation.prediction import Mode, Prediction
from evaluation.reliability import ece, ece_null
from training.config import Adapt, Data, Experiment, Lora, Losses, Precision, Scoring, ScoringLosses, Stage
from training.dialogue import when_index, when_steps
from training.inference import ProbabilityTreeInference
from training.predict import Job, predictions
from training.stages import StageName, run_stage
from training.synthetic import Recipe, write_synthetic
from training.trees import Effort
from training.worlds import when_probabilities

WORLDS, EPOCHS, THREADS = (11, 12, 13), 1, 2
CASES = {Adapt.ATTENTION: 38_000, Adapt.LINEAR: 38_000, Adapt.FULL: 50_000}
"""What SFT and scoring get through in about ten minutes on two cores; training of all weights is the faster one."""
RATIOS = Ratios(train=0.94, validation=0.03, test=0.03)
WHEN = 4.0
"""Weight of the months: their distribution tells little, so its gradient is small beside its noise."""
TRAINED = (StageName.SFT, StageName.SCORE)


@dataclass(frozen=True)
class Held:
    """The held-out levels of a world and what is known of them."""

    snapshot: Snapshot
    asked: LevelSet
    levels: tuple[Level, ...]
    cases: dict[str, Case]

    @property
    def outcomes(self) -> list[int]:
        """What happened, as an index of the options."""
        return [level.outcome if level.outcome is not None else 0 for level in self.levels]


def experiment(adapt: Adapt, seed: int, epochs: int) -> Experiment:
    """The settings that are measured."""
    common: dict[str, Any] = {
        "warmup_share": 0.05, "batch": 16, "accumulation": 1, "save_every": 3_000, "evaluate_every": 3_000,
        "patience": None,
    }  # fmt: skip
    return Experiment(
        name="world",
        base="tiny",
        seed=seed,
        precision=Precision.FLOAT32,
        data=Data(without_happened=0.0),
        lora=Lora(adapt=adapt, rank=64, alpha=64),
        sft=Stage(epochs=epochs, learning_rate=5e-4, loss=Losses(propose=0.05, when=WHEN), **common),
        score=Scoring(max_steps=150, loss=ScoringLosses(when=WHEN), **common),
        sample_trees=0,
    )


def measure(folder: Path, world: int, seed: int, adapt: Adapt, cases: int, epochs: int) -> dict[str, Any]:
    """Everything about one world, one seed and one way of adapting."""
    held = held_out(folder, world, seed, cases)
    settings, parent = experiment(adapt, seed, epochs), None
    found: dict[str, Any] = {"world": world, "seed": seed, "adapt": adapt.value, "cases": cases,
                             "levels": len(held.levels)}  # fmt: skip
    models: dict[str, Path | None] = {"base": None}
    for stage in TRAINED:
        wall, cpu = time.perf_counter(), time.process_time()
        run_stage(settings, stage, held.snapshot, folder / stage.value, parent)
        found[f"{stage.value}: wall s"] = time.perf_counter() - wall
        found[f"{stage.value}: CPU s"] = time.process_time() - cpu
        parent = models[stage.value] = folder / stage.value / "final"
    rows = {name: forecast(held, path) for name, path in models.items()}
    given = {name: pair_given(lines, held.levels).forecasts for name, lines in rows.items()}
    found["given"] = given_table(held, given)
    found["when"] = when_table(held, rows)
    return found


def held_out(folder: Path, world: int, seed: int, cases: int, ratios: Ratios = RATIOS) -> Held:
    """A fresh snapshot of a world, and its test levels."""
    write_synthetic(folder / "world", Recipe(cases, (world,), seed), ratios)
    snapshot = read_snapshot(folder / "world")
    asked = levels_of(snapshot)
    return Held(snapshot, asked, asked.of(Split.TEST), {case.case_id: case for case in snapshot.cases})


def forecast(held: Held, folder: Path | None) -> list[Prediction]:
    """Forecasts of the test split by the base or by what a stage left."""
    inference = ProbabilityTreeInference("tiny")
    inference.load_adapter(folder)
    job = Job(held.snapshot, Split.TEST, (Mode.GIVEN,), inference.name, effort=Effort(orders=3))
    return list(predictions(inference.engine, job))


def given_table(held: Held, models: dict[str, Forecasts]) -> dict[str, dict[str, float]]:
    """Figures of mode `given` for baselines, models and the truth, and how much of the distance each closes."""
    table = {
        found.name.value: forecasts(found.shares, held.outcomes)
        for found in baselines(held.asked, held.levels)
        if found.shares
    }
    table |= models
    table["best possible"] = forecasts([level.truth or () for level in held.levels], held.outcomes)
    return {name: _figures(pack, table["base_rate"], table["best possible"]) for name, pack in table.items()}


def _figures(pack: Forecasts, base: Forecasts, best: Forecasts) -> dict[str, float]:
    limits = [_losses(other) for other in (pack, base, best)]
    figures = dict(limits[0])
    for name in ("log_loss", "brier_binary"):
        own, start, goal = (figure[name] for figure in limits)
        figures[f"closed, {name}"] = (start - own) / (start - goal)
    figures["closed, expected"] = 1.0 - _excess(best, pack) / _excess(best, base)
    null = ece_null(pack)
    return figures | {"ece": ece(pack), "ece limit": null.limit, "ece p": null.p_value}


def _excess(truth: Forecasts, pack: Forecasts) -> float:
    """Mean Kullback-Leibler divergence of the forecasts from the true probabilities, in nats."""
    true, p = truth.probability_NK, np.maximum(pack.probability_NK, metrics.LOG_FLOOR)
    return float((true * np.log(np.where(true > 0, true / p, 1.0))).sum(1).mean())


def _losses(pack: Forecasts) -> dict[str, float]:
    summed = metrics.brier_sum(pack)
    return {
        "log_loss": float(metrics.log_loss(pack, metrics.LOG_FLOOR).mean()),
        "brier_binary": float(summed.sum() / pack.options_N.sum()),
        "brier_sum": float(summed.mean()),
    }


def when_table(held: Held, rows: dict[str, list[Prediction]]) -> dict[str, dict[str, float]]:
    """Log loss of the month step of what happened, over levels where something did."""
    levels = [level for level in held.levels if level.months is not None and level.event is not None]
    steps = len(when_steps(levels[0].horizon_months))
    happened = [when_index(level.months or 0, level.horizon_months) for level in levels]
    often = _frequencies(held, steps)
    shares: dict[str, Sequence[Sequence[float]]] = {
        "uniform": [(1 / steps,) * steps] * len(levels),
        "base_rate": [often] * len(levels),
    }
    for name, lines in rows.items():
        by_key = {(line.case_id, line.depth): line for line in lines}
        shares[name] = [_when_shares(by_key[level.key], level) for level in levels]
    shares["best possible"] = [_true_when(held.cases[level.case_id], level.depth) for level in levels]
    packs = {name: forecasts(given, happened) for name, given in shares.items()}
    loss = {n: float(metrics.log_loss(pack, metrics.LOG_FLOOR).mean()) for n, pack in packs.items()}
    far, best = loss["base_rate"] - loss["best possible"], packs["best possible"]
    return {
        name: {"log_loss": loss[name], "closed, log_loss": (loss["base_rate"] - loss[name]) / far,
               "closed, expected": 1.0 - _excess(best, pack) / _excess(best, packs["base_rate"]),
               "ece": ece(pack), "ece limit": ece_null(pack).limit}
        for name, pack in packs.items()
    }  # fmt: skip


def _frequencies(held: Held, steps: int) -> tuple[float, ...]:
    counts = np.ones(steps)
    for level in held.asked.of(Split.TRAIN):
        if level.event is not None and level.months is not None:
            counts[when_index(level.months, level.horizon_months)] += 1
    return tuple(float(count) for count in counts / counts.sum())


def _when_shares(line: Prediction, level: Level) -> tuple[float, ...]:
    wanted = level.options[level.outcome or 0]
    when = next(candidate.when for candidate in line.candidates if candidate.text == wanted)
    return tuple(share.probability for share in when)


def _true_when(case: Case, depth: int) -> tuple[float, ...]:
    parent = case.parent_date(depth)
    hazard = float(str(case.provenance.settings[f"hazard_{depth}"]))
    if parent is None:
        raise ValueError(f"{case.case_id} has no date above depth {depth}")
    return when_probabilities(hazard, parent.last_day, case.horizon_months)


def show(results: Sequence[dict[str, Any]]) -> None:
    """A table for each way of adapting: median and range over the runs."""
    for adapt in dict.fromkeys(result["adapt"] for result in results):
        runs = [result for result in results if result["adapt"] == adapt]
        spent = [
            sum(run[f"{s.value}: {kind} s"] for s in TRAINED) for kind in ("wall", "CPU") for run in runs
        ]
        print(f"\n{adapt}: worlds and seeds {[(run['world'], run['seed']) for run in runs]}, "
              f"wall then CPU seconds of SFT and scoring {[round(value) for value in spent]}")  # fmt: skip
        for part in ("given", "when"):
            for name in runs[0][part]:
                print(f"  {part:5} {name:13} " + "  ".join(
                    f"{figure} {_spread([run[part][name][figure] for run in runs])}"
                    for figure in runs[0][part][name]))  # fmt: skip


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--adapt", nargs="+", choices=[Adapt.ATTENTION, Adapt.LINEAR, Adapt.FULL],
                        type=Adapt, default=[Adapt.LINEAR, Adapt.FULL])  # fmt: skip
    parser.add_argument("--seed", nargs="+", type=int, default=[0, 1, 2], help="One world each.")
    parser.add_argument("--cases", type=int, help="By the way of adapting without it.")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="Of SFT.")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results = []
    for adapt in arguments.adapt:
        for seed in arguments.seed:
            with tempfile.TemporaryDirectory() as name:
                world = WORLDS[seed % len(WORLDS)]
                cases = arguments.cases or CASES[adapt]
                results.append(measure(Path(name), world, seed, adapt, cases, arguments.epochs))
    if arguments.json:
        machine = {"cores": os.cpu_count(), "threads": arguments.threads, "torch": torch.__version__}
        print(
            json.dumps(
                {
                    "machine": machine,
                    "epochs": arguments.epochs,
                    "results": results,
                },
                indent=1,
            )
        )
    else:
        show(results)


if __name__ == "__main__":
    main()
