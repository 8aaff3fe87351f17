"""How many calls run at once, and how many tokens a minute they may use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.fetching.buckets import Clock, HostLimit, Sleep, TokenBucket

_BYTES_PER_TOKEN = 4
_BURST_SECONDS = 10


class ModelPace:
    """Bounds one server's calls; shared by all roles that use it."""

    def __init__(
        self,
        concurrency: int,
        tokens_per_minute: int | None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._sleep = sleep
        self._quiet_until = 0.0
        self._clock = clock
        self._bucket: TokenBucket | None = None
        if tokens_per_minute:
            burst = max(tokens_per_minute * _BURST_SECONDS // 60, 1)
            self._bucket = TokenBucket(HostLimit(tokens_per_minute, burst=burst), clock, sleep)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places for calls under way."""
        async with self._places:
            yield

    async def wait_for_tokens(self, request_bytes: int, max_output_tokens: int) -> int:
        """Wait until the server may be asked for so much; returns the tokens that were taken."""
        while (wait := self._quiet_until - self._clock()) > 0:
            await self._sleep(wait)
        taken = request_bytes // _BYTES_PER_TOKEN + max_output_tokens
        if self._bucket:
            await self._bucket.take(taken)
        return taken

    def settle(self, taken: int, used: int) -> None:
        """Give back what a call did not use."""
        if self._bucket and used < taken:
            self._bucket.give_back(taken - used)

    def pause(self, seconds: float) -> None:
        """Ask nothing for so long: the server said it is busy."""
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)
