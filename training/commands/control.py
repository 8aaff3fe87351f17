"""`training status`, `pause`, `stop`, `skip-stage`, `resume`: a run looked at and steered from another terminal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json, printable
from corpus.errors import NotFound
from training.commands.again import go_on, kept_command
from training.control import Order, RunStatus, give_order, run_in, status_of, withdraw_pause
from training.runfolder import RunFolder

_FIGURES = ("propose_loss", "weigh_loss", "when_loss", "eval_log_loss", "reward", "eval_reward", "hit_rate",
            "eval_hit_rate", "kl", "entropy", "learning_rate")  # fmt: skip
_SHOWN_ALARMS, _SHOWN_BRANCHES = 3, 3


_folder = click.argument("folder", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


@click.command(epilog="Example: training status runs/sft")
@_folder
@_json
def status(folder: Path, as_json: bool) -> None:
    """Show where the run in FOLDER stands: step, newest figures, checkpoint, alarms, the newest sample trees.

    FOLDER is a stage's, or that of export-and-train.
    """
    found = status_of(folder)
    if as_json:
        print_json(asdict(found))
        return
    kept = "none yet" if found.checkpoint is None else f"at step {found.checkpoint}"
    early = f" (ended early: {found.ended_by})" if found.ended_by else ""
    click.echo(f"{found.stage}: {found.state}{early}, last report at step {found.step}, checkpoint {kept}.")
    for name in _FIGURES:
        if isinstance(found.last.get(name), int | float):
            click.echo(f"  {name} {found.last[name]:.4g}")
    _show_more(found)


def _show_more(found: RunStatus) -> None:
    for alarm in found.alarms[-_SHOWN_ALARMS:]:
        click.echo(f"  ALARM at step {alarm['step']} ({alarm['action']}): {alarm['message']}")
    for sample in found.samples:
        click.echo(f"  sample at step {sample['step']}: {_tree(sample)}")
    if found.ordered:
        click.echo(f"  {found.ordered} waits to be obeyed.")


def _tree(sample: dict[str, Any]) -> str:
    if sample["tree"] is None:
        return printable(f"{sample['case_id']}: {sample['problem']}")
    branches = sorted(sample["tree"]["branches"], key=lambda branch: -branch["probability"])
    told = [f"{branch['probability']:.0%} {branch['event']}" for branch in branches[:_SHOWN_BRANCHES]]
    return printable(f"{sample['tree']['seed']} → {'; '.join(told)}")


@click.command(epilog="Example: training pause runs/sft")
@_folder
@_json
def pause(folder: Path, as_json: bool) -> None:
    """Let the run in FOLDER keep a checkpoint and end; `training resume`, or the same command, goes on from there."""
    _order(
        folder, Order.PAUSE, "pauses after its present step; go on with: training resume {folder}", as_json
    )


@click.command(epilog="Example: training stop runs/sft")
@_folder
@_json
def stop(folder: Path, as_json: bool) -> None:
    """Let the run in FOLDER end its stage now, with the best weights so far; export-and-train ends there too."""
    _order(folder, Order.STOP, "ends its stage after its present step.", as_json)


@click.command("skip-stage", epilog="Example: training skip-stage runs/all")
@_folder
@_json
def skip_stage(folder: Path, as_json: bool) -> None:
    """Let the run in FOLDER end its stage now, with the best weights so far; export-and-train goes on."""
    said = "ends its stage after its present step; a pipeline goes on with the next stage."
    _order(folder, Order.SKIP, said, as_json)


def _order(folder: Path, order: Order, said: str, as_json: bool) -> None:
    run = give_order(folder, order)
    if as_json:
        print_json({"run": str(run), "ordered": order.value})
        return
    click.echo(f"{run} {said.format(folder=folder)}")


@click.command(epilog="Example: training resume runs/sft")
@_folder
@_json
@click.pass_context
def resume(context: click.Context, folder: Path, as_json: bool) -> None:
    """Go on with the run in FOLDER, as the command that began it would; a pause that still waits is withdrawn.

    Options are those of that command. FOLDER is a stage's, or that of export-and-train.
    """
    kept, run = kept_command(folder), _begun(folder)
    withdrawn = run is not None and withdraw_pause(run)
    if run is not None and RunFolder(run).is_held:
        said = "its pause was withdrawn, and it goes on" if withdrawn else "it is running"
        print_json({"run": str(run), "state": "running"}) if as_json else click.echo(f"{run}: {said}.")
        return
    go_on(context, kept, as_json)


def _begun(folder: Path) -> Path | None:
    try:
        return run_in(folder)
    except NotFound:  # its command ended before a stage began
        return None
