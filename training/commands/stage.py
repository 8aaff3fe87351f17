"""`training sft` and `training score`: the two stages that train with exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from corpus.snapshot import read_snapshot
from training.config import Experiment, read_experiment
from training.runfolder import require_finished

_Command = Callable[..., None]


def _options(command: _Command) -> _Command:
    for option in reversed(
        [
            click.argument("snapshot", type=click.Path(path_type=Path)),
            click.option("--config", type=click.Path(path_type=Path), help="The experiment's YAML file."),
            click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of this run."),
            click.option("--json", "as_json", is_flag=True, help="Print the run's metadata as JSON."),
        ]
    ):
        command = option(command)
    return command


@click.command(epilog="Example: training sft snapshots/2024 --config experiment.yaml --out runs/sft")
@_options
@click.option("--from", "parent", type=click.Path(path_type=Path),
              help="An adapter (or whole model) of an earlier run to go on from, on this snapshot.")  # fmt: skip
def sft(snapshot: Path, config: Path | None, out: Path, as_json: bool, parent: Path | None) -> None:
    """Fine-tune on the dialogues of SNAPSHOT: lists, letters and months.

    Run the same command again to go on after an interruption; a finished run is left as it is.
    """
    _run("sft", snapshot, config, out, parent, as_json)


@click.command(
    epilog="Example: training score snapshots/2024 --config experiment.yaml --from runs/sft --out runs/score"
)
@_options
@click.option("--from", "parent", type=click.Path(path_type=Path), required=True,
              help="The run of the SFT stage.")  # fmt: skip
def score(snapshot: Path, config: Path | None, out: Path, as_json: bool, parent: Path) -> None:
    """Train the letters' probabilities alone, by proper scores, from an SFT run on.

    The loss is the cross-entropy and the quadratic score over the letters; each epoch shuffles them anew.
    """
    _run("score", snapshot, config, out, parent, as_json)


def _run(
    stage: str, snapshot: Path, config: Path | None, out: Path, parent: Path | None, as_json: bool
) -> None:
    experiment = read_experiment(config) if config else Experiment()
    opened = read_snapshot(snapshot)
    start = None if parent is None else require_finished(parent)
    from training.quiet import quiet_libraries

    quiet_libraries()
    from training.stages import StageName, run_stage

    result = run_stage(experiment, StageName(stage), opened, out, start)
    if as_json:
        print_json(result.metadata)
        return
    click.echo(_sentence(stage, result.metadata, out, result.was_finished))


def _sentence(stage: str, metadata: dict[str, Any], out: Path, was_finished: bool) -> str:
    if metadata["status"] == "paused":
        return f"{stage} paused after step {metadata['steps']}; run the same command to go on."
    best = metadata["best_validation_log_loss"]
    found = "" if best is None else f", validation log loss {best:.4f} at step {metadata['best_step']}"
    already = "was finished already" if was_finished else "finished"
    return f"{stage} {already}: {metadata['steps']} steps{found}; model in {out / 'final'}."
