"""Steering a run from another terminal: a file in its folder, read after every step.

`pause` keeps a checkpoint and leaves the run unfinished; the command that began it goes on from there. `stop` ends
the stage with the best weights so far. The file survives the terminal and is removed once it was obeyed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from corpus.errors import InvalidFile, NotFound
from training.runfolder import LOCK, METADATA, METRICS, RunFolder, read_json, write_json

CONTROL = "control.json"


class Order(StrEnum):
    """What a run can be told."""

    PAUSE = "pause"
    """Keep a checkpoint and end; run the same command to go on."""
    STOP = "stop"
    """End the stage now, with the best weights so far."""


class RunState(StrEnum):
    """Where a run stands, as its folder shows."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    """Running, paused or killed; the folder cannot tell these apart."""


@dataclass(frozen=True)
class RunStatus:
    """What a run's folder says."""

    stage: str
    state: RunState
    step: int
    checkpoint: int | None
    """Step of the newest complete checkpoint."""
    ordered: Order | None
    """An order that was not obeyed yet."""
    last: dict[str, Any]
    """The newest report of each figure."""


def give_order(folder: Path, order: Order) -> None:
    """Leave an order; raises NotFound where the folder holds no run, InvalidFile where it is finished."""
    if status_of(folder).state is RunState.FINISHED:
        raise InvalidFile(f"The run in {folder} is finished; there is nothing to {order}.")
    write_json(folder / CONTROL, {"order": order.value})


def take_order(folder: Path) -> Order | None:
    """The order that waits in a folder; None where there is none."""
    found = read_json(folder / CONTROL)
    if found is None:
        return None
    try:
        return Order(found["order"])
    except (KeyError, ValueError) as fault:
        raise InvalidFile(f"{folder / CONTROL} holds no order; write pause or stop, or remove it.") from fault


def forget_order(folder: Path) -> None:
    """Remove an order that was obeyed."""
    (folder / CONTROL).unlink(missing_ok=True)


def status_of(folder: Path) -> RunStatus:
    """Where a run stands; raises NotFound where the folder holds none."""
    lock = read_json(folder / LOCK)
    if lock is None:
        raise NotFound(f"{folder} holds no run (no {LOCK}); name the folder given as --out.")
    finished = (read_json(folder / METADATA) or {}).get("status") == "finished"
    newest = RunFolder(folder).newest_checkpoint()
    path = folder / METRICS
    reports = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    last: dict[str, Any] = {name: value for report in reports for name, value in report.items()}
    return RunStatus(
        stage=lock["stage"],
        state=RunState.FINISHED if finished else RunState.UNFINISHED,
        step=int(last.pop("step", 0)),
        checkpoint=int(newest.name.rsplit("-", 1)[1]) if newest else None,
        ordered=take_order(folder),
        last=last,
    )
