"""The command that began a run, kept in its folder as `command.json`, and begun again from it.

Paths are kept whole, so that it can be resumed from any folder of the same machine. The same command typed again
does the same; what is kept spares the typing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.errors import NotFound
from corpus.snapshot import read_snapshot
from training.backends.launching import Launch, Where
from training.backends.request import Command, Request
from training.config import Experiment
from training.control import run_in
from training.runfolder import read_json, write_json

KEPT = "command.json"


def keep_command(request: Request, how: Launch) -> None:
    """Write it into the run's folder, unless another run has begun there (which the run itself then refuses)."""
    path = request.out / KEPT
    if (read_json(path) or {}).get("name", request.name) != request.name and _has_begun(request.out):
        return
    request.out.mkdir(parents=True, exist_ok=True)
    write_json(path, {
        "name": request.name, "command": request.command.value, "force": request.force,
        "experiment": request.experiment.model_dump(mode="json"), "snapshot": str(request.snapshot.resolve()),
        "out": str(request.out.resolve()), "parent": None if request.parent is None else str(request.parent.resolve()),
        "backend": how.where.value, "gpu": how.gpu, "max_usd": how.max_usd, "detach": how.detach,
    })  # fmt: skip


def _has_begun(out: Path) -> bool:
    try:
        run_in(out)
    except NotFound:
        return False
    return True


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
