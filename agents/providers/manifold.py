"""Manifold: play-money markets and their probabilities at a moment, without a key.

Training on the data is allowed for non-commercial use only; every forecast carries that tag. The price at a
moment is the probability after the last bet before it; a market without a bet by then has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from agents.providers.base import Access, Forecast, ProviderFailure, ProviderInfo
from corpus.case import Terms

INFO = ProviderInfo(
    name="manifold",
    gives="play-money market probabilities at a moment (since 2021-12)",
    services=("manifold",),
    terms=Terms.NON_COMMERCIAL,
    terms_note="training for non-commercial use only; 500 requests a minute",
)


class Manifold:
    """api.manifold.markets."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self._markets("rate", 1)
        return found if isinstance(found, ProviderFailure) else None

    async def forecasts(
        self, words: str, as_of: datetime, count: int = 5
    ) -> Sequence[Forecast] | ProviderFailure:
        """Probabilities at `as_of` of the yes/no markets that Manifold finds for `words`."""
        markets = await self._markets(words, max(count * 4, 20))
        if isinstance(markets, ProviderFailure):
            return markets
        found: list[Forecast] = []
        for market in markets:
            if len(found) >= count or not _open_at(market, as_of):
                continue
            forecast = await self._at(market, as_of)
            if isinstance(forecast, ProviderFailure):
                return forecast
            found += [forecast] if forecast else []
        return tuple(found)

    async def _markets(self, words: str, limit: int) -> list[dict[str, Any]] | ProviderFailure:
        params = {"term": words, "filter": "resolved", "contractType": "BINARY", "limit": str(limit)}
        answer = await self._access.json("/v0/search-markets", params)
        if isinstance(answer, ProviderFailure):
            return answer
        if not isinstance(answer, list):
            return self._access.unreadable("markets")
        return [row for row in answer if isinstance(row, dict) and row.get("id") and row.get("question")]

    async def _at(self, market: dict[str, Any], as_of: datetime) -> Forecast | ProviderFailure | None:
        before = int(as_of.timestamp() * 1000)
        params = {"contractId": str(market["id"]), "beforeTime": str(before), "limit": "1", "order": "desc"}
        bets = await self._access.json("/v0/bets", params)
        if isinstance(bets, ProviderFailure):
            return bets
        bet = bets[0] if isinstance(bets, list) and bets and isinstance(bets[0], dict) else {}
        made, probability = _moment(bet.get("createdTime")), bet.get("probAfter")
        if (
            made is None
            or made > as_of
            or not isinstance(probability, int | float)
            or not 0 <= probability <= 1
        ):
            return None
        traders = market.get("uniqueBettorCount")
        return Forecast(
            question=str(market["question"]),
            option="YES",
            probability=float(probability),
            at=made,
            venue="Manifold",
            url=str(market.get("url") or f"https://manifold.markets/market/{market['id']}"),
            terms=Terms.NON_COMMERCIAL,
            samples=traders if isinstance(traders, int) and traders > 0 else None,
            closes=_moment(market.get("closeTime")),
        )


def _open_at(market: dict[str, Any], as_of: datetime) -> bool:
    made, resolved = _moment(market.get("createdTime")), _moment(market.get("resolutionTime"))
    return made is not None and made <= as_of and (resolved is None or resolved > as_of)


def _moment(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
