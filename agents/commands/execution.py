"""Carrying a run out: graphs, runner, store and progress brought together, and the summary at the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from agents.archive import Archive
from agents.commands.desk import StoreDesk
from agents.commands.equipment import Equipment, equipped
from agents.commands.model_options import ModelRequest
from agents.commands.opening import log_to_file, program_version
from agents.commands.progress import RunProgress, run_progress
from agents.commands.returned import returned_seeds
from agents.graph import RunNodes, build_run_graph
from agents.researcher import Origin, Researcher
from agents.runner import LocalRunner, Outcome
from agents.state import RunSettings, RunState, Seed
from corpus.identity import case_id
from db.clock import utc_now
from db.repository import Cases
from db.run_records import Run
from db.runs import Runs
from db.session import Store
from db.tables import RunState as StoredState
from db.tables import SeedState


@dataclass(frozen=True)
class Finished:
    """A run that ended, for the summary."""

    run: Run
    notes: tuple[str, ...]
    log: Path
    stopped: bool


class Execution:
    """One run, from its first seed or from where it stopped."""

    def __init__(self, store: Store, archive: Archive, runs: Runs, run: Run, models: ModelRequest) -> None:
        self._runs, self._run = runs, run
        self._store, self._archive, self._models = store, archive, models
        self._settings = RunSettings.model_validate(run.resolved)
        self._desk = StoreDesk(runs, run)
        self._log = log_to_file(run.run_id)
        self._outcome: Outcome | None = None
        self._said: list[str] = []

    def carry_out(self) -> Finished:
        """Run until all seeds are done or somebody stops it; the store knows which."""
        try:
            with run_progress() as progress:
                state, interrupted = asyncio.run(self._equipped(progress))
        except asyncio.CancelledError:  # a second Ctrl-C
            state, interrupted = RunState(notes=()), True
        notes = (*state.get("notes", ()), *self._said)
        stopped_by = self._outcome.stopped if self._outcome else None
        if stopped_by:
            notes = (*notes, stopped_by.message)
        waiting = self._runs.count_seeds(self._run.run_id)[SeedState.WAITING]
        stopped = interrupted or bool(stopped_by) or bool(state.get("failure")) or waiting > 0
        summary = {"notes": list(notes)}
        run = self._runs.finish(
            self._run.run_id, StoredState.STOPPED if stopped else StoredState.FINISHED, summary
        )
        return Finished(run, notes, self._log, stopped)

    async def _equipped(self, progress: RunProgress) -> tuple[RunState, bool]:
        async with equipped(
            self._models, self._store, self._archive, self._run.run_id, self._settings
        ) as equipment:
            self._said = equipment.notes
            return await self._carry_out(progress, equipment)

    async def _carry_out(self, progress: RunProgress, equipment: Equipment) -> tuple[RunState, bool]:
        stop = asyncio.Event()
        interrupted = _stop_on_ctrl_c(stop)
        origin = Origin(self._run.run_id, program_version(), utc_now)
        researcher = Researcher(equipment.roles, equipment.library, self._settings, origin, progress.staged)
        runner = LocalRunner(
            self._desk,
            researcher.research,
            concurrency=self._settings.concurrency,
            progress=progress,
            stop=stop,
        )

        async def store_seeds(seeds: Sequence[Seed], notes: Sequence[str]) -> None:
            await asyncio.to_thread(self._lay_down, seeds)

        async def research(seeds: Sequence[Seed]) -> tuple[int, int]:
            counts = await asyncio.to_thread(self._runs.count_seeds, self._run.run_id)
            progress.expect(sum(counts.values()), counts[SeedState.DONE] + counts[SeedState.FAILED])
            self._outcome = await runner.run()
            return self._outcome.done, self._outcome.failed

        nodes = RunNodes(equipment.roles, equipment.library, store_seeds, research)
        known = await asyncio.to_thread(self._desk.seeds)
        first = RunState(settings=self._settings, seeds=known, notes=(), done=0, failed=0)
        last = cast(RunState, await build_run_graph(nodes).ainvoke(first))
        return last, bool(interrupted)

    def _lay_down(self, found: Sequence[Seed]) -> None:
        """The cases that were sent back, then what the Brainstormer found, up to the number asked for."""
        returned = returned_seeds(Cases(self._store), self._settings)
        if returned:
            many = (
                f"{len(returned)} cases that need work are"
                if len(returned) > 1
                else "1 case that needs work is"
            )
            self._said.append(f"{many} researched again, with the curator's note.")
        known = {seed.case_id for seed in returned}
        new = [seed for seed in found if case_id(seed.event, seed.date, seed.domain) not in known]
        self._desk.add((*returned, *new[: max(0, self._settings.num_cases - len(returned))]))


def _stop_on_ctrl_c(stop: asyncio.Event) -> list[bool]:
    """The first Ctrl-C lets the seeds in hand finish, the second breaks off. Gives a list that is then not empty."""
    pressed: list[bool] = []
    loop = asyncio.get_running_loop()
    main_task = asyncio.current_task()

    def press() -> None:
        pressed.append(True)
        stop.set()
        if len(pressed) == 1:
            click.echo("\nStopping after the cases in hand; press Ctrl-C again to break off.", err=True)
        elif main_task is not None:
            main_task.cancel()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, press)
    return pressed


def run_record(finished: Finished, cases: Sequence[Any], failures: Sequence[Any]) -> dict[str, Any]:
    """What `--json` prints of a run."""
    return {
        "run": finished.run.run_id,
        "state": finished.run.state.value,
        "cases": [
            {
                "case_id": c.case_id, "seed_event": c.seed_event, "seed_date": str(c.seed_date), "domain": c.domain,
                "depth": c.depth, "status": c.status.value, "errors": c.error_count, "warnings": c.warning_count,
            }
            for c in cases
        ],
        "failed": [
            {"seed_event": s.seed["event"], "type": s.failure.type, "message": s.failure.message} for s in failures
        ],
        "notes": list(finished.notes),
        "log": str(finished.log),
    }  # fmt: skip
