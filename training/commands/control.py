"""`training status`, `pause`, `stop` and `skip-stage`: a run looked at and steered from another terminal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json, printable
from training.control import Order, RunStatus, give_order, status_of

_FIGURES = ("propose_loss", "weigh_loss", "when_loss", "eval_log_loss", "reward", "eval_reward", "hit_rate",
            "eval_hit_rate", "kl", "entropy", "learning_rate")  # fmt: skip
_SHOWN_ALARMS, _SHOWN_BRANCHES = 3, 3


@click.command(epilog="Example: training status runs/sft")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
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
@click.argument("folder", type=click.Path(path_type=Path))
def pause(folder: Path) -> None:
    """Let the run in FOLDER keep a checkpoint and end; the command that began it goes on from there."""
    run = give_order(folder, Order.PAUSE)
    click.echo(f"{run} pauses after its present step; run the same command to go on.")


@click.command(epilog="Example: training stop runs/sft")
@click.argument("folder", type=click.Path(path_type=Path))
def stop(folder: Path) -> None:
    """Let the run in FOLDER end its stage now, with the best weights so far; export-and-train ends there too."""
    run = give_order(folder, Order.STOP)
    click.echo(f"{run} ends its stage after its present step.")


@click.command("skip-stage", epilog="Example: training skip-stage runs/all")
@click.argument("folder", type=click.Path(path_type=Path))
def skip_stage(folder: Path) -> None:
    """Let the run in FOLDER end its stage now, with the best weights so far; export-and-train goes on."""
    run = give_order(folder, Order.SKIP)
    click.echo(f"{run} ends its stage after its present step; a pipeline goes on with the next stage.")
