"""Steering a run from another terminal: a file in its folder, read after every step.

`pause` keeps a checkpoint and leaves the run unfinished; the command that began it goes on from there. `stop` and
`skip` end the stage with the best weights so far; a pipeline ends there, or goes on with its next stage. The file
survives the terminal and is removed once it was obeyed. A pipeline's folder stands for the stage it is in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from corpus.errors import InvalidFile, NotFound
from training.runfolder import ALARMS, LOCK, METADATA, METRICS, SAMPLES, RunFolder, read_json, write_json

CONTROL = "control.json"
STAGE_FOLDERS = ("sft", "score", "grpo")
"""Names of the stages' folders in a pipeline's."""


class Order(StrEnum):
    """What a run can be told."""

    PAUSE = "pause"
    """Keep a checkpoint and end; run the same command to go on."""
    STOP = "stop"
    """End the stage now, with the best weights so far; a pipeline ends there too."""
    SKIP = "skip"
    """End the stage now, with the best weights so far; a pipeline goes on with the next one."""


class RunState(StrEnum):
    """Where a run stands, as its folder shows."""

    FINISHED = "finished"
    RUNNING = "running"
    """A process of this machine works on it."""
    UNFINISHED = "unfinished"
    """Paused, interrupted, or running on another machine; the command that began it, or `training resume`, goes on."""


@dataclass(frozen=True)
class RunStatus:
    """What a run's folder says."""

    folder: Path
    stage: str
    state: RunState
    step: int
    checkpoint: int | None
    """Step of the newest complete checkpoint."""
    ordered: Order | None
    """An order that was not obeyed yet."""
    ended_by: str | None
    """What ended a finished stage before its last step: an order or an alarm."""
    last: dict[str, Any]
    """The newest report of each figure."""
    alarms: tuple[dict[str, Any], ...]
    """What was raised, oldest first."""
    samples: tuple[dict[str, Any], ...]
    """The trees of the newest validation."""


def run_in(folder: Path) -> Path:
    """The folder of a run: itself, or the stage that a pipeline's folder is in (the last one it began).

    Raises NotFound where there is none.
    """
    if (folder / LOCK).is_file():
        return folder
    begun = [folder / name for name in STAGE_FOLDERS if (folder / name / LOCK).is_file()]
    if not begun:
        raise NotFound(f"{folder} holds no run (no {LOCK}); name the folder given as --out.")
    return begun[-1]


def give_order(folder: Path, order: Order) -> Path:
    """Leave an order, and say where; raises NotFound without a run there, InvalidFile where it is finished."""
    run = run_in(folder)
    if (read_json(run / METADATA) or {}).get("status") == RunState.FINISHED:
        raise InvalidFile(f"The run in {run} is finished; there is nothing to {order}.")
    write_json(run / CONTROL, {"order": order.value})
    return run


def take_order(folder: Path) -> Order | None:
    """The order that waits in a folder; None where there is none."""
    found = read_json(folder / CONTROL)
    if found is None:
        return None
    try:
        return Order(found["order"])
    except (KeyError, ValueError) as fault:
        raise InvalidFile(
            f"{folder / CONTROL} holds no order; write pause, stop or skip, or remove it."
        ) from fault


def forget_order(folder: Path) -> None:
    """Remove an order that was obeyed."""
    (folder / CONTROL).unlink(missing_ok=True)


def status_of(folder: Path) -> RunStatus:
    """Where a run stands; raises NotFound where the folder holds none."""
    run = run_in(folder)
    lock, metadata = read_json(run / LOCK) or {}, read_json(run / METADATA) or {}
    newest = RunFolder(run).newest_checkpoint()
    last: dict[str, Any] = {name: value for line in _lines(run / METRICS) for name, value in line.items()}
    samples = _lines(run / SAMPLES)
    return RunStatus(
        folder=run,
        stage=lock["stage"],
        state=_state(run, metadata),
        step=int(last.pop("step", 0)),
        checkpoint=int(newest.name.rsplit("-", 1)[1]) if newest else None,
        ordered=take_order(run),
        ended_by=metadata.get("ended_by"),
        last=last,
        alarms=tuple(_lines(run / ALARMS)),
        samples=tuple(line for line in samples if line["step"] == samples[-1]["step"]),
    )


def _state(run: Path, metadata: dict[str, Any]) -> RunState:
    if metadata.get("status") == RunState.FINISHED:
        return RunState.FINISHED
    return RunState.RUNNING if RunFolder(run).is_held else RunState.UNFINISHED


def withdraw_pause(run: Path) -> bool:
    """Remove a pause that was not obeyed yet; whether there was one."""
    if take_order(run) is not Order.PAUSE:
        return False
    forget_order(run)
    return True


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; one that is being written is left out."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
