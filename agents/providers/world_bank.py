"""World Bank: yearly indicators by country, without a key.

No vintages are kept: values are today's, revised ones included, so they may tell a role that is allowed
hindsight, and never one that must not know. An error comes as an array of one element under status 200.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.fetching.result import FetchProblem
from agents.providers.base import Access, Observation, ProviderFailure, ProviderInfo
from corpus.case import Terms
from corpus.dates import EventDate
from corpus.errors import InvalidDate

INFO = ProviderInfo(
    name="world_bank",
    gives="yearly indicators by country, today's values (no vintages)",
    services=("world_bank",),
    terms=Terms.OPEN,
    terms_note="CC BY 4.0",
)


class WorldBank:
    """api.worldbank.org."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self.observations("US", "NY.GDP.MKTP.CD", 2019, 2020)
        return found if isinstance(found, ProviderFailure) else None

    async def observations(
        self, country: str, indicator: str, first_year: int, last_year: int
    ) -> Sequence[Observation] | ProviderFailure:
        """Values of an indicator, oldest first; `known_from` is None throughout."""
        params = {"format": "json", "date": f"{first_year}:{last_year}", "per_page": "1000"}
        answer = await self._access.json(f"/v2/country/{country}/indicator/{indicator}", params)
        if isinstance(answer, ProviderFailure):
            return answer
        if isinstance(answer, list) and len(answer) == 1:
            message = f"The World Bank refused {indicator} for {country}: {_said(answer[0])}"
            return self._access.failure(FetchProblem.NOT_FOUND, message)
        if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[1], list | None):
            return self._access.unreadable("rows")
        found = (_observation(row) for row in answer[1] or ())
        return tuple(sorted((o for o in found if o), key=lambda o: o.period))


def _said(error: Any) -> str:
    try:
        return str(error["message"][0]["value"])
    except (KeyError, IndexError, TypeError):
        return "no reason given."


def _observation(row: Any) -> Observation | None:
    try:
        period = EventDate.parse(str(row["date"]).replace("Q", "-Q").replace("M", "-"))
        return Observation(period, float(row["value"]), None)
    except (KeyError, TypeError, ValueError, InvalidDate):
        return None
