"""The options that say where a run is done, shared by `export-and-train` and the single stages."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from corpus.errors import PsychoHistoryError
from corpus.snapshot import Snapshot
from training.backends.launching import Launch, Where, launch
from training.backends.request import Command, Ending, Outcome, Request
from training.config import Experiment
from training.costs import Ledger, default_ledger
from training.registry.store import Registry

_Command = Callable[..., None]


def where_options(command: _Command) -> _Command:
    """--backend, --gpu, --max-usd and --detach; the command gets them as one argument, `how`."""

    @functools.wraps(command)
    def with_launch(
        *args: Any, backend: str, gpu: str | None, max_usd: float | None, detach: bool, **rest: Any
    ) -> None:
        command(*args, how=launch_with(Where(backend), gpu, max_usd, detach), **rest)

    wrapped: _Command = with_launch
    for option in reversed(
        [
            click.option("--backend", type=click.Choice([one.value for one in Where]), default=Where.LOCAL.value,
                         show_default=True, help="This machine, or Modal's by the second (docs/modal.md)."),
            click.option("--gpu", help="The GPU on Modal; the cheapest that fits without it."),
            click.option("--max-usd", type=click.FloatRange(min=0, min_open=True),
                         help="Refuse a plan above it, and end the run before it costs more."),
            click.option("--detach", is_flag=True, help="Do not wait; the same command fetches the result later."),
        ]
    ):  # fmt: skip
        wrapped = option(wrapped)
    return wrapped


def launch_with(where: Where, gpu: str | None, max_usd: float | None, detach: bool) -> Launch:
    """How and where a run is done, with the user's own ledger."""
    return Launch(where, Ledger(default_ledger(os.environ)), gpu, max_usd, detach)


def run_where(
    how: Launch,
    command: str,
    experiment: Experiment,
    snapshot: Snapshot,
    out: Path,
    parent: Path | None = None,
    force: bool = False,
    registry: Registry | None = None,
) -> dict[str, Any] | None:
    """Run a command where it was asked for; its result, or None where it goes on elsewhere.

    Raises PsychoHistoryError where it ended without a result.
    """
    request = Request(
        Command(command), experiment, snapshot.folder, snapshot.hash, out, parent, force, registry,
        tell=lambda line: click.echo(line, err=True),
    )  # fmt: skip
    return _result(request, launch(request, how))


def _result(request: Request, outcome: Outcome) -> dict[str, Any] | None:
    match outcome.ending:
        case Ending.RUNNING:
            click.echo(f"{request.name} runs on Modal; the same command shows where it stands and fetches the result.",
                       err=True)  # fmt: skip
            return None
        case Ending.OUT_OF_TIME:
            raise PsychoHistoryError(
                f"{request.name} used its allowance ({outcome.seconds:.0f} s) and was ended; run the same command "
                "with a larger --max-usd to go on from its last checkpoint."
            )
        case Ending.FAILED:
            raise PsychoHistoryError(f"{request.name} failed on Modal: {outcome.why}")
    return outcome.result
