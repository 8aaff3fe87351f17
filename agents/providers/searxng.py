"""SearXNG: web search by an instance of one's own, without a key.

JSON must be enabled in the instance (`search.formats: [html, json]`); one that has not done so answers
403. Its `time_range` counts back from today and is of no use for the past, so no dates are sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.fetching.result import FetchProblem
from agents.providers.base import Access, Hit, ProviderFailure, ProviderInfo, Query
from agents.providers.searching import PROBE, as_hits, at, with_sites
from corpus.case import Terms

INFO = ProviderInfo(
    name="searxng",
    gives="web search by your own instance",
    services=("searxng",),
    terms=Terms.QUOTATION,
    terms_note="your instance's own limits; pages keep their owners' rights",
)


class SearXNG:
    """A self-hosted metasearch engine."""

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
        """See `WebSearch.search`."""
        params = {"q": with_sites(query), "format": "json", "pageno": "1"}
        answer = await self._access.json("/search", params)
        if isinstance(answer, ProviderFailure):
            if answer.problem is FetchProblem.UNAUTHORISED:
                message = (
                    "The SearXNG instance refuses JSON; enable it in its settings (search.formats: json)."
                )
                return self._access.failure(FetchProblem.NOT_SET_UP, message)
            return answer
        rows = at(answer, "results")
        return as_hits(self._access, rows, query.count, snippet="content", date_fields=["publishedDate"])
