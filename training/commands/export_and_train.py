"""`training export-and-train`: from approved cases to a verdict. The one module of training that reaches the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from corpus.snapshot import MANIFEST, Snapshot, read_snapshot
from training.backends.launching import Launch
from training.commands.where import run_where, where_options
from training.config import Adapt, Data, Experiment, Grpo, Lora, Precision, Scoring, Stage, read_experiment
from training.dataset import OverLength
from training.processes import require_one
from training.runfolder import commit
from training.synthetic import Recipe, write_synthetic

STARTER = Path(__file__).parents[2] / "corpus" / "starter"
MIN_CASES = 20
"""Below which a split by time leaves nothing to validate or test on."""


@click.command(
    "export-and-train", epilog="Example: training export-and-train --out runs/first --config experiment.yaml"
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of everything that is made."
)
@click.option("--snapshot", type=click.Path(path_type=Path), help="A snapshot; else the store's approved cases, "
              "else the starter corpus, else a synthetic one.")  # fmt: skip
@click.option("--db", help="The case store; PSYCHOHISTORY_DB or the default file without it.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="An experiment's YAML; the tiny smoke model without it."
)
@click.option("--force", is_flag=True, help="Go on after an audit that fails.")
@where_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def export_and_train(
    context: click.Context,
    out: Path,
    snapshot: Path | None,
    db: str | None,
    config: Path | None,
    force: bool,
    how: Launch,
    as_json: bool,
) -> None:
    """Snapshot, audit, SFT, scoring, GRPO, forecasts, calibration, comparison; ends with the verdict's exit code.

    0 DEPLOY, 10 REVIEW, 20 FAIL. Run it again to go on after an interruption; with nothing changed it does
    nothing. With --backend modal it runs there and is fetched back.
    """
    experiment = read_experiment(config) if config else smoke()
    chosen = snapshot or chosen_snapshot(out, db)
    opened = read_snapshot(chosen)
    if config is None:
        click.echo("No --config: the tiny model is used. It shows that everything runs; it knows no history and "
                   "forecasts nothing.", err=True)  # fmt: skip
    train_all(context, experiment, opened, out, force, how, as_json)


def train_all(
    context: click.Context,
    experiment: Experiment,
    snapshot: Snapshot,
    out: Path,
    force: bool,
    how: Launch,
    as_json: bool,
) -> None:
    """The same with everything read; ends with the verdict's exit code."""
    from training.quiet import quiet_libraries
    from training.registry.store import users_registry

    require_one("export-and-train")
    quiet_libraries()
    result = run_where(
        how, "export-and-train", experiment, snapshot, out, force=force, registry=users_registry()
    )
    if result is None:
        return
    if as_json:
        print_json(result)
    else:
        _show(result, out)
    context.exit(result["exit_code"])


def smoke() -> Experiment:
    """A run of minutes on the shipped tiny model."""
    common: dict[str, Any] = {
        "epochs": 1, "batch": 4, "accumulation": 1, "max_steps": 100, "save_every": 25, "evaluate_every": 25
    }  # fmt: skip
    return Experiment(
        name="smoke",
        base="tiny",
        precision=Precision.FLOAT32,
        data=Data(max_tokens=2048, over_length=OverLength.LEAVE_OUT),
        lora=Lora(adapt=Adapt.LINEAR, rank=16, alpha=16),
        sft=Stage(learning_rate=3e-3, **common),
        score=Scoring(learning_rate=1e-3, **common),
        grpo=Grpo(
            max_steps=20, lists=4, save_every=10, evaluate_every=10, validation_levels=16, max_list_tokens=120
        ),
    )


def chosen_snapshot(out: Path, db: str | None, starter: Path = STARTER) -> Path:
    """What there is to train on: the store's approved cases, else the starter corpus, else a synthetic snapshot.

    What was chosen for a folder once stays chosen.
    """
    folder = out / "snapshot"
    if (folder / MANIFEST).is_file():
        return folder
    if _approved(db) >= MIN_CASES:
        from db.export import ExportChoice, export_snapshot
        from db.session import open_store

        out.mkdir(parents=True, exist_ok=True)
        store = open_store(db)
        try:
            export_snapshot(
                store, folder, ExportChoice(), program="training export-and-train", commit=commit()
            )
        finally:
            store.close()
        return folder
    if (starter / MANIFEST).is_file():
        click.echo(
            f"The store holds fewer than {MIN_CASES} approved cases; the starter corpus is used.", err=True
        )
        return starter
    click.echo("There is no starter corpus either; a synthetic snapshot is used.", err=True)
    write_synthetic(folder, Recipe(300, (1,)))
    return folder


def _approved(db: str | None) -> int:
    """Approved cases of the store; 0 where there is no store, none is made."""
    import os

    if db is None and "PSYCHOHISTORY_DB" not in os.environ:
        from db.session import default_file

        if not default_file().exists():
            return 0
    from db.export import approved_cases
    from db.session import open_store

    store = open_store(db)
    try:
        return sum(1 for _ in approved_cases(store))
    finally:
        store.close()


def _show(result: dict[str, Any], out: Path) -> None:
    for figure, told in (("log_loss", "log loss, given"), ("match_coverage", "match coverage, generated")):
        values = result[figure]
        if isinstance(values, dict):
            for name, value in sorted(values.items()):
                click.echo(f"{told}: {'not scored' if value is None else f'{value:.4f}'}  {name}")
    click.echo(
        f"Favoured: {result['favoured']}. Verdict: {result['verdict']}. Reports in {out / 'evaluation'}."
    )
    proposed = result["proposed"]
    if proposed["model"] is None:
        click.echo(f"Proposed for promotion: none; {proposed['reason']}")
    else:
        click.echo(f"Proposed: training models promote {proposed['model']} ({proposed['reason']})")
