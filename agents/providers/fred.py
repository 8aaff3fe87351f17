"""FRED and ALFRED: economic series as they were known on a day (vintages), with a free key.

A value is asked for under one real-time day, so later revisions of it do not leak. "." is a missing value
and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from agents.fetching.result import FetchProblem
from agents.providers.base import Access, Observation, ProviderFailure, ProviderInfo
from agents.providers.searching import at
from corpus.case import Terms
from corpus.dates import EventDate
from corpus.errors import InvalidDate

INFO = ProviderInfo(
    name="fred",
    gives="economic series as known on a day",
    services=("fred",),
    terms=Terms.QUOTATION,
    terms_note="free key; about 120 requests a minute; some series belong to others",
    key_variable="FRED_API_KEY",
)


class Fred:
    """api.stlouisfed.org."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self.observations("GNPCA", date(2020, 1, 1))
        return found if isinstance(found, ProviderFailure) else None

    async def observations(self, series: str, as_of: date) -> Sequence[Observation] | ProviderFailure:
        """All values of a series as they stood on `as_of`, oldest first."""
        day = as_of.isoformat()
        params = {"series_id": series, "realtime_start": day, "realtime_end": day, "file_type": "json"}
        answer = await self._access.json(
            "/fred/series/observations", params, secret_params={"api_key": self._access.key}
        )
        if isinstance(answer, ProviderFailure):
            return self._explained(answer, series, as_of)
        rows = at(answer, "observations")
        if not isinstance(rows, list):
            return self._access.unreadable("observations")
        found = [_observation(row) for row in rows]
        late = next((o for o in found if o and o.known_from and o.known_from > as_of), None)
        if late is not None:
            message = f"FRED sent a vintage of {series} from {late.known_from}, after {as_of}."
            return self._access.failure(FetchProblem.NO_CAPTURE, message)
        return tuple(o for o in found if o is not None)

    def _explained(self, failure: ProviderFailure, series: str, as_of: date) -> ProviderFailure:
        """FRED answers 400 to a wrong key and to an unknown series alike; its text tells them apart."""
        if failure.problem is not FetchProblem.STATUS:
            return failure
        return self._access.failure(
            FetchProblem.STATUS,
            f"FRED has no series {series!r} as of {as_of}, or the key is wrong (check FRED_API_KEY): {failure.message}",
        )


def _observation(row: Any) -> Observation | None:
    """One row; None for a missing value (".") and for rows that cannot be read."""
    try:
        return Observation(
            EventDate.parse(row["date"]), float(row["value"]), date.fromisoformat(row["realtime_start"])
        )
    except (KeyError, TypeError, ValueError, InvalidDate):
        return None
