"""`training calibrate`: bend a model's probabilities by what validation shows."""

from __future__ import annotations

from pathlib import Path

import click

from corpus.commandline import print_json
from corpus.errors import InvalidInput
from corpus.splits import Split
from evaluation.calibration import CalibratorKind


@click.command(epilog="Example: training calibrate snapshots/2024 validation.jsonl --model runs/score")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice([k.value for k in CalibratorKind]), default="sigmoid", show_default=True,
              help="Temperature needs the fewest levels, isotonic some 1,000.")  # fmt: skip
@click.option("--model", "folder", type=click.Path(path_type=Path),
              help="Run or `final` folder that the calibration is put into; its own forecasts only.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="A file to write instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
def calibrate(
    snapshot: Path, predictions: Path, kind: str, folder: Path | None, out: Path | None, as_json: bool
) -> None:
    """Fit a calibration on PREDICTIONS of the validation split of SNAPSHOT.

    Lines of mode `given` fit temperature, sigmoid or isotonic; lines of mode `generated` fit Z on how often the
    model's own lists miss what happened.
    """
    from evaluation.calibrating import fit_on
    from evaluation.calibration import write_calibration
    from evaluation.levels import open_snapshot
    from evaluation.matching import Matcher
    from evaluation.prediction import read_predictions
    from training.runfolder import CALIBRATION, require_finished, stated_hash

    if (folder is None) == (out is None):
        raise click.UsageError("Name either --model or --out: the place of the calibration.")
    found, asked = read_predictions(predictions), open_snapshot(snapshot)
    final = None if folder is None else require_finished(folder)
    if final is not None and found.weights_hash not in ("", stated_hash(final)):
        raise InvalidInput(
            f"{predictions} was forecast by other weights than those in {final}; forecast with --model {folder}."
        )
    stored = fit_on(found, asked, Split.VALIDATION, CalibratorKind(kind), Matcher())
    path = out or (final or Path()) / CALIBRATION
    write_calibration(path, stored)
    if as_json:
        print_json(stored.model_dump(mode="json"))
        return
    click.echo(f"{path}: {kind} fitted on {stored.levels} levels answered by {stored.answered_until}.")
