"""What the commands of `corpus` share: the folder argument and `--json`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FAILS, LOOK = 20, 10
"""Exit codes of a verdict."""


def folder_argument(command: Command) -> Command:
    """FOLDER: a snapshot."""
    return click.argument("folder", type=FOLDER)(command)


def json_option(command: Command) -> Command:
    """`--json`: one document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(
        command
    )
