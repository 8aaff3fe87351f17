"""A web archive: availability, CDX and copies, as the Internet Archive answers them, traps included."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.servers.loopback import NOT_FOUND, Answer, Seen, as_json, page, redirect

_COPY = re.compile(r"/web/(\d{14})id_/(.+)")


@dataclass
class WebArchive:
    """Copies of FICTIONAL pages: address → {timestamp: HTML}."""

    copies: dict[str, dict[str, str]] = field(default_factory=dict)
    plays_the_nearest: bool = False
    """Redirect every copy to the youngest one, as the archive does where one cannot be played."""
    too_many: int = 0
    """Answer CDX with 429 so many times first."""

    def __call__(self, seen: Seen) -> Answer:
        if seen.path == "/wayback/available":
            return self._available(seen.query["url"], seen.query["timestamp"])
        if seen.path == "/cdx/search/cdx":
            return self._cdx(seen.query)
        if found := _COPY.fullmatch(seen.path):
            return self._copy(found[1], found[2])
        return NOT_FOUND

    def _available(self, url: str, stamp: str) -> Answer:
        stamps = sorted(self.copies.get(url, {}), key=lambda other: abs(int(other) - int(stamp)))
        closest = (
            {"closest": {"status": "200", "available": True, "timestamp": stamps[0],
                         "url": f"http://web.archive.org/web/{stamps[0]}/{url}"}}
            if stamps else {}
        )  # fmt: skip
        return as_json({"url": url, "archived_snapshots": closest, "timestamp": stamp})

    def _cdx(self, query: dict[str, str]) -> Answer:
        if self.too_many:
            self.too_many -= 1
            return Answer(b"Too Many Requests", status=429, content_type="text/plain")
        assert query["filter"] == "statuscode:200"
        assert query["limit"] == "-1"
        stamps = sorted(s for s in self.copies.get(query["url"], {}) if s <= query["to"])
        head = ["timestamp", "original", "mimetype", "statuscode", "digest"]
        rows = [[stamps[-1], query["url"], "text/html", "200", "ABC"]] if stamps else []
        return as_json([head, *rows] if rows else [])

    def _copy(self, stamp: str, url: str) -> Answer:
        copies = self.copies.get(url, {})
        youngest = max(copies, default="")
        if self.plays_the_nearest and youngest and stamp != youngest:
            return redirect(f"/web/{youngest}id_/{url}")
        return page(copies[stamp]) if stamp in copies else NOT_FOUND
