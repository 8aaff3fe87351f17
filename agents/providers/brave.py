"""Brave Search: web search with a key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from agents.providers.base import Access, Hit, ProviderFailure, ProviderInfo, Query
from agents.providers.searching import PROBE, as_hits, at, with_sites
from corpus.case import Terms

INFO = ProviderInfo(
    name="brave",
    gives="web search",
    services=("brave",),
    terms=Terms.QUOTATION,
    terms_note="1 request a second on the free plan; pages keep their owners' rights",
    key_variable="BRAVE_API_KEY",
)
_EARLIEST = date(1990, 1, 1)
_MOST_RESULTS = 20


class Brave:
    """api.search.brave.com."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self.search(PROBE)
        return found if isinstance(found, ProviderFailure) else None

    async def search(self, query: Query) -> Sequence[Hit] | ProviderFailure:
        """See `WebSearch.search`; `freshness` needs both ends, so an open one is filled in."""
        params = {"q": with_sites(query), "count": str(min(query.count, _MOST_RESULTS)), "offset": "0"}
        if query.since or query.before:
            first, last = query.since or _EARLIEST, query.before or date(2999, 12, 31)
            params["freshness"] = f"{first.isoformat()}to{last.isoformat()}"
        headers = {"X-Subscription-Token": self._access.key}
        answer = await self._access.json("/res/v1/web/search", params, secret_headers=headers)
        if isinstance(answer, ProviderFailure):
            return answer
        rows = at(answer, "web", "results") if at(answer, "web") is not None else []
        return as_hits(
            self._access, rows, query.count, snippet="description", date_fields=["page_age", "age"]
        )
