"""Token buckets: how fast requests leave, with a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fetching.buckets import HostGate, HostLimit, TokenBucket


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        due = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, due)


def run(make: Callable[[Clock], Coroutine[None, None, list[float]]]) -> list[float]:
    return asyncio.run(make(Clock()))


@settings(max_examples=60)
@given(st.floats(1, 600), st.integers(1, 10), st.integers(1, 40))
def test_never_more_than_the_rate_after_the_burst(per_minute: float, burst: int, count: int) -> None:
    async def go(clock: Clock) -> list[float]:
        bucket = TokenBucket(HostLimit(per_minute, burst=burst), clock, clock.sleep)
        times = []
        for _ in range(count):
            await bucket.take()
            times.append(clock.now)
        return times

    times = run(go)
    interval = 60 / per_minute
    for i, time in enumerate(times):
        assert time >= 1000.0 + max(0, i - burst + 1) * interval - 1e-6
        assert time <= 1000.0 + max(0, i - burst + 1) * interval + 1e-6


def test_a_pause_holds_back_those_who_wait_already() -> None:
    async def go(clock: Clock) -> list[float]:
        bucket = TokenBucket(HostLimit(per_minute=60), clock, clock.sleep)
        await bucket.take()
        waiting = asyncio.create_task(bucket.take())
        await asyncio.sleep(0)
        bucket.pause(90)
        await waiting
        return [clock.now]

    assert run(go)[0] >= 1090


def test_parallel_requests_to_one_host_are_bounded_and_others_are_free() -> None:
    async def go() -> tuple[int, int]:
        gate = HostGate(
            {"slow.example": HostLimit(60_000, parallel=3, burst=100)}, HostLimit(60_000, 50, 100)
        )
        at_once = {"slow.example": 0, "free.example": 0}
        most = dict(at_once)

        async def one(host: str) -> None:
            async with gate.passage(host):
                at_once[host] += 1
                most[host] = max(most[host], at_once[host])
                await asyncio.sleep(0.001)
                at_once[host] -= 1

        await asyncio.gather(*(one(host) for host in at_once for _ in range(20)))
        return most["slow.example"], most["free.example"]

    assert asyncio.run(go()) == (3, 20)


def test_a_longer_crawl_delay_slows_a_host_and_a_shorter_one_does_not_speed_it_up() -> None:
    async def go(clock: Clock) -> list[float]:
        gate = HostGate({}, HostLimit(per_minute=60, burst=5), clock, clock.sleep)
        gate.slow_down("site.example", 0.1)
        for _ in range(5):
            async with gate.passage("site.example"):
                pass
        fast = clock.now
        gate.slow_down("site.example", 10)
        for _ in range(3):
            async with gate.passage("site.example"):
                pass
        return [fast, clock.now]

    fast, slow = run(go)
    assert fast == 1000.0
    assert slow >= 1020.0


def test_a_limit_is_found_by_host_and_by_host_with_port() -> None:
    own, default = HostLimit(5), HostLimit(7)
    gate = HostGate({"a.example": own, "b.example:81": own}, default)
    assert gate.limit("a.example:8080") is own
    assert gate.limit("b.example:81") is own
    assert gate.limit("b.example:82") is default


def test_a_path_below_a_host_may_have_its_own_limit() -> None:
    gate = HostGate({"a.example/cdx": HostLimit(5), "a.example": HostLimit(9)}, HostLimit(7))
    assert gate.key_of("https://a.example/cdx/search") == "a.example/cdx"
    assert gate.key_of("https://a.example/web/1") == "a.example"
    assert gate.limit(gate.key_of("https://a.example/cdx/search")).per_minute == 5
    assert gate.key_of("http://127.0.0.1:81/cdx") == "127.0.0.1:81"
