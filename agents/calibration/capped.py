"""A cap over one calibration: the journal below, and a reservation before each call."""

from __future__ import annotations

from agents.journal import Attempt, BudgetFull, Call, Journal, NotOnTape, Response


class CappedJournal:
    """Hands calls on to a journal as long as spent, held and wanted fit under the cap. For one process."""

    def __init__(self, journal: Journal, cap_nanousd: int | None) -> None:
        self._journal = journal
        self._cap = cap_nanousd
        self._held: dict[str, int] = {}
        self.spent_nanousd = 0

    async def response(self, key: str) -> Response | None:
        """See `Journal.response`."""
        return await self._journal.response(key)

    async def begin(self, call: Call) -> Attempt | BudgetFull | NotOnTape:
        """See `Journal.begin`; the worst case is held before anything is awaited."""
        held, wanted = sum(self._held.values()), call.reserve_nanousd
        if self._cap is not None and self.spent_nanousd + held + wanted > self._cap:
            return BudgetFull(self._cap, self.spent_nanousd, held, wanted)
        self._held[call.key] = self._held.get(call.key, 0) + wanted
        attempt = await self._journal.begin(call)
        if not isinstance(attempt, Attempt):
            self._release(call)
        return attempt

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """See `Journal.commit`."""
        await self._journal.commit(attempt, response)
        self._release(attempt.call)
        self.spent_nanousd += response.cost_nanousd

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """See `Journal.abandon`."""
        await self._journal.abandon(attempt, reason, billable=billable)
        self._release(attempt.call)
        self.spent_nanousd += attempt.call.reserve_nanousd if billable else 0

    def _release(self, call: Call) -> None:
        self._held[call.key] = self._held.get(call.key, 0) - call.reserve_nanousd
