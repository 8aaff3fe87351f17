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


DEPTH_FIGURES = (
    "log_loss", "brier_binary", "skill_over_base_rate", "accuracy", "event_loss", "match_coverage",
    "chain_coverage",
)  # fmt: skip


def _show(found: Evaluation) -> None:
    from rich.console import Console

    from corpus.terminal import table
    from evaluation.report_text import SHARES, shown

    console = Console()

    def section(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        if rows:
            console.print(title, style="bold", markup=False)
            console.print(table("", head, rows))

    for scores in found.scores:
        title = (
            f"{found.model}, mode {scores.mode}: {scores.levels} levels in {scores.families} event families"
        )
        section(
            title,
            ("figure", "value [95 % interval]"),
            [(name, shown(own, name in SHARES)) for name, own in scores.figures.items()],
        )
        depths = [group for group in scores.groups if group.by == "depth"]
        names = tuple(name for name in DEPTH_FIGURES if depths and name in depths[0].figures)
        section(
            f"Mode {scores.mode} by depth",
            ("depth", "levels", *names),
            [(g.value, str(g.levels), *(shown(g.figures[n], n in SHARES) for n in names)) for g in depths],
        )
        if scores.missing:
            console.print(f"{scores.missing} levels have no prediction: scored as knowing nothing.")
    compared = ("log_loss", "brier_binary", "accuracy")
    section(
        "Baselines (mode given)",
        ("forecaster", *compared),
        [(s.name, *(shown(s.figures.get(n), n in SHARES) for n in compared)) for s in found.baselines],
    )
    for name, why in found.baselines_missing.items():
        console.print(f"No {name}: {why}", markup=False)
    section(
        f"Verdict: {found.verdict.decision}",
        ("", "gate", "what the interval says"),
        [(g.decision.value.replace("DEPLOY", "PASS"), g.name, g.sentence) for g in found.verdict.gates],
    )
