"""`training sft` and `training score`: the two stages that train with exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from corpus.snapshot import Snapshot, read_snapshot
from training.backends.launching import Launch
from training.commands.forecasts import named_model
from training.commands.where import run_where, where_options
from training.config import Experiment, read_experiment
from training.processes import is_first

_Command = Callable[..., None]


def stage_options(command: _Command) -> _Command:
    """The options that every stage's command has."""
    for option in reversed(
        [
            click.argument("snapshot", type=click.Path(path_type=Path)),
            click.option(
                "--config",
                type=click.Path(path_type=Path),
                help="The experiment's YAML; without it Qwen3-0.6B and defaults (docs/training.md).",
            ),
            click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of this run."),
            click.option("--json", "as_json", is_flag=True, help="Print the run's metadata as JSON."),
        ]
    ):
        command = option(command)
    return where_options(command)


@click.command(epilog="Example: training sft snapshots/2024 --config experiment.yaml --out runs/sft")
@stage_options
@click.option("--from", "parent", type=click.Path(path_type=Path), callback=named_model,
              help="An earlier run, or its name in the registry, to go on from on this snapshot.")  # fmt: skip
def sft(
    snapshot: Path, config: Path | None, out: Path, as_json: bool, parent: Path | None, how: Launch
) -> None:
    """Fine-tune on the dialogues of SNAPSHOT: lists, letters and months.

    Run the same command again to go on after an interruption; a finished run is left as it is.
    """
    run_command("sft", snapshot, config, out, parent, as_json, how)


@click.command(
    epilog="Example: training score snapshots/2024 --config experiment.yaml --from runs/sft --out runs/score"
)
@stage_options
@click.option("--from", "parent", type=click.Path(path_type=Path), callback=named_model, required=True,
              help="The run of the SFT stage.")  # fmt: skip
def score(snapshot: Path, config: Path | None, out: Path, as_json: bool, parent: Path, how: Launch) -> None:
    """Train the letters' probabilities alone, by proper scores, from an SFT run on.

    The loss is the cross-entropy and the quadratic score over the letters; each epoch shuffles them anew.
    """
    run_command("score", snapshot, config, out, parent, as_json, how)


def run_command(
    stage: str,
    snapshot: Path,
    config: Path | None,
    out: Path,
    parent: Path | None,
    as_json: bool,
    how: Launch,
) -> None:
    """Run a stage where it was asked for, and say how it ended."""
    experiment = read_experiment(config) if config else Experiment()
    train_stage(stage, experiment, read_snapshot(snapshot), out, parent, as_json, how)


def train_stage(
    stage: str,
    experiment: Experiment,
    snapshot: Snapshot,
    out: Path,
    parent: Path | None,
    as_json: bool,
    how: Launch,
) -> None:
    """The same with everything read."""
    from training.quiet import quiet_libraries

    quiet_libraries()
    result = run_where(how, stage, experiment, snapshot, out, parent)
    if result is None or not is_first():
        return
    if as_json:
        print_json(result)
        return
    click.echo(_sentence(stage, result, out))


def _sentence(stage: str, metadata: dict[str, Any], out: Path) -> str:
    if metadata["status"] == "paused":
        return f"{stage} paused after step {metadata['steps']}; go on with: training resume {out}"
    figures = {"log loss": metadata["best_validation_log_loss"], "reward": metadata["best_validation_reward"]}
    told = ", ".join(f"{name} {value:.4f}" for name, value in figures.items() if value is not None)
    found = f", validation {told} at step {metadata['best_step']}" if told else ""
    early = f" (ended by {metadata['ended_by']})" if metadata["ended_by"] else ""
    already = "was finished already" if metadata["was_finished"] else "finished"
    return f"{stage} {already}: {metadata['steps']} steps{early}{found}; model in {out / 'final'}."
