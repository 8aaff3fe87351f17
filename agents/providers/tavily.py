"""Tavily: web search with a key. The page texts it can send along are not asked for (see `base`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.providers.base import Access, Hit, ProviderFailure, ProviderInfo, Query
from agents.providers.searching import PROBE, as_hits, at
from corpus.case import Terms

INFO = ProviderInfo(
    name="tavily",
    gives="web search",
    services=("tavily",),
    terms=Terms.QUOTATION,
    terms_note="by plan; pages keep their owners' rights",
    key_variable="TAVILY_API_KEY",
)


class Tavily:
    """api.tavily.com."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request; costs one credit."""
        found = await self.search(PROBE)
        return found if isinstance(found, ProviderFailure) else None

    async def search(self, query: Query) -> Sequence[Hit] | ProviderFailure:
        """See `WebSearch.search`."""
        body: dict[str, Any] = {
            "query": query.words,
            "search_depth": "basic",
            "max_results": min(query.count, 20),
            "topic": "general",
            "include_raw_content": False,
        }
        if query.since:
            body["start_date"] = query.since.isoformat()
        if query.before:
            body["end_date"] = query.before.isoformat()
        if query.domains:
            body["include_domains"] = list(query.domains)
        headers = {"Authorization": f"Bearer {self._access.key}"}
        answer = await self._access.json("/search", post=body, secret_headers=headers)
        if isinstance(answer, ProviderFailure):
            return answer
        rows = at(answer, "results")
        return as_hits(self._access, rows, query.count, snippet="content", date_fields=["published_date"])
