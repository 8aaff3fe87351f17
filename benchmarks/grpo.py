"""What GRPO does to a scored model on a synthetic world: reward, hits, log loss of given lists.

    python -m benchmarks.grpo --out DIR                 three seeds, world 5, the shipped tiny base
    python -m benchmarks.grpo --out DIR --json

Each seed is one `export-and-train` of its own: SFT, scoring, GRPO, forecasts of the test split. `hit rate` is the
training's strict count of sampled lists that hold what happened (validation, before and after GRPO); match coverage,
event loss and log loss are the evaluation's, on the test split. Run again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch

from corpus.splits import Ratios
from training.config import Adapt, Data, Experiment, Grpo, Lora, Losses, Precision, Stage
from training.inference import Effort
from training.pipeline import Plan, run_pipeline
from training.quiet import quiet_libraries
from training.runfolder import METADATA, METRICS, read_json
from training.synthetic import Recipe, write_synthetic

SEEDS = (1, 2, 3)


def experiment(base: str, seed: int, steps: int) -> Experiment:
    """The settings of one seed."""
    stage = Stage(
        epochs=2, batch=8, accumulation=1, learning_rate=2e-3, save_every=50, evaluate_every=50, patience=None
    )
    scoring = stage.model_copy(
        update={"epochs": 1, "learning_rate": 1e-3, "loss": Losses(propose=0.0, when=0.5, brier=1.0)}
    )
    return Experiment(
        name=f"grpo-{seed}",
        base=base,
        seed=seed,
        precision=Precision.FLOAT32,
        data=Data(max_tokens=1024),
        lora=Lora(adapt=Adapt.LINEAR, rank=16, alpha=16),
        sft=stage,
        score=scoring,
        grpo=Grpo(epochs=4, max_steps=steps, levels=4, lists=8, batch=16, max_list_tokens=120, evaluate_every=20,
                  save_every=20, validation_levels=48, patience=None),
        sample_trees=0,
    )  # fmt: skip


def measure(out: Path, base: str, world: int, cases: int, seed: int, steps: int) -> dict[str, Any]:
    """One seed: its data, its pipeline, the figures before and after GRPO."""
    data = out / f"world-{world}-{seed}"
    if not data.exists():
        write_synthetic(
            data, Recipe(cases, (world,), seed, depth=2), Ratios(train=0.6, validation=0.15, test=0.25)
        )
    begun = time.process_time()
    plan = Plan(
        experiment(base, seed, steps), data, out / f"run-{seed}", date(2024, 1, 1), effort=Effort(orders=2)
    )
    result = run_pipeline(plan)
    folder = out / f"run-{seed}" / "grpo"
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    validations = [line for line in lines if "eval_reward" in line]
    metadata = read_json(folder / METADATA) or {}
    best = next(line for line in validations if line["step"] == metadata["best_step"])
    last = result["comparisons"][-1]
    return {
        "seed": seed,
        "reward": [validations[0]["eval_reward"], best["eval_reward"]],
        "hit rate": [validations[0]["eval_hit_rate"], best["eval_hit_rate"]],
        "kl": best["eval_kl"],
        "best step": metadata["best_step"],
        "ended by": metadata["ended_by"],
        "log loss": [result["log_loss"]["score"], result["log_loss"]["grpo"]],
        "match coverage": [result["match_coverage"]["score"], result["match_coverage"]["grpo"]],
        "against": last["second"],
        "differences": {row["figure"]: row["difference"] for row in last["given"] + last["generated"]
                        if row["figure"] in ("log_loss", "event_loss", "match_coverage")},
        "processor seconds": round(time.process_time() - begun, 1),
    }  # fmt: skip


def main() -> None:
    """Print one line a seed, or JSON with the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--world", type=int, default=5)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    quiet_libraries()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = [
        measure(arguments.out, arguments.base, arguments.world, arguments.cases, seed, arguments.steps)
        for seed in SEEDS
    ]
    if arguments.json:
        print(json.dumps({"machine": platform.platform(), "threads": 1, "seeds": found}, indent=1))
        return
    for row in found:
        print(f"seed {row['seed']}: GRPO's best step {row['best step']}, kl {row['kl']:.3f}, "
              f"{row['processor seconds']:.0f} s of processor")  # fmt: skip
        for name in ("reward", "hit rate", "match coverage", "log loss"):
            before, after = row[name]
            print(f"  {name:15} {before:.4f} → {after:.4f}")


if __name__ == "__main__":
    main()
