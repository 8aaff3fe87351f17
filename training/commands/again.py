"""A run begun again by the command that is kept in its folder: the same command typed again does the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.errors import NotFound
from corpus.snapshot import read_snapshot
from training.backends.kept import KEPT
from training.backends.launching import Where
from training.backends.request import Command
from training.config import Experiment
from training.runfolder import read_json


def kept_command(folder: Path) -> dict[str, Any]:
    """The command of the run in a folder, or of the pipeline that the folder is a stage of; raises NotFound."""
    found = read_json(folder / KEPT) or read_json(folder.resolve().parent / KEPT)
    if found is None:
        raise NotFound(
            f"{folder} does not say by which command it was begun (no {KEPT}); type that command again."
        )
    return found


def go_on(context: click.Context, kept: dict[str, Any], as_json: bool) -> None:
    """Do what the kept command says, and answer as it would."""
    from training.commands.export_and_train import train_all
    from training.commands.stage import train_stage
    from training.commands.where import launch_with

    experiment, snapshot = (
        Experiment.model_validate(kept["experiment"]),
        read_snapshot(Path(kept["snapshot"])),
    )
    how = launch_with(Where(kept["backend"]), kept["gpu"], kept["max_usd"], kept["detach"])
    out, parent = Path(kept["out"]), None if kept["parent"] is None else Path(kept["parent"])
    if kept["command"] == Command.ALL:
        train_all(context, experiment, snapshot, out, kept["force"], how, as_json)
    else:
        train_stage(kept["command"], experiment, snapshot, out, parent, as_json, how)
