"""The queue's view of the store is asked for by many at once, and each sees what was there when they asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.curator.queue import drawing
from agents.curator.standing import Standing


class Held:
    """Changes whose every look waits until it is let; and the cases that it speaks of, which are none."""

    def __init__(self) -> None:
        self.looks = 0
        self.begun, self._let = threading.Semaphore(0), threading.Semaphore(0)
        self.fault: Exception | None = None

    def let(self) -> None:
        self._let.release()

    def look(self) -> frozenset[str]:
        self.looks += 1
        self.begun.release()
        assert self._let.acquire(timeout=10)
        if self.fault is not None:
            raise self.fault
        return frozenset({"c1"})

    def list_cases(self, only: frozenset[str]) -> list[object]:
        return []


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_who_comes_during_a_look_shares_one_that_began_after_them() -> None:
    store = Held()
    standing = Standing(store, store, None, drawing(0))  # type: ignore[arg-type]
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(standing.now)
        assert store.begun.acquire(timeout=10)
        others = [pool.submit(standing.now) for _ in range(5)]
        wait_for(lambda: all(one.running() for one in others))
        time.sleep(0.3)  # all of them wait for the lock now
        store.let()
        assert store.begun.acquire(timeout=10), (
            "the look that was under way may have missed what the others did"
        )
        store.let()
        assert first.result(10)[0] == 1
        assert {one.result(10)[0] for one in others} == {2}
    assert store.looks == 2


def test_a_look_that_failed_is_shared_by_nobody() -> None:
    store = Held()
    store.fault = OSError("FICTIONAL")
    standing = Standing(store, store, None, drawing(0))  # type: ignore[arg-type]
    for _ in range(2):
        store.let()
        with pytest.raises(OSError, match="FICTIONAL"):
            standing.now()
    store.fault = None
    store.let()
    assert standing.now()[0] == 1
    assert store.looks == 3
