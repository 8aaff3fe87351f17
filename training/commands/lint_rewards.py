"""`training lint-rewards`: can an answer earn more than an honest one?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from corpus.commandline import print_json
from training.config import Experiment, read_experiment
from training.reward_lint import LEVELS, LintReport, lint

FAIL = 20


@click.command("lint-rewards", epilog="Example: training lint-rewards --config experiment.yaml")
@click.option(
    "--config", type=click.Path(path_type=Path), help="The experiment's YAML; the defaults without it."
)
@click.option("--levels", type=click.IntRange(1), default=LEVELS, show_default=True,
              help="Random levels on which every attack is tried.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random levels and edits.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def lint_rewards(context: click.Context, config: Path | None, levels: int, seed: int, as_json: bool) -> None:
    """Search for answers that earn more than honest ones under the configured rewards.

    Tries hedges, one-hot answers, copies, long texts, broken formats, p=0 and random edits on levels whose
    probabilities are known. Ends with code 20 where one beats honesty, and names it.
    """
    grpo = (read_experiment(config) if config else Experiment()).grpo
    report = lint(grpo.rewards.model_dump(), grpo.branches, levels, seed)
    if as_json:
        print_json(asdict(report) | {"exploits": [finding.attack for finding in report.exploits]})
    else:
        _show(report)
    context.exit(FAIL if report.exploits else 0)


def _show(report: LintReport) -> None:
    width = max(len(finding.attack) for finding in report.findings)
    click.echo(f"{'attack':{width}}  tried  mean gain  largest")
    for finding in report.findings:
        mark = "  EXPLOIT" if finding.beats_honesty else ""
        click.echo(
            f"{finding.attack:{width}}  {finding.tried:5}  {finding.mean_gain:+9.4f}  {finding.largest_gain:+.5f}{mark}"
        )
    if not report.exploits:
        click.echo(f"No answer beats an honest one (expected reward {report.honest:.3f}).")
        return
    worst = report.exploits[0]
    click.echo(
        f"FAIL: {worst.attack!r} earns at least as much as an honest answer. For example:\n{worst.example}"
    )
