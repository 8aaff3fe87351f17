"""A MediaWiki of FICTIONAL pages: the revisions interface with its parameters, redirects and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import NOT_FOUND, Answer, Seen, as_json


@dataclass
class Encyclopaedia:
    """Pages with dated revisions; behaves as en.wikipedia.org's api.php does for what is asked of it."""

    pages: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Title → (timestamp, wikitext), oldest first."""
    moved: dict[str, str] = field(default_factory=dict)
    """Today's redirects."""
    ignores_the_date: bool = False
    error: dict[str, str] | None = None

    def __call__(self, seen: Seen) -> Answer:
        if seen.path != "/w/api.php":
            return NOT_FOUND
        if self.error:
            return as_json({"error": self.error, "servedby": "mw1"})
        query = seen.query
        assert query["prop"] == "revisions"
        assert query["formatversion"] == "2"
        title = query["titles"].replace("_", " ")
        answer: dict[str, Any] = {"batchcomplete": True, "query": {}}
        if query.get("redirects") and title in self.moved:
            answer["query"]["redirects"] = [{"from": title, "to": self.moved[title]}]
            title = self.moved[title]
        answer["query"]["pages"] = [self._page(title, query.get("rvstart"))]
        return as_json(answer)

    def _page(self, title: str, start: str | None) -> dict[str, Any]:
        if title not in self.pages:
            return {"ns": 0, "title": title, "missing": True}
        page: dict[str, Any] = {"pageid": 7, "ns": 0, "title": title}
        listed = list(enumerate(self.pages[title], start=1000))
        if start and not self.ignores_the_date:
            listed = [entry for entry in listed if entry[1][0] <= start]
        if listed:
            number, (stamp, text) = listed[-1]
            slot = {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "content": text}
            page["revisions"] = [
                {"revid": number, "parentid": number - 1, "timestamp": stamp, "slots": {"main": slot}}
            ]
        return page
