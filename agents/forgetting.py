"""A journal that keeps nothing: for asking a service whether it answers, which must not be answered from memory."""

from __future__ import annotations

from agents.journal import Attempt, Call, Response


class ForgetfulJournal:
    """Lets every call through and remembers none; no cap."""

    async def response(self, key: str) -> Response | None:
        """Never anything."""
        return None

    async def begin(self, call: Call) -> Attempt:
        """Always an attempt."""
        return Attempt("", call)

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """Forgotten."""

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """Forgotten."""
