"""Exa: web search with a key. Its fields are camelCase; a snake_case date is ignored without an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.providers.base import Access, Hit, ProviderFailure, ProviderInfo, Query
from agents.providers.searching import PROBE, as_hits, at
from corpus.case import Terms

INFO = ProviderInfo(
    name="exa",
    gives="web search",
    services=("exa",),
    terms=Terms.QUOTATION,
    terms_note="by plan; pages keep their owners' rights",
    key_variable="EXA_API_KEY",
)


class Exa:
    """api.exa.ai."""

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
        """See `WebSearch.search`. Page texts are not asked for: the firewall reads pages itself."""
        body: dict[str, Any] = {"query": query.words, "numResults": query.count}
        if query.since:
            body["startPublishedDate"] = f"{query.since.isoformat()}T00:00:00.000Z"
        if query.before:
            body["endPublishedDate"] = f"{query.before.isoformat()}T23:59:59.999Z"
        if query.domains:
            body["includeDomains"] = list(query.domains)
        answer = await self._access.json("/search", post=body, secret_headers={"x-api-key": self._access.key})
        if isinstance(answer, ProviderFailure):
            return answer
        rows = at(answer, "results")
        return as_hits(self._access, rows, query.count, snippet="text", date_fields=["publishedDate"])
