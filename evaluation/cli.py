"""The command line `evaluation`: forecasts in a file, scored, compared, judged and reported.

Each command is imported when it is called. Exit codes: 0 done or DEPLOY, 10 REVIEW, 20 FAIL, 2 wrong usage,
1 broke.
"""

from __future__ import annotations

import click

from corpus.commandline import LazyGroup, run_main

_COMMANDS = "evaluation.commands"
TABLE = {
    "run": (f"{_COMMANDS}.run", "run", "Score a prediction file and judge it."),
    "compare": (f"{_COMMANDS}.compare", "compare", "Two prediction files on the same levels: who is better?"),
    "report": (f"{_COMMANDS}.report", "report", "Write the HTML report, the zip bundle and the model card."),
    "baselines": (f"{_COMMANDS}.baselines", "baselines", "Write the baselines' predictions."),
    "calibrate": (f"{_COMMANDS}.calibrate", "calibrate", "Fit a calibrator on an earlier split."),
    "audit-matcher": (f"{_COMMANDS}.audit_matcher", "audit_matcher", "Measure how often the matcher errs."),
    "suite": (f"{_COMMANDS}.suite", "suite", "Frozen selections easy, medium, hard, and their trend."),
    "curves": (f"{_COMMANDS}.curves", "curves", "Read a run's learning curve: overfitting, best step."),
    "import-forecastbench": (
        f"{_COMMANDS}.import_forecastbench",
        "import_forecastbench",
        "Turn ForecastBench sets into a question file.",
    ),
}


@click.group(cls=LazyGroup, table=TABLE)
@click.version_option(package_name="psychohistory")
def cli() -> None:
    """Score forecasts against what happened, with error bars everywhere.

    Example: evaluation run predictions.jsonl --snapshot snapshots/2024-05
    """


def main() -> None:
    """Entry point of the console command."""
    run_main(cli, "evaluation")


if __name__ == "__main__":
    main()
