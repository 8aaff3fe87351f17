"""The command line `training`: look at data, tune, score, forecast. Commands are imported when called."""

from __future__ import annotations

import os

import click

from corpus.commandline import LazyGroup, run_main

_TABLE = {
    "data": ("training.commands.data", "data", "What a snapshot becomes: counts, lengths, dialogues."),
    "plan": ("training.commands.plan", "plan", "Parameters, memory, time and dollars of a run, by GPU."),
    "costs": ("training.commands.costs", "costs", "Estimated against actual time and dollars."),
    "synth": ("training.commands.synth", "synth", "Make a synthetic snapshot with known probabilities."),
    "sft": ("training.commands.stage", "sft", "Fine-tune a model on the dialogues of a snapshot."),
    "score": ("training.commands.stage", "score", "Proper scoring: train the letters' probabilities alone."),
    "grpo": ("training.commands.grpo", "grpo", "Reinforcement learning of the lists, from a scored model."),
    "lint-rewards": (
        "training.commands.lint_rewards",
        "lint_rewards",
        "Search for answers that beat honest ones.",
    ),
    "status": ("training.commands.control", "status", "Where a run stands."),
    "pause": ("training.commands.control", "pause", "Let a run keep a checkpoint and end, to go on later."),
    "resume": ("training.commands.control", "resume", "Go on with a run that was paused or interrupted."),
    "stop": ("training.commands.control", "stop", "Let a run end its stage now."),
    "skip-stage": ("training.commands.control", "skip_stage", "End a stage now; the pipeline goes on."),
    "predict": ("training.commands.predict", "predict", "Write predictions.jsonl for the evaluation."),
    "calibrate": ("training.commands.calibrate", "calibrate", "Fit a calibration on validation forecasts."),
    "export-and-train": (
        "training.commands.export_and_train",
        "export_and_train",
        "All of it: snapshot, training, forecasts, verdict.",
    ),
    "models": (
        "training.commands.models",
        "models",
        "The registry: which model came from what, and is in use.",
    ),
    "deploy": ("training.commands.deploy", "deploy", "Serve trees from Modal."),
    "modal": ("training.commands.modal", "modal", "What is missing for Modal."),
    "ask": ("training.commands.ask", "ask", "Forecast one event as a tree."),
    "serve": ("training.commands.serve", "serve", "Serve trees: an API, and a page that draws them."),
    "key": ("training.commands.key", "key", "Make an API key for the server of trees."),
}


@click.group(
    cls=LazyGroup,
    table=_TABLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: training synth world && training data world",
)
@click.version_option(package_name="psychohistory")
def training() -> None:
    """Train a forecaster on a snapshot, and forecast with it.

    A case becomes a dialogue that lists, weighs and dates outcomes; see docs/training.md. Commands that need
    a model need the training extra: make training.
    """


SPINS = "10000"
"""How often a thread looks for work before it sleeps: enough on a quiet machine, and beside a busy program a quarter of
the time that GNU OpenMP's own 300,000 costs (docs/log.md, 2026-11-27)."""


def main() -> None:
    """Entry point of the console command."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read when torch is loaded
    run_main(training, "training")


if __name__ == "__main__":
    main()
