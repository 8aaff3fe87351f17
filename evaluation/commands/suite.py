"""`evaluation suite`: make, run and follow the suites easy, medium and hard."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from evaluation.commands.options import (
    FILE,
    build_matcher,
    build_settings,
    json_option,
    judging_of,
    judging_options,
    matching_of,
    matching_options,
    open_target,
    split_of,
    target_of,
    target_options,
)


@click.group()
def suite() -> None:
    """Frozen selections of levels by difficulty, and the trend of results on them.

    Example: evaluation suite run predictions.jsonl --snapshot S --suites suites.json
    """


@suite.command()
@target_options
@click.option("--out", type=FILE, default=Path("suites.json"), show_default=True, help="The suites file.")
@click.option("--seed", default=0, show_default=True, help="Of the drawing.")
def make(out: Path, seed: int, **values: Any) -> None:
    """Freeze up to 100 levels each as easy, medium and hard.

    Example: evaluation suite make --snapshot snapshots/2024-05 --out suites.json
    """
    from evaluation.suites import make_suites, write_suites

    target = target_of(values)
    asked = open_target(target)
    split = split_of(target.split)
    stored = make_suites(asked, asked.of(split), split.value, seed)
    write_suites(out, stored)
    sizes = ", ".join(f"{name} {len(levels)}" for name, levels in stored.suites.items())
    click.echo(f"{out}: {sizes}")


@suite.command()
@click.argument("predictions", type=FILE)
@target_options
@matching_options
@judging_options
@click.option(
    "--suites", "suites_file", type=FILE, default=Path("suites.json"), show_default=True, help="The suites."
)
@click.option(
    "--history",
    type=FILE,
    default=Path("suite_history.jsonl"),
    show_default=True,
    help="Results are appended.",
)
@json_option
def run(predictions: Path, suites_file: Path, history: Path, as_json: bool, **values: Any) -> None:
    """Score PREDICTIONS on the suites and append the results to the history.

    Example: evaluation suite run predictions.jsonl --snapshot snapshots/2024-05
    """
    from corpus.errors import InvalidInput
    from evaluation.evaluate import evaluate_levels
    from evaluation.pairing import check_same_set
    from evaluation.prediction import read_predictions
    from evaluation.suites import append_history, entry, read_suites, suite_levels

    target, matching, judging = target_of(values), matching_of(values), judging_of(values)
    found, asked, stored = read_predictions(predictions), open_target(target), read_suites(suites_file)
    check_same_set(found, asked)
    if stored.snapshot_hash != asked.hash:
        raise InvalidInput(
            f"{suites_file} was made from snapshot {stored.snapshot_hash[:12]}…, not {asked.hash[:12]}…; "
            "name the right snapshot, or make new suites."
        )
    matcher, _ = build_matcher(matching)
    settings = build_settings(target, matcher, matching.audit, judging)
    levels = asked.of(split_of(stored.split))
    entries, at = [], datetime.now(UTC).replace(microsecond=0)
    for name in stored.suites:
        chosen = suite_levels(stored, name, levels)
        own = found.limited_to({level.key for level in chosen})
        if not own.rows:
            raise InvalidInput(
                f"{predictions} answers no level of suite {name}; predict on split {stored.split}."
            )
        entries.append(entry(stored, name, evaluate_levels(own, asked, chosen, settings), at))
    append_history(history, entries)
    if as_json:
        print_json([found.model_dump(mode="json") for found in entries])
    else:
        _show(entries)


@suite.command()
@click.argument("history", type=FILE)
@click.option("--out", type=FILE, help="Also draw the trend as an HTML page.")
@json_option
def trend(history: Path, out: Path | None, as_json: bool) -> None:
    """Show the results of HISTORY run by run.

    Example: evaluation suite trend suite_history.jsonl --out trend.html
    """
    from evaluation.report import trend_page
    from evaluation.suites import read_history

    found = read_history(history)
    if out:
        from corpus.files import write_atomically

        write_atomically(out, [trend_page(found)])
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in found])
    else:
        _show(found)


def _show(entries: Any) -> None:
    from rich.console import Console

    from corpus.terminal import table

    names = sorted({name for found in entries for name in found.figures})
    rows = [
        (
            f"{found.at:%Y-%m-%d %H:%M}",
            found.model,
            f"{found.suite} ({found.levels})",
            *(_cell(found.figures.get(name)) for name in names),
            "–" if found.tokens_per_second is None else f"{found.tokens_per_second:,.0f}",
        )
        for found in entries
    ]
    Console().print(table("Suites", ("run", "model", "suite", *names, "tokens/s"), rows))


def _cell(figure: Any) -> str:
    if figure is None or figure.value is None:
        return "not scored"
    if figure.low is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
