"""`training status`, `pause` and `stop`: a run looked at and steered from another terminal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from corpus.commandline import print_json
from training.control import Order, give_order, status_of

_FIGURES = ("propose_loss", "weigh_loss", "when_loss", "eval_log_loss", "learning_rate")


@click.command(epilog="Example: training status runs/sft")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(folder: Path, as_json: bool) -> None:
    """Show where the run in FOLDER stands: step, newest losses, checkpoint."""
    found = status_of(folder)
    if as_json:
        print_json(asdict(found))
        return
    kept = "none yet" if found.checkpoint is None else f"at step {found.checkpoint}"
    click.echo(f"{found.stage}: {found.state}, last report at step {found.step}, checkpoint {kept}.")
    for name in _FIGURES:
        if name in found.last:
            click.echo(f"  {name} {found.last[name]:.4g}")
    if found.ordered:
        click.echo(f"  {found.ordered} waits to be obeyed.")


@click.command(epilog="Example: training pause runs/sft")
@click.argument("folder", type=click.Path(path_type=Path))
def pause(folder: Path) -> None:
    """Let the run in FOLDER keep a checkpoint and end; the command that began it goes on from there."""
    give_order(folder, Order.PAUSE)
    click.echo(f"{folder} pauses after its present step; run the same command to go on.")


@click.command(epilog="Example: training stop runs/sft")
@click.argument("folder", type=click.Path(path_type=Path))
def stop(folder: Path) -> None:
    """Let the run in FOLDER end its stage now, with the best weights so far."""
    give_order(folder, Order.STOP)
    click.echo(f"{folder} ends its stage after its present step.")
