"""What `predict` and `ask` share: the options that say which model forecasts, and loading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.inference import ProbabilityTreeInference

_Command = Callable[..., None]


def model_options(command: _Command) -> _Command:
    """`--base`, `--model`, `--orders`, `--branches`, `--depth`, `--seed`."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
        click.option("--depth", type=click.IntRange(1, 5), default=3, show_default=True, help="Of trees."),
        click.option("--branches", type=click.IntRange(1, 12), default=4, show_default=True,
                     help="Most candidates a list."),
        click.option("--orders", type=click.IntRange(1, 24), default=3, show_default=True,
                     help="Orders of each list that are averaged."),
        click.option("--model", "folder", type=click.Path(path_type=Path),
                     help="A finished run or its `final` folder; the base alone without it."),
        click.option("--base", default="Qwen/Qwen3-0.6B", show_default=True,
                     help="Base model: a hub name, a folder, or `tiny`."),
    ):  # fmt: skip
        command = option(command)
    return command


def loaded(base: str, folder: Path | None) -> ProbabilityTreeInference:
    """A forecaster with its model in memory."""
    from training.quiet import quiet_libraries

    quiet_libraries()
    from training.inference import ProbabilityTreeInference

    inference = ProbabilityTreeInference(base)
    inference.load_adapter(folder)
    return inference
