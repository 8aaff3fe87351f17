"""What GRPO does to a scored model on a synthetic world: reward, hits, log loss of given lists.

    python -m benchmarks.grpo --out DIR                 three seeds, world 5, the shipped tiny base
    python -m benchmarks.grpo --out DIR --json

For each seed a snapshot of the world is drawn, SFT, scoring and GRPO run on its labels, and the scored and the GRPO
model forecast the test split in modes `given` and `generated`. `hit rate` is the training's strict count of sampled
lists that hold what happened, on validation, before and after GRPO; match coverage, event loss and log loss are the
evaluation's, with paired intervals. All cases play in one place: so small a model does not learn to copy a name that
it sees once, and a list about another place is no hit. Run again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from corpus.case import Case
from corpus.identity import case_id, slug
from corpus.snapshot import Snapshot, SnapshotInfo, read_snapshot, write_snapshot
from corpus.splits import Ratios, Split
from evaluation.compare_files import compare_files
from evaluation.levels import levels_of
from evaluation.matching import Matcher
from evaluation.prediction import Mode, Predictions, check_predictions
from evaluation.summary import difference_json
from training.config import Adapt, Data, Experiment, Grpo, Lora, Precision, Scoring, Stage
from training.inference import ProbabilityTreeInference
from training.predict import Job, predictions
from training.quiet import quiet_libraries
from training.runfolder import METADATA, METRICS, read_json, write_json
from training.stage_job import StageName
from training.stages import run_stage
from training.synthetic import Recipe, synthetic_cases
from training.trees import Effort

SEEDS = (1, 2, 3)
PLACE = "Barada"
FIGURES = ("log_loss", "event_loss", "match_coverage")


def experiment(base: str, seed: int, steps: int) -> Experiment:
    """The settings of one seed: all weights in SFT and scoring, GRPO's adapter of rank 4."""
    common: dict[str, Any] = {
        "epochs": 1, "batch": 8, "accumulation": 1, "save_every": 1000, "evaluate_every": 100, "patience": None
    }  # fmt: skip
    return Experiment(
        name=f"grpo-{seed}",
        base=base,
        seed=seed,
        precision=Precision.FLOAT32,
        data=Data(max_tokens=1024, without_happened=0.0),
        lora=Lora(adapt=Adapt.FULL),
        sft=Stage(learning_rate=2e-3, max_steps=60, **common),
        score=Scoring(learning_rate=5e-4, max_steps=60, **common),
        grpo=Grpo(learning_rate=5e-3, max_steps=steps, levels=4, lists=8, batch=32, max_list_tokens=80,
                  evaluate_every=100, save_every=1000, validation_levels=256, patience=None),
        sample_trees=0,
    )  # fmt: skip


def one_place(recipe: Recipe) -> Iterator[Case]:
    """The cases of a recipe with one place in all texts (each names its own as its first word)."""
    seen: set[str] = set()
    for case in synthetic_cases(recipe):
        place = case.seed_event.split()[0]
        moved = Case.model_validate_json(case.model_dump_json().replace(place, PLACE))
        identity = case_id(moved.seed_event, moved.seed_date, moved.domain)
        if identity not in seen:
            seen.add(identity)
            name = slug(moved.seed_event, moved.seed_date)
            yield moved.model_copy(update={"case_id": identity, "slug": name})


def measure(out: Path, arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One seed: its data, its stages, the figures before and after GRPO; kept in a file, read back if it is there."""
    kept = out / f"seed-{seed}.json"
    if (known := read_json(kept)) is not None:
        return known
    data = out / f"world-{seed}"
    if not data.exists():
        recipe = Recipe(arguments.cases, (arguments.world,), seed, depth=2)
        ratios = Ratios(train=0.64, validation=0.08, test=0.28)
        write_snapshot(
            data, one_place(recipe), SnapshotInfo({}, synthetic=True, note="FICTIONAL"), ratios=ratios
        )
    snapshot, settings = read_snapshot(data), experiment(arguments.base, seed, arguments.steps)
    begun, parent = time.process_time(), None
    for stage in StageName:
        run_stage(settings, stage, snapshot, out / f"{stage.value}-{seed}", parent)
        parent = out / f"{stage.value}-{seed}" / "final"
    found = [_forecast(snapshot, arguments.base, out / f"{name}-{seed}") for name in ("grpo", "score")]
    asked = levels_of(snapshot)
    rows = compare_files(found[0], found[1], asked, asked.of(Split.TEST), Matcher())
    differences = {
        row.figure: difference_json(row) for mode in rows for row in rows[mode] if row.figure in FIGURES
    }
    figures = _training_figures(out / f"grpo-{seed}")
    cases = {split.value: len(snapshot.splits.members(split)) for split in Split}
    seconds = round(time.process_time() - begun, 1)
    result = figures | {
        "seed": seed,
        "cases": cases,
        "differences": differences,
        "processor seconds": seconds,
    }
    write_json(kept, result)
    return result


def _forecast(snapshot: Snapshot, base: str, folder: Path) -> Predictions:
    inference = ProbabilityTreeInference(base)
    inference.load_adapter(folder, folder.name)
    job = Job(snapshot, Split.TEST, (Mode.GIVEN, Mode.GENERATED), folder.name, effort=Effort(orders=2))
    return check_predictions(list(predictions(inference.engine, job)))


def _training_figures(folder: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    validations = [line for line in lines if "eval_reward" in line]
    metadata = read_json(folder / METADATA) or {}
    best = next(line for line in validations if line["step"] == metadata["best_step"])
    return {
        "reward": [validations[0]["eval_reward"], best["eval_reward"]],
        "hit rate": [validations[0]["eval_hit_rate"], best["eval_hit_rate"]],
        "kl": best["eval_kl"],
        "best step": metadata["best_step"],
        "ended by": metadata["ended_by"],
    }


def main() -> None:
    """Print some lines a seed, or JSON with the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--world", type=int, default=5)
    parser.add_argument("--cases", type=int, default=3_100)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    quiet_libraries()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in arguments.seeds:
        found.append(measure(arguments.out, arguments, seed))
        if not arguments.json:
            _show(found[-1])
    if arguments.json:
        print(json.dumps({"machine": platform.platform(), "threads": 1, "seeds": found}, indent=1))


def _show(row: dict[str, Any]) -> None:
    print(f"seed {row['seed']}: best step {row['best step']}, kl {row['kl']:.3f}, ended by {row['ended by']}, "
          f"{row['processor seconds']:.0f} s of processor")  # fmt: skip
    for name in ("reward", "hit rate"):
        print(f"  {name:15} {row[name][0]:.4f} → {row[name][1]:.4f}  (validation, sampled lists)")
    for name, found in row["differences"].items():
        low, high = found["difference"]["low"], found["difference"]["high"]
        print(f"  {name:15} {found['second']:.4f} → {found['first']:.4f}  ({low:+.4f} to {high:+.4f})")


if __name__ == "__main__":
    main()
