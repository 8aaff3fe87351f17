"""`evaluation compare`: two prediction files on the same levels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from evaluation.compare import Difference


@click.command()
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@target_options
@matching_options
@json_option
def compare(first: Path, second: Path, as_json: bool, **values: Any) -> None:
    """Compare FIRST with SECOND: difference, interval, p-value, and who is better, if anyone.

    Example: evaluation compare new.jsonl old.jsonl --snapshot snapshots/2024-05
    """
    from evaluation.compare_files import compare_files
    from evaluation.prediction import read_predictions
    from evaluation.summary import difference_json

    target, matching = target_of(values), matching_of(values)
    matcher, _ = build_matcher(matching)
    asked = open_target(target)
    one, two = read_predictions(first), read_predictions(second)
    names = _names(one.model, two.model, first, second)
    found = compare_files(one, two, asked, asked.of(split_of(target.split)), matcher)
    if not found:
        raise InvalidInput("Nothing to compare.")
    if as_json:
        differences = {mode.value: [difference_json(d) for d in rows] for mode, rows in found.items()}
        print_json({"first": names[0], "second": names[1], "modes": differences})
        return
    for mode, rows in found.items():
        _show(mode.value, names, rows)


def _names(one: str, two: str, first: Path, second: Path) -> tuple[str, str]:
    return (one, two) if one != two else (str(first), str(second))


def _show(mode: str, names: tuple[str, str], rows: list[Difference]) -> None:
    from rich.console import Console

    from corpus.terminal import table
    from evaluation.compare import verdict_sentence
    from evaluation.report_text import shown

    said = verdict_sentence(*names, rows)
    cells = [
        (
            d.figure,
            _number(d.first),
            _number(d.second),
            shown(d.difference),
            _number(d.p_adjusted),
            said[d.figure],
        )
        for d in rows
    ]
    head = ("figure", names[0], names[1], "difference [95 %]", "p (Holm)", "")
    Console().print(table(f"Mode {mode}", head, cells))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
