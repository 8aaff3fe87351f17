"""`evaluation curves`: what a run's losses say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from corpus.commandline import print_json
from corpus.errors import InvalidInput
from evaluation.commands.options import FILE, json_option


@click.command()
@click.argument("metrics", type=FILE, required=False)
@click.option(
    "--size", "sizes", multiple=True, metavar="CASES:METRICS",
    help="A run on that many cases; three or more show what more data would bring.",
)  # fmt: skip
@json_option
def curves(metrics: Path | None, sizes: tuple[str, ...], as_json: bool) -> None:
    """Overfitting or underfitting of the run in METRICS, its best step, and the gain of more cases.

    \b
    Example: evaluation curves runs/sft/metrics.jsonl
             evaluation curves --size 100:a.jsonl --size 200:b.jsonl --size 400:c.jsonl
    """
    from evaluation.curves import diagnose, gain_of_data, read_curve

    if metrics is None and not sizes:
        raise InvalidInput("Name a metrics.jsonl, or runs of several sizes with --size CASES:METRICS.")
    fit = diagnose(read_curve(metrics)) if metrics else None
    gain = gain_of_data([_point(text) for text in sizes]) if sizes else None
    if as_json:
        print_json({"fit": asdict(fit) if fit else None, "data": asdict(gain) if gain else None})
        return
    if fit:
        click.echo(f"{fit.finding}: {fit.sentence}")
        if fit.best_step is not None:
            click.echo(
                f"best step {fit.best_step} (loss {fit.best_loss:.4f}), recommended stop {fit.recommended_stop}"
            )
    if gain:
        click.echo(f"loss = {gain.floor:.4f} + {gain.scale:.4g} x cases^-{gain.power:.2f}")
        click.echo(f"twice the cases: {gain.at_double:.4f}; ten times: {gain.at_tenfold:.4f} (extrapolated)")


def _point(text: str) -> tuple[int, float]:
    """The best validation loss of a run of that size."""
    from evaluation.curves import read_curve

    cases, _, path = text.partition(":")
    if not cases.isdigit() or int(cases) < 1 or not path:
        raise InvalidInput(f"{text!r} is not CASES:METRICS, such as 200:runs/b/metrics.jsonl.")
    losses = [loss for _, loss in read_curve(Path(path)).validation]
    if not losses:
        raise InvalidInput(f"{path} holds no validation loss; a data curve needs one.")
    return int(cases), min(losses)
