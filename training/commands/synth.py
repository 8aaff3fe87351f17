"""`training synth`: a synthetic snapshot of any size whose true probabilities are known."""

from __future__ import annotations

from pathlib import Path

import click

from corpus.case import MAX_DEPTH
from corpus.commandline import print_json
from corpus.splits import Ratios
from training.synthetic import Recipe, write_synthetic


@click.command(epilog="Example: training synth world --cases 2000 --world 7")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--cases", type=click.IntRange(min=3), default=1000, show_default=True, help="Number of cases.")
@click.option("--world", "worlds", type=click.IntRange(min=0), multiple=True, default=(1,), show_default=True,
              help="Seed of a causal world; repeat it for several.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the drawing.")
@click.option("--depth", type=click.IntRange(1, MAX_DEPTH), default=3, show_default=True,
              help="Most levels a case.")  # fmt: skip
@click.option("--horizon", type=click.IntRange(1, 600), default=24, show_default=True, help="Months a level.")
@click.option("--test-share", type=click.FloatRange(0.01, 0.8), default=0.1, show_default=True,
              help="Share of cases held out for test; as many again go to validation, up to a tenth.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def synth(
    folder: Path,
    cases: int,
    worlds: tuple[int, ...],
    seed: int,
    depth: int,
    horizon: int,
    test_share: float,
    as_json: bool,
) -> None:
    """Write a synthetic snapshot to FOLDER, which must not exist.

    World 1001 made the shipped tiny model: measure on those below 1000. FICTIONAL throughout.
    """
    validation = min(test_share, 0.1)
    ratios = Ratios(train=1.0 - test_share - validation, validation=validation, test=test_share)
    manifest = write_synthetic(folder, Recipe(cases, worlds, seed, depth, horizon), ratios)
    if as_json:
        print_json(manifest.model_dump(mode="json") | {"hash": manifest.hash})
        return
    click.echo(f"{folder}: {manifest.cases} synthetic cases, {sum(manifest.levels.values())} levels.")
