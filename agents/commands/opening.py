"""What the commands open, and the options that say which: store, archive, log."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from db.session import Store, open_store

if TYPE_CHECKING:  # most commands read no archive and need not wait for it
    from agents.archive import Archive

Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """`--db`: which store."""
    return click.option(
        "--db", metavar="FILE|URL", envvar="PSYCHOHISTORY_DB",
        help="The case store: a SQLite file or a Postgres URL. Default: a file in your data folder.",
    )(command)  # fmt: skip


def archive_option(command: Command) -> Command:
    """`--archive`: which documents."""
    return click.option(
        "--archive", metavar="FILE", envvar="PSYCHOHISTORY_ARCHIVE", type=click.Path(path_type=Path),
        help="An archive made by `agents archive add`, or `starter` for the shipped one. "
        "Default: your own where you have added documents, else the starter.",
    )(command)  # fmt: skip


def json_option(command: Command) -> Command:
    """`--json`: one document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(
        command
    )


def opened_store(db: str | None) -> Store:
    """The store that is asked for, its tables up to date."""
    return open_store(db)


def opened_archive(path: Path | None) -> Archive:
    """The archive that is asked for; raises EmptyArchive where nothing lies in it."""
    from agents.archive_cli import opened

    return opened(path)


def program_version() -> str:
    """The installed version, or "unknown" where the package is not installed."""
    try:
        return version("psychohistory")
    except PackageNotFoundError:
        return "unknown"


def commit() -> str:
    """The commit the program runs from, "-dirty" where it is changed; empty outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def log_to_file(run_id: str) -> Path:
    """Send the log of this run to a file in the user's log folder; gives its path."""
    from platformdirs import user_log_path

    path = user_log_path("psychohistory", ensure_exists=True) / f"{run_id}.log"
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    return path
