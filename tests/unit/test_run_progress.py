"""What a run's progress counts. FICTIONAL seeds."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from agents.commands.progress import LineProgress, LiveProgress
from agents.state import Failure, FailureKind, Researched, Seed, Stage
from corpus.dates import EventDate

SEED = Seed(
    event="The mill at Ostra burns (FICTIONAL)", domain="economics", date=EventDate.parse("2020-01-02")
)


def ended(kind: FailureKind | None) -> Researched:
    failure = None if kind is None else Failure(kind=kind, message="so it was", stage=Stage.CHAIN)
    return Researched(SEED, failure=failure)


RESULTS = (None, FailureKind.BROKEN, FailureKind.OVER_BUDGET, FailureKind.NO_SERVICE)


def test_a_seed_put_back_waits_and_is_neither_done_nor_failed(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress()
    progress.expect(4, 1)
    for kind in RESULTS:
        progress.ended(0, ended(kind))
    progress.ended(0, ended(None))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "4 of 4 seeds: 1 failed, 2 pending, 2 waiting"


def test_the_bar_counts_as_the_lines_do() -> None:
    written = io.StringIO()
    with LiveProgress(Console(file=written, force_terminal=True, width=120)) as progress:
        progress.expect(4, 1)
        progress.began(0, SEED)
        for kind in RESULTS:
            progress.ended(0, ended(kind))
        task = progress._bars.tasks[0]
        assert task.completed == 3
        assert task.fields["counts"] == "1 failed, 1 pending, 2 waiting"
