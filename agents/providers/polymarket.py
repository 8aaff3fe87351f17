"""Polymarket: resolved markets and their prices at a moment, without a key.

Several fields of its market list are JSON inside strings. Prices come from the data interface; where that
has none, from the older one. Its permanent history starts on 2022-11-18; blocked in some countries (451).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.fetching.result import FetchProblem
from agents.providers.base import Access, Forecast, ProviderFailure, ProviderInfo
from agents.providers.searching import at
from corpus.case import Terms
from corpus.text import content_words

INFO = ProviderInfo(
    name="polymarket",
    gives="market prices at a moment (history since 2022-11)",
    services=("polymarket_gamma", "polymarket_data", "polymarket_clob"),
    terms=Terms.UNKNOWN,
    terms_note="no terms for the data were found; 300 requests in 10 s; blocked in some countries",
)
_PAGE, _PAGES = 500, 4
_FEWEST_SHARED = 2
_STALE = timedelta(days=30)
"""A price older than this at the moment asked for says nothing of it."""


@dataclass(frozen=True)
class Market:
    """A question with its options, and the tokens that their prices go by."""

    question: str
    slug: str
    options: tuple[str, ...]
    tokens: tuple[str, ...]
    opened: datetime | None
    closes: datetime | None


class Polymarket:
    """gamma-api, data-api and clob of polymarket.com."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self.markets(limit=1, offset=0)
        return found if isinstance(found, ProviderFailure) else None

    async def forecasts(
        self, words: str, as_of: datetime, count: int = 5
    ) -> Sequence[Forecast] | ProviderFailure:
        """Prices at `as_of` of the options of the markets that share most words with `words`."""
        wanted = set(content_words(words))
        listed: list[Market] = []
        for page in range(_PAGES):
            found = await self.markets(limit=_PAGE, offset=page * _PAGE)
            if isinstance(found, ProviderFailure):
                return found
            listed += found
            if len(found) < _PAGE:
                break
        shared = [(len(wanted & set(content_words(market.question))), market) for market in listed]
        ranked = sorted(
            (pair for pair in shared if pair[0] >= _FEWEST_SHARED), key=lambda p: (-p[0], p[1].slug)
        )
        return await self._prices([market for _, market in ranked if _open_at(market, as_of)][:count], as_of)

    async def _prices(
        self, markets: Sequence[Market], as_of: datetime
    ) -> Sequence[Forecast] | ProviderFailure:
        forecasts: list[Forecast] = []
        for market in markets:
            for option, token in zip(market.options, market.tokens, strict=True):
                price = await self.price(token, as_of)
                if isinstance(price, ProviderFailure):
                    return price
                if price is not None:
                    forecasts.append(_forecast(market, option, *price))
        return tuple(forecasts)

    async def markets(self, *, limit: int, offset: int) -> list[Market] | ProviderFailure:
        """A page of closed markets."""
        params = {"closed": "true", "limit": str(limit), "offset": str(offset)}
        answer = await self._access.json("/markets", params, service="polymarket_gamma")
        if isinstance(answer, ProviderFailure):
            return answer
        if not isinstance(answer, list):
            return self._access.unreadable("markets")
        return [market for row in answer if (market := _market(row)) is not None]

    async def price(self, token: str, as_of: datetime) -> tuple[float, datetime] | ProviderFailure | None:
        """The last price of a token at or before a moment, and when it was; None where there was none."""
        moment = int(as_of.timestamp())
        newer = {"token_id": token, "as_of": str(moment)}
        answer = await self._access.json("/v2/prices-history", newer, service="polymarket_data")
        price = _last_price(answer, as_of)
        if price is not None:
            return price
        start = str(int((as_of - _STALE).timestamp()))
        older = {"market": token, "startTs": start, "endTs": str(moment), "fidelity": "1440"}
        answer = await self._access.json("/prices-history", older, service="polymarket_clob")
        if isinstance(answer, ProviderFailure):
            return None if answer.problem is FetchProblem.NOT_FOUND else answer
        return _last_price(answer, as_of)


def _market(row: Any) -> Market | None:
    """A market whose options and tokens can be read; None for any other row."""
    try:
        options, tokens = _listed(row["outcomes"]), _listed(row["clobTokenIds"])
        if len(options) != len(tokens) or not options:
            return None
        return Market(
            str(row["question"]), str(row.get("slug") or row.get("conditionId") or ""), options, tokens,
            _moment(row.get("startDate")), _moment(row.get("endDate")),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None


def _listed(value: Any) -> tuple[str, ...]:
    """An array, or an array written as JSON inside a string."""
    items = json.loads(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError("no array")
    return tuple(str(item) for item in items)


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _open_at(market: Market, as_of: datetime) -> bool:
    return (market.opened is None or market.opened <= as_of) and (
        market.closes is None or market.closes > as_of
    )


def _last_price(answer: Any, as_of: datetime) -> tuple[float, datetime] | None:
    """The newest point not after the moment and not stale; a server that sends later points changes nothing."""
    points = at(answer, "history")
    found: list[tuple[datetime, float]] = []
    for point in points if isinstance(points, list) else ():
        try:
            moment, price = datetime.fromtimestamp(float(point["t"]), as_of.tzinfo), float(point["p"])
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            continue
        if as_of - _STALE <= moment <= as_of and 0 <= price <= 1:
            found.append((moment, price))
    if not found:
        return None
    moment, price = max(found)
    return price, moment


def _forecast(market: Market, option: str, price: float, moment: datetime) -> Forecast:
    return Forecast(
        question=market.question,
        option=option,
        probability=price,
        at=moment,
        venue="Polymarket",
        url=f"https://polymarket.com/market/{market.slug}",
        terms=INFO.terms,
        closes=market.closes,
    )
