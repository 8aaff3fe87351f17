"""`training predict`: forecasts of a snapshot, as a file for the evaluation."""

from __future__ import annotations

from pathlib import Path

import click

from corpus.commandline import print_json
from corpus.dates import EventDate
from corpus.errors import InvalidInput
from corpus.snapshot import read_snapshot
from corpus.splits import Split
from evaluation.prediction import Mode, Predictions, check_predictions, write_predictions
from training.commands.forecasts import Forecaster, model_options, tell_limits


@click.command(epilog="Example: training predict snapshots/2024 --model runs/score --out predictions.jsonl")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--split", type=click.Choice([s.value for s in Split]), default="test", show_default=True,
              help="Which cases of the snapshot.")  # fmt: skip
@click.option("--mode", "modes", type=click.Choice([m.value for m in Mode]), multiple=True,
              default=("given", "generated"), show_default=True, help="Repeat it for several.")  # fmt: skip
@click.option("--name", help="What the model is called in the file; the folder or base without it.")
@click.option("--knowledge-cutoff", help="Until when the base's training text reaches, such as 2024-06.")
@click.option("--json", "as_json", is_flag=True, help="Print counts as JSON.")
@model_options
def predict(
    snapshot: Path,
    out: Path,
    split: str,
    modes: tuple[str, ...],
    name: str | None,
    knowledge_cutoff: str | None,
    as_json: bool,
    forecaster: Forecaster,
) -> None:
    """Forecast the cases of SNAPSHOT and write one line a list of candidates.

    Modes are never mixed in a figure: `given` asks for the case's own candidates, `generated` for lists of
    the model's own, `tree` for whole trees from the seed alone.
    """
    opened = read_snapshot(snapshot)
    known = EventDate.parse(knowledge_cutoff) if knowledge_cutoff else None
    inference = forecaster.ready()
    from training.predict import Job, predictions

    chosen = tuple(mode for mode in Mode if mode.value in modes)
    branches, depth = forecaster.branches, forecaster.depth
    job = Job(
        opened, Split(split), chosen, name or inference.name, known, branches, depth, forecaster.effort,
        inference.weights_hash,
    )  # fmt: skip
    rows = list(predictions(inference.engine, job))
    tell_limits(forecaster, inference)
    if not rows:
        raise InvalidInput(f"Split {split} of {snapshot} holds no level that can be asked; choose another.")
    checked = check_predictions(rows, str(out))
    write_predictions(out, rows)
    _tell(checked, out, as_json)


def _tell(found: Predictions, out: Path, as_json: bool) -> None:
    counts = {mode.value: len(found.of(mode)) for mode in found.modes}
    if as_json:
        print_json({"file": str(out), "model": found.model, "weights_hash": found.weights_hash, "lines": counts,
                    "tokens_per_second": found.tokens_per_second})  # fmt: skip
        return
    click.echo(f"{out}: {', '.join(f'{count} lines {mode}' for mode, count in counts.items())}.")
