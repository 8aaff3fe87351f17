"""The journal of the store, as the agents' interface has it: every call in a thread, so that nothing waits.

Wired in by the command line; the rest of the agents knows `agents.journal` only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from agents.journal import Attempt, BudgetFull, Call, Response
from db.journal import CallRecord, Journal, ResponseRecord
from db.tables import CallKind

T = TypeVar("T")
_THREADS = 4


class StoreJournal:
    """`agents.journal.Journal` over `db.journal.Journal`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="journal")

    async def response(self, key: str) -> Response | None:
        """See `Journal.response`."""
        found = await self._run(lambda: self._journal.lookup(key))
        return Response(found.body, found.meta, found.cost_nanousd) if found else None

    async def begin(self, call: Call) -> Attempt | BudgetFull:
        """See `Journal.begin`."""
        record = CallRecord(call.key, CallKind(call.kind), call.label, call.request, call.reserve_nanousd)
        begun = await self._run(lambda: self._journal.begin(record))
        if isinstance(begun, int):
            return Attempt(str(begun), call)
        return BudgetFull(
            begun.cap_nanousd, begun.spent_nanousd, begun.reserved_nanousd, begun.wanted_nanousd
        )

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """See `Journal.commit`."""
        record = ResponseRecord(response.body, response.meta, response.cost_nanousd)
        await self._run(lambda: self._journal.finish(int(attempt.id), record))

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """See `Journal.abandon`."""
        cost = None if billable else 0
        await self._run(lambda: self._journal.fail(int(attempt.id), reason, cost_nanousd=cost))

    def close(self) -> None:
        """Wait for what is being written."""
        self._threads.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
