"""A run on a real store: claimed, laid down, stopped, resumed; nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agents.commands.desk import StoreDesk
from agents.researcher import Origin, Researcher
from agents.runner import LocalRunner, Outcome
from agents.state import Failure, FailureKind, Researched, Seed, Stage
from corpus.case import Case
from db.repository import Cases
from db.run_records import Run
from db.runs import Runs
from db.session import Store
from db.tables import RunState, SeedState
from tests.roles import EmptyLibrary, ScriptedRoles, seed, settings

ORIGIN = Origin("r", "0.1.0", lambda: datetime(2024, 1, 1, tzinfo=UTC))


class Silent:
    """Progress that nobody looks at."""

    def began(self, worker: int, seed: Seed) -> None:
        """Nothing."""

    def ended(self, worker: int, result: Researched) -> None:
        """Nothing."""


class Bench:
    """A store with a run of so many seeds."""

    def __init__(self, store: Store, seeds: int) -> None:
        self.store, self.runs = store, Runs(store)
        self.run: Run = self.runs.create({}, settings().model_dump(mode="json"), program="0.1.0", commit="")
        self.desk = StoreDesk(self.runs, self.run)
        self.desk.add([seed(n) for n in range(seeds)])

    def work(
        self, script: ScriptedRoles, stop_after: int | None = None, desk: StoreDesk | None = None
    ) -> Outcome:
        async def go() -> Outcome:
            stop, ended = asyncio.Event(), []
            researcher = Researcher(script.roles(), EmptyLibrary(), settings(), ORIGIN)

            async def research(given: Seed) -> Researched:
                result = await researcher.research(given)
                ended.append(given)
                if stop_after is not None and len(ended) >= stop_after:
                    stop.set()
                return result

            runner = LocalRunner(desk or self.desk, research, concurrency=3, progress=Silent(), stop=stop)
            return await runner.run()

        return asyncio.run(go())

    def counts(self) -> dict[SeedState, int]:
        return {state: n for state, n in self.runs.count_seeds(self.run.run_id).items() if n}


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store, 12)


def test_all_seeds_become_pending_cases(bench: Bench) -> None:
    assert bench.work(ScriptedRoles()) == Outcome(12, 0)
    assert bench.counts() == {SeedState.DONE: 12}
    assert Cases(bench.store).count() == 12


def test_a_stopped_run_goes_on_where_it_was(bench: Bench) -> None:
    first = bench.work(ScriptedRoles(), stop_after=4)
    assert 4 <= first.done <= 6
    bench.runs.finish(bench.run.run_id, RunState.STOPPED, {})
    runs = Runs(bench.store)
    taken = runs.take(bench.run.run_id)
    second = bench.work(ScriptedRoles(), desk=StoreDesk(runs, taken))
    assert first.done + second.done == 12
    assert Cases(bench.store).count() == 12
    assert all(case.revision == 1 for case in Cases(bench.store).list_cases())


def test_failures_are_kept_with_their_stage(bench: Bench) -> None:
    assert bench.work(ScriptedRoles(fail_at=Stage.CHAIN)) == Outcome(0, 12)
    failed = bench.runs.seeds(bench.run.run_id, SeedState.FAILED)
    assert {(f.failure.type, f.failure.message) for f in failed if f.failure} == {
        ("no_evidence", "chain: FICTIONAL trouble")
    }


def test_a_reached_cap_stops_the_run_and_puts_the_seed_back(bench: Bench) -> None:
    class OverBudget(ScriptedRoles):
        async def context(self, view, case: Case):  # type: ignore[no-untyped-def]
            return Failure(kind=FailureKind.OVER_BUDGET, message="cap", stage=Stage.CONTEXT)

    outcome = bench.work(OverBudget())
    assert outcome.stopped is not None
    assert bench.counts() == {SeedState.WAITING: 12}


def test_seeds_come_back_as_they_were_laid_down(bench: Bench) -> None:
    given: Sequence[Seed] = [seed(n) for n in range(12)]
    assert list(bench.desk.seeds()) == list(given)
    assert bench.desk.add(given) == 0
