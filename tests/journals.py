"""A journal in memory with the real one's rules, for tests of what stands above it."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.journal import Attempt, BudgetFull, Call, Response


@dataclass
class MemoryJournal:
    """Attempts, responses and a cap; nothing survives the process."""

    cap_nanousd: int | None = None
    responses: dict[str, Response] = field(default_factory=dict)
    open: dict[str, Call] = field(default_factory=dict)
    closed: list[tuple[Call, str, bool]] = field(default_factory=list)
    begun: int = 0
    lost_nanousd: int = 0
    highest_nanousd: int = 0

    @property
    def spent_nanousd(self) -> int:
        """Committed costs and billable losses."""
        return sum(response.cost_nanousd for response in self.responses.values()) + self.lost_nanousd

    @property
    def reserved_nanousd(self) -> int:
        """Held by calls in flight."""
        return sum(call.reserve_nanousd for call in self.open.values())

    async def response(self, key: str) -> Response | None:
        return self.responses.get(key)

    async def begin(self, call: Call) -> Attempt | BudgetFull:
        held = self.spent_nanousd + self.reserved_nanousd
        if self.cap_nanousd is not None and held + call.reserve_nanousd > self.cap_nanousd:
            return BudgetFull(
                self.cap_nanousd, self.spent_nanousd, self.reserved_nanousd, call.reserve_nanousd
            )
        self.begun += 1
        attempt = Attempt(str(self.begun), call)
        self.open[attempt.id] = call
        return attempt

    async def commit(self, attempt: Attempt, response: Response) -> None:
        del self.open[attempt.id]
        self.responses[attempt.call.key] = response
        self.highest_nanousd = max(self.highest_nanousd, self.spent_nanousd)

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        call = self.open.pop(attempt.id)
        self.closed.append((call, reason, billable))
        if billable:
            self.lost_nanousd += call.reserve_nanousd
