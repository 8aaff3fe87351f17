"""Running many seeds: `LocalRunner` works on this machine, so many at a time.

The runner sees the store only through a `Desk`, so the same coroutine can be handed out by a queue on
several machines later; that runner is not written yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from agents.state import STOPS_THE_RUN, Failure, Researched, Seed

BEAT_SECONDS = 15.0


@dataclass(frozen=True)
class Claim:
    """A seed that this process works on; `ticket` is the desk's own record of it."""

    seed: Seed
    ticket: object


class Desk(Protocol):
    """Where seeds are claimed and results are laid down. Every call may block; the runner uses threads."""

    def claim(self) -> Claim | None:
        """The next seed, or None where none waits."""
        ...

    def finish(self, claim: Claim, result: Researched) -> None:
        """Store the case, its texts and the end of the seed in one transaction."""
        ...

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Note why a seed ended without a case."""
        ...

    def put_back(self, claim: Claim) -> None:
        """Let the seed wait again."""
        ...

    def beat(self) -> None:
        """Show that the run is alive."""
        ...


class Progress(Protocol):
    """What wants to know how the run is getting on."""

    def began(self, worker: int, seed: Seed) -> None:
        """A worker took up a seed."""
        ...

    def ended(self, worker: int, result: Researched) -> None:
        """A worker laid a result down."""
        ...


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    done: int
    failed: int
    stopped: Failure | None = None
    """The failure that stopped the run early; None where all seeds were worked on."""


class LocalRunner:
    """Works through a desk's seeds with bounded concurrency."""

    def __init__(
        self,
        desk: Desk,
        research: Callable[[Seed], Awaitable[Researched]],
        *,
        concurrency: int,
        progress: Progress,
        stop: asyncio.Event,
    ) -> None:
        self._desk, self._research, self._progress, self._stop = desk, research, progress, stop
        self._concurrency = concurrency
        self._done = self._failed = 0
        self._stopped: Failure | None = None

    async def run(self) -> Outcome:
        """Work until no seed waits or `stop` is set; seeds in hand are finished before it returns."""
        beat = asyncio.create_task(self._beat())
        try:
            async with asyncio.TaskGroup() as group:
                for worker in range(self._concurrency):
                    group.create_task(self._work(worker))
        except* OSError as faults:
            raise faults.exceptions[0] from faults
        finally:
            beat.cancel()
        return Outcome(self._done, self._failed, self._stopped)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await asyncio.to_thread(self._desk.beat)

    async def _work(self, worker: int) -> None:
        while not self._stop.is_set():
            claim = await asyncio.to_thread(self._desk.claim)
            if claim is None:
                return
            self._progress.began(worker, claim.seed)
            result = await self._research(claim.seed)
            await self._lay_down(claim, result)
            self._progress.ended(worker, result)

    async def _lay_down(self, claim: Claim, result: Researched) -> None:
        failure = result.failure
        if failure is None:
            await asyncio.to_thread(self._desk.finish, claim, result)
            self._done += 1
        elif failure.kind in STOPS_THE_RUN:
            await asyncio.to_thread(self._desk.put_back, claim)
            self._stopped = failure
            self._stop.set()
        else:
            await asyncio.to_thread(self._desk.fail, claim, failure)
            self._failed += 1
