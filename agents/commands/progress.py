"""How a run shows its progress: live bars on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from agents.state import STOPS_THE_RUN, Researched, Seed, Stage
from corpus.case import Case
from corpus.commandline import counted, printable

LINE_SECONDS = 5.0
"""Plain lines come at most this often, beside the first and the last."""
WORDS_SHOWN = 56
WAITING = "waiting"
"""A seed put back, since what ended it would end every other one too; it is not done."""


def end_of(result: Researched) -> str:
    """What a worker's result is counted as."""
    if result.failure is None:
        return "pending"
    return WAITING if result.failure.kind in STOPS_THE_RUN else "failed"


class LineProgress:
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._total = self._ended = 0
        self._by_end: Counter[str] = Counter()
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, tb: TracebackType | None
    ) -> None:
        return None

    def expect(self, seeds: int, ended: int) -> None:
        """How many seeds there are, and how many an earlier try finished."""
        self._total, self._ended = seeds, ended
        click.echo(
            f"{counted(seeds, 'seed')} to research" + (f", {ended} done before" if ended else ""), err=True
        )

    def staged(self, case: Case, stage: Stage) -> None:
        """A case reached a stage; too fine for lines."""

    def began(self, worker: int, seed: Seed) -> None:
        """A worker took up a seed; too fine for lines."""

    def ended(self, worker: int, result: Researched) -> None:
        """A worker laid a result down."""
        end = end_of(result)
        self._by_end[end] += 1
        self._ended += end != WAITING
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS or self._ended == self._total:
            self._last = now
            counts = ", ".join(f"{count} {name}" for name, count in sorted(self._by_end.items()))
            click.echo(f"{self._ended} of {self._total} seeds: {counts}", err=True)


class LiveProgress:
    """A bar for the run with the time left, and a line a worker with its seed and stage."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            console=console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._workers: dict[int, TaskID] = {}
        self._of_case: dict[str, int] = {}
        self._by_end: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._bars.stop()

    def expect(self, seeds: int, ended: int) -> None:
        """How many seeds there are, and how many an earlier try finished."""
        self._all = self._bars.add_task("seeds", total=seeds, completed=ended, counts="")

    def staged(self, case: Case, stage: Stage) -> None:
        """A case reached a stage."""
        worker = self._of_case.get(case.seed_event)
        if worker is not None:
            done = list(Stage).index(stage)
            self._bars.update(self._workers[worker], completed=done, counts=stage.value)

    def began(self, worker: int, seed: Seed) -> None:
        """A worker took up a seed."""
        words = printable(seed.event)[:WORDS_SHOWN]
        if worker not in self._workers:
            self._workers[worker] = self._bars.add_task(words, total=len(Stage), counts="")
        self._bars.reset(self._workers[worker], description=words, counts="")
        self._of_case[seed.event] = worker

    def ended(self, worker: int, result: Researched) -> None:
        """A worker laid a result down."""
        self._of_case.pop(result.seed.event, None)
        end = end_of(result)
        self._by_end[end] += 1
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self._by_end.items()))
        if self._all is not None:
            self._bars.update(self._all, advance=int(end != WAITING), counts=counts)


RunProgress = LineProgress | LiveProgress


def run_progress() -> RunProgress:
    """Live where standard error is a terminal, lines elsewhere."""
    console = Console(stderr=True)
    return LiveProgress(console) if console.is_terminal else LineProgress()
