"""`evaluation run`: score a prediction file and judge it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    target_of,
    target_options,
)

if TYPE_CHECKING:
    from evaluation.evaluate import Evaluation


@click.command()
@click.argument("predictions", type=FILE)
@target_options
@matching_options
@judging_options
@json_option
@click.pass_context
def run(context: click.Context, /, predictions: Path, as_json: bool, **values: Any) -> None:
    """Score PREDICTIONS on a snapshot, beside the baselines, and say DEPLOY, REVIEW or FAIL.

    Ends with 0 for DEPLOY, 10 for REVIEW, 20 for FAIL.

    Example: evaluation run predictions.jsonl --snapshot snapshots/2024-05
    """
    from evaluation.evaluate import evaluate
    from evaluation.prediction import read_predictions
    from evaluation.summary import evaluation_json

    target, matching, judging = target_of(values), matching_of(values), judging_of(values)
    found = read_predictions(predictions)
    asked = open_target(target)
    matcher, judge = build_matcher(matching)
    result = evaluate(found, asked, build_settings(target, matcher, matching.audit, judging))
    if as_json:
        print_json(evaluation_json(result) | ({"judge": asdict(judge.cost)} if judge else {}))
    else:
        _show(result)
        if judge:
            cost = judge.cost
            click.echo(f"Judge: {cost.calls} calls, {cost.cached} from the cache, ${cost.usd:.4f}.")
            for reason, count in cost.failures.items():
                click.echo(f"  without a verdict: {count} ({reason})")
    context.exit(result.verdict.exit_code)


def _show(found: Evaluation) -> None:
    from rich.console import Console

    from corpus.terminal import table
    from evaluation.report import SHARES, shown

    console = Console()
    for scores in found.scores:
        title = (
            f"{found.model}, mode {scores.mode}: {scores.levels} levels in {scores.families} event families"
        )
        console.print(
            table(
                title,
                ("figure", "value [95 % interval]"),
                [(n, shown(f, n in SHARES)) for n, f in scores.figures.items()],
            )
        )
        depths = [g for g in scores.groups if g.by == "depth"]
        if depths:
            names = list(depths[0].figures)
            rows = [
                (g.value, str(g.levels), *(shown(g.figures.get(n), n in SHARES) for n in names))
                for g in depths
            ]
            console.print(table("By depth", ("depth", "levels", *names), rows))
        if scores.missing:
            console.print(f"{scores.missing} levels have no prediction: scored as knowing nothing.")
    compared = ("log_loss", "brier_binary", "accuracy")
    rivals = [(s.name, *(shown(s.figures.get(n), n in SHARES) for n in compared)) for s in found.baselines]
    if rivals:
        console.print(table("Baselines (mode given)", ("forecaster", *compared), rivals))
    for name, why in found.baselines_missing.items():
        console.print(f"No {name}: {why}", markup=False)
    gates = [(g.decision.value.replace("DEPLOY", "PASS"), g.name, g.sentence) for g in found.verdict.gates]
    console.print(table(f"Verdict: {found.verdict.decision}", ("", "gate", "what the interval says"), gates))
