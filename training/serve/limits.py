"""How often a key may ask: a token bucket each, in memory. Does not cover several servers behind one address."""

from __future__ import annotations

import math
from collections.abc import Callable


class TokenBuckets:
    """`a_minute` tokens come back a minute, up to `burst`; `clock` is monotonic seconds."""

    def __init__(self, a_minute: int, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = a_minute / 60.0, float(burst), clock
        self._kept: dict[str, tuple[float, float]] = {}

    def take(self, holder: str) -> int:
        """Take a token; 0 where there was one, else the seconds until there is."""
        now = self._clock()
        left, since = self._kept.get(holder, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if left < 1.0:
            self._kept[holder] = (left, now)
            return max(1, math.ceil((1.0 - left) / self._rate))
        self._kept[holder] = (left - 1.0, now)
        return 0
