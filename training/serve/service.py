"""Making trees for many askers with one model: one worker thread, a short queue, a time limit, a cache.

A request waits in line for the one thread that runs the model. When its time is up it gets what is known so
far, marked incomplete, or `TooLate` where nothing is; the thread drops its tree at the next level. The
same happens when the asker goes away, and to all when the server stops. Only complete trees are kept.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field

from corpus.errors import ForecastFailed, PsychoHistoryError, ServerBusy, TooLate
from evaluation.tree import ProbabilityTree
from training.inference import ProbabilityTreeInference
from training.serve.cache import TreeCache, tree_key
from training.serve.metrics import Metrics
from training.trees import Effort, Expansion, Question

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """The last thing of every stream."""

    tree: ProbabilityTree
    cached: bool = False


Event = Expansion | Finished


@dataclass
class _Job:
    """One tree in the making, handed over from the thread of the model to that of the server."""

    question: Question
    effort: Effort
    key: str
    loop: asyncio.AbstractEventLoop
    arrived: asyncio.Queue[Event | Exception] = field(default_factory=asyncio.Queue)
    stop: threading.Event = field(default_factory=threading.Event)

    def hand_over(self, event: Event | Exception) -> None:
        """Give an event to the asker; one whose loop has ended is not waiting any more."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.arrived.put_nowait, event)


class TreeService:
    """Trees of one model."""

    def __init__(
        self,
        inference: ProbabilityTreeInference,
        cache: TreeCache,
        seconds: float,
        waiting: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inference, self._cache, self._seconds, self._most = inference, cache, seconds, waiting
        self._clock = clock
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._waiting = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        trees = [lambda: float(cache.size()[0]), lambda: float(cache.size()[1]), lambda: float(cache.faults)]
        self.metrics = Metrics(
            {
                "waiting": (
                    "Requests in line for the model, the one it works on included.",
                    lambda: float(self._waiting),
                ),
                "tokens_total": (
                    "Tokens read and written by the model.",
                    lambda: float(inference.engine.tokens_used),
                ),
                "cached_trees": ("Trees that are kept.", trees[0]),
                "cached_bytes": ("Their size.", trees[1]),
                "cache_faults_total": ("Times that the cache could not be read or written.", trees[2]),
            }
        )

    async def stream(self, question: Question, effort: Effort) -> AsyncGenerator[Event, None]:
        """Levels as they become known, then the tree. Raises ServerBusy, TooLate, or what the model raised."""
        asked = question.dated()
        key = tree_key(self._inference, asked, effort)
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None:
            self.metrics.count("trees", result="cached")
            yield Finished(kept, cached=True)
            return
        job = _Job(asked, effort, key, asyncio.get_running_loop())
        self._enqueue(job)
        ended = "left"
        try:
            async for event in self._received(job):
                if isinstance(event, Finished):
                    ended = "made" if event.tree.complete else "incomplete"
                    ended = "cached" if event.cached else ended
                yield event
        except TooLate:
            ended = "late"
            raise
        except PsychoHistoryError:
            ended = "failed"
            raise
        finally:
            job.stop.set()
            self.metrics.count("trees", result=ended)

    async def tree(
        self, question: Question, effort: Effort, gone: Callable[[], Awaitable[bool]] | None = None
    ) -> Finished:
        """The tree alone; once its asker is `gone` the model is freed at the next level."""
        last: Event | None = None
        async with aclosing(self.stream(question, effort)) as events:
            async for event in events:
                last = event
                if gone is not None and await gone():
                    break
        if not isinstance(last, Finished):
            raise ForecastFailed("The forecast ended without a tree; the server's log says why.")
        return last

    def stop(self) -> None:
        """Let every tree end at its next level, and take no new one."""
        self._stopping.set()

    def close(self) -> None:
        """Wait for the model to come to its next stop, and give the cache back."""
        self.stop()
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._cache.close()

    def _enqueue(self, job: _Job) -> None:
        with self._lock:
            if self._stopping.is_set() or self._waiting >= self._most:
                raise ServerBusy(
                    "The server is stopping; ask again when it is back."
                    if self._stopping.is_set()
                    else f"{self._waiting} requests wait for the model already; ask again later."
                )
            self._waiting += 1
        self._worker.submit(self._work, job).add_done_callback(self._done)

    def _done(self, _: object) -> None:
        with self._lock:
            self._waiting -= 1

    async def _received(self, job: _Job) -> AsyncGenerator[Event, None]:
        """What the worker hands over, until it is finished or time is up."""
        found: list[Expansion] = []
        ends = job.loop.time() + self._seconds
        while True:
            event = await _next(job.arrived, ends - job.loop.time())
            if isinstance(event, Exception):
                raise event
            if event is None and not found:
                raise TooLate(
                    f"No level was known after {self._seconds:g} seconds; ask again later, or for fewer branches."
                )
            if event is None or isinstance(event, Finished):
                yield event or Finished(self._inference.assembled(job.question, found, complete=False))
                return
            found.append(event)
            yield event

    def _work(self, job: _Job) -> None:
        """Make one tree, in the worker's thread."""
        try:
            self._make(job)
        except PsychoHistoryError as fault:
            job.hand_over(fault)
        except Exception as fault:  # noqa: BLE001 a model may break in any way; the asker must not wait for ever
            _log.exception("The forecast of %r failed", job.question.event)
            job.hand_over(
                ForecastFailed(f"The forecast failed ({type(fault).__name__}); the server's log says why.")
            )

    def _make(self, job: _Job) -> None:
        if job.stop.is_set():
            return
        kept = self._cache.get(job.key)  # another asker of the same tree may have been first in line
        if kept is not None:
            job.hand_over(Finished(kept, cached=True))
            return
        begun, found, complete = self._clock(), list[Expansion](), True
        for expansion in self._inference.stream(job.question, job.effort):
            found.append(expansion)
            self.metrics.count("levels")
            job.hand_over(expansion)
            if job.stop.is_set() or self._stopping.is_set():
                complete = False
                break
        tree = self._inference.assembled(job.question, found, complete=complete)
        if complete:
            self._cache.put(job.key, tree)
            self.metrics.took(self._clock() - begun)
        job.hand_over(Finished(tree))


async def _next(arrived: asyncio.Queue[Event | Exception], seconds: float) -> Event | Exception | None:
    """The next event; None where it does not come in time."""
    if not arrived.empty():
        return arrived.get_nowait()
    try:
        return await asyncio.wait_for(arrived.get(), max(seconds, 0.0))
    except TimeoutError:
        return None
