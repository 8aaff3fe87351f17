"""How often each host may be asked: one token bucket and one bound on parallel requests per host.

The figures come from configuration (`hosts.toml`), never from here. Limits hold within one process;
sharing them between machines is not covered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

Clock = Callable[[], float]
"""Seconds on a monotonic clock."""
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class HostLimit:
    """What one host allows."""

    per_minute: float
    parallel: int = 4
    burst: int = 1
    """Requests that may leave at once after a pause."""
    pause_after_429_s: float = 60.0
    """How long to leave the host alone when it says 429 and names no time."""


class TokenBucket:
    """Hands out `per_minute` tokens a minute, at most `burst` at once; callers wait in order."""

    def __init__(self, limit: HostLimit, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._interval = 60.0 / limit.per_minute
        self._burst = max(limit.burst, 1)
        self._clock = clock
        self._sleep = sleep
        self._next = clock() - self._interval * (self._burst - 1)
        """When the next token falls due; tokens saved up lie in the past."""
        self._quiet_until = 0.0

    async def take(self, tokens: float = 1.0) -> None:
        """Wait until a token is there and take it."""
        now = self._clock()
        due = max(self._next, now - self._interval * (self._burst - 1))
        self._next = due + self._interval * tokens
        while (wait := max(due, self._quiet_until) - self._clock()) > 0:
            await self._sleep(wait)

    def give_back(self, tokens: float) -> None:
        """Return tokens that were taken and not used."""
        self._next -= self._interval * tokens

    def pause(self, seconds: float) -> None:
        """Hand out nothing for so long, to those who wait already too: the host asked for quiet."""
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)
        self._next = max(self._next, self._quiet_until)


class HostGate:
    """Lets requests to each host through at its pace."""

    def __init__(
        self,
        limits: Mapping[str, HostLimit],
        default: HostLimit,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._default = default
        self._clock = clock
        self._sleep = sleep
        self._gates: dict[str, tuple[TokenBucket, asyncio.Semaphore]] = {}

    def limit(self, host: str) -> HostLimit:
        """The limit of a host (`name`, or `name:port` where configured so): its own, else the default."""
        return self._limits.get(host) or self._limits.get(host.partition(":")[0]) or self._default

    def key_of(self, url: str) -> str:
        """What a request counts against: the longest configured `host/path` it lies under, else its host."""
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
        address = f"{parts.hostname or ''}{parts.path}"
        under = [key for key in self._limits if "/" in key and address.startswith(key)]
        return max(under, key=len, default=host)

    @asynccontextmanager
    async def passage(self, host: str) -> AsyncIterator[None]:
        """Hold a place among the host's parallel requests, entered when its bucket has a token."""
        bucket, places = self._gate(host)
        async with places:
            await bucket.take()
            yield

    def pause(self, host: str, seconds: float | None) -> float:
        """Leave a host alone for so long, or as long as its configuration says; returns the seconds."""
        quiet = self.limit(host).pause_after_429_s if seconds is None else seconds
        self._gate(host)[0].pause(quiet)
        return quiet

    def slow_down(self, host: str, delay_s: float) -> None:
        """Honour a crawl delay that is longer than the host's own limit."""
        limit = self.limit(host)
        if 60.0 / delay_s >= limit.per_minute:
            return
        slower = HostLimit(60.0 / delay_s, parallel=1, burst=1, pause_after_429_s=limit.pause_after_429_s)
        self._gates[host] = (TokenBucket(slower, self._clock, self._sleep), asyncio.Semaphore(1))

    def _gate(self, host: str) -> tuple[TokenBucket, asyncio.Semaphore]:
        if host not in self._gates:
            limit = self.limit(host)
            self._gates[host] = (
                TokenBucket(limit, self._clock, self._sleep),
                asyncio.Semaphore(max(limit.parallel, 1)),
            )
        return self._gates[host]
