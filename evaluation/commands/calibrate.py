"""`evaluation calibrate`: fit a calibrator on an earlier split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from corpus.errors import InvalidInput
from evaluation.commands.options import (
    FILE,
    build_matcher,
    json_option,
    matching_of,
    matching_options,
    open_target,
    split_of,
    target_of,
    target_options,
)


@click.command()
@click.argument("predictions", type=FILE)
@target_options
@matching_options
@click.option(
    "--kind",
    default="sigmoid",
    show_default=True,
    help="sigmoid, temperature, or isotonic (from 1,000 options).",
)
@click.option("--out", type=FILE, default=Path("calibration.json"), show_default=True, help="The calibrator.")
@json_option
def calibrate(predictions: Path, kind: str, out: Path, as_json: bool, **values: Any) -> None:
    """Fit a calibrator (and Z's shift, where there are generated lists) on PREDICTIONS for an earlier split.

    Example: evaluation calibrate validation.jsonl --snapshot snapshots/2024-05 --split validation
    """
    from corpus.splits import Split
    from evaluation.calibrating import fit_on
    from evaluation.calibration import CalibratorKind, write_calibration
    from evaluation.prediction import read_predictions

    target, matching = target_of(values), matching_of(values)
    split = split_of(target.split)
    if split is Split.TEST:
        raise InvalidInput("A calibrator is fitted on an earlier split; add --split validation.")
    try:
        chosen = CalibratorKind(kind)
    except ValueError as fault:
        raise InvalidInput(f"{kind!r} is no calibrator; choose sigmoid, temperature or isotonic.") from fault
    matcher, _ = build_matcher(matching)
    stored = fit_on(read_predictions(predictions), open_target(target), split, chosen, matcher)
    write_calibration(out, stored)
    if as_json:
        print_json(stored.model_dump(mode="json"))
    else:
        click.echo(f"{out}: fitted on {stored.levels} levels answered by {stored.answered_until}")
