"""Four search engines over one list of FICTIONAL pages, each with its own protocol and its own traps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import Answer, Seen, as_json, page


@dataclass(frozen=True)
class Row:
    """A page that the engines know."""

    url: str
    title: str
    date: str
    text: str = "FICTIONAL"


@dataclass
class SearchEngines:
    """SearXNG, Tavily, Brave and Exa on one host, told apart by their paths and headers."""

    rows: list[Row] = field(default_factory=list)
    key: str = "right"
    ignores_dates: bool = False
    json_enabled: bool = True

    def __call__(self, seen: Seen) -> Answer:
        if seen.path == "/search" and seen.method == "GET":
            return self._searxng(seen)
        if seen.path == "/res/v1/web/search":
            return self._brave(seen)
        if "x-api-key" in seen.headers:
            return self._exa(seen)
        return self._tavily(seen)

    def _within(self, first: str | None, last: str | None) -> list[Row]:
        if self.ignores_dates:
            return self.rows
        return [row for row in self.rows if (first or "") <= row.date <= (last or "9999")]

    def _searxng(self, seen: Seen) -> Answer:
        if not self.json_enabled:
            return page("<html>Forbidden</html>", status=403)
        rows = [
            {"url": row.url, "title": row.title, "content": row.text, "engine": "x",
             "publishedDate": f"{row.date}T08:00:00"}
            for row in self.rows
        ]  # fmt: skip
        return as_json({"query": seen.query["q"], "results": rows})

    def _brave(self, seen: Seen) -> Answer:
        if seen.headers.get("x-subscription-token") != self.key:
            return as_json(
                {"type": "ErrorResponse", "error": {"code": "SUBSCRIPTION_TOKEN_INVALID"}}, status=401
            )
        first, _, last = seen.query.get("freshness", "to").partition("to")
        rows = [
            {"url": row.url, "title": row.title, "description": row.text, "page_age": f"{row.date}T08:00:00",
             "age": "3 days ago"}
            for row in self._within(first or None, last or None)
        ]  # fmt: skip
        return as_json(
            {"type": "search", "web": {"type": "search", "results": rows}} if rows else {"type": "search"}
        )

    def _exa(self, seen: Seen) -> Answer:
        if seen.headers["x-api-key"] != self.key:
            return as_json({"error": "Invalid API key"}, status=401)
        asked: dict[str, Any] = seen.json()
        first = str(asked.get("startPublishedDate", ""))[:10]
        last = str(asked.get("endPublishedDate", ""))[:10]
        rows = [
            {"url": row.url, "title": row.title, "publishedDate": f"{row.date}T08:00:00.000Z", "id": row.url}
            for row in self._within(first or None, last or None)
        ]
        return as_json({"requestId": "1", "results": rows[: asked["numResults"]]})

    def _tavily(self, seen: Seen) -> Answer:
        if seen.headers.get("authorization") != f"Bearer {self.key}":
            return as_json({"detail": {"error": "Unauthorized: missing or invalid API key."}}, status=401)
        asked: dict[str, Any] = seen.json()
        rows = [
            {"url": row.url, "title": row.title, "content": row.text, "score": 0.5, "raw_content": None,
             "published_date": "Mon, 01 Mar 2021 08:00:00 GMT" if row.date == "2021-03-01" else row.date}
            for row in self._within(asked.get("start_date"), asked.get("end_date"))
        ]  # fmt: skip
        return as_json(
            {"query": asked["query"], "results": rows[: asked["max_results"]], "response_time": 1.0}
        )
