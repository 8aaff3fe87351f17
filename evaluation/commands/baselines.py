"""`evaluation baselines`: the baselines' predictions as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from evaluation.commands.options import FOLDER, json_option, open_target, split_of, target_of, target_options


@click.command()
@click.argument("snapshot_folder", metavar="[SNAPSHOT]", type=FOLDER, required=False)
@target_options
@click.option(
    "--out", type=FOLDER, default=Path("baselines"), show_default=True, help="Folder for the files."
)
@json_option
def baselines(snapshot_folder: Path | None, out: Path, as_json: bool, **values: Any) -> None:
    """Write uniform, base rate, TF-IDF and crowd as prediction files, fitted on earlier levels only.

    Example: evaluation baselines snapshots/2024-05 --out baselines
    """
    from evaluation.baselines import as_predictions
    from evaluation.baselines import baselines as all_baselines
    from evaluation.levels import with_answers
    from evaluation.prediction import write_predictions

    if snapshot_folder is not None:
        values["snapshot"] = snapshot_folder
    target = target_of(values)
    asked = open_target(target)
    levels = with_answers(asked.of(split_of(target.split)))
    out.mkdir(parents=True, exist_ok=True)
    written, missing = {}, {}
    for found in all_baselines(asked, levels):
        if not found.shares:
            missing[found.name.value] = found.missing
            continue
        path = out / f"{found.name}.jsonl"
        written[found.name.value] = write_predictions(path, as_predictions(found, levels, asked.hash))
    if as_json:
        print_json({"folder": str(out), "written": written, "missing": missing})
        return
    for name, count in written.items():
        click.echo(f"{out / name}.jsonl: {count} levels")
    for name, why in missing.items():
        click.echo(f"no {name}: {why}")
