"""The budget as one process sees it: who holds a reservation, and waiting for one to end.

The cap itself is the journal's: it refuses a reservation that does not fit beside what is spent and what is
held. Worst cases are larger than real costs, so a refusal while calls are under way is no end: they settle
for less. Only when nothing is under way here does the cap stop the run.
"""

from __future__ import annotations

import asyncio

from agents.journal import Attempt, BudgetFull, Call, Journal, NotOnTape


class Reservations:
    """Begins attempts of all models of a run, and knows how many are under way."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._settled = asyncio.Condition()
        self._under_way = 0

    async def begin(self, call: Call) -> Attempt | BudgetFull | NotOnTape:
        """An attempt with its worst case reserved, or the refusal that remains when nothing is under way."""
        async with self._settled:
            while True:
                attempt = await self._journal.begin(call)
                if isinstance(attempt, Attempt):
                    self._under_way += 1
                    return attempt
                if not isinstance(attempt, BudgetFull) or not self._under_way:
                    return attempt
                await self._settled.wait()

    async def ended(self) -> None:
        """One attempt was committed or abandoned; those who wait may try again."""
        async with self._settled:
            self._under_way -= 1
            self._settled.notify_all()
