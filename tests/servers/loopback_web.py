"""A small web of FICTIONAL news pages on loopback: honest ones, and ones that lie about their dates.

One server plays the sites, Wikipedia and the web archive, so that a whole retrieval can run against it.
Every page that must not be read at the cut-off carries the word LEAK.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.servers.encyclopaedia import Encyclopaedia
from tests.servers.loopback import NOT_FOUND, Answer, Seen, page
from tests.servers.web_archive import WebArchive

CUTOFF = datetime(2021, 3, 1, 23, 59, 59, tzinfo=UTC)
LEAK = "LEAK"
_BODY = (
    "The bank of Ruritania kept its key rate at two percent, and analysts expect no change before the summer. "
    * 4
)
_NEW = f"{LEAK}. " + _BODY
_LATER = f"{LEAK}: on 15 June 2022 the bank of Ruritania raised its key rate to nine percent. "


@dataclass(frozen=True)
class Page:
    """One page: what its markup claims, and whether it may be read at the cut-off."""

    path: str
    may_be_read: bool
    why: str
    published: str = ""
    """Of the metadata."""
    modified: str = ""
    byline: str = ""
    text: str = _BODY
    headers: dict[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """The page as a newspaper would send it."""
        meta = (
            f'<meta property="article:published_time" content="{self.published}T08:00:00Z">'
            if self.published
            else ""
        )
        meta += (
            f'<meta property="article:modified_time" content="{self.modified}T08:00:00Z">'
            if self.modified
            else ""
        )
        line = f'<p class="byline">By our correspondent, {self.byline}</p>' if self.byline else ""
        return (
            f"<!DOCTYPE html><html lang='en'><head><title>FICTIONAL: rates</title>{meta}</head><body><article>"
            f"<h1>FICTIONAL: rates in Ruritania</h1>{line}<p>{self.text}</p></article></body></html>"
        )


HONEST = (
    Page("/2021/02/10/rates", True, "metadata, address and byline agree", "2021-02-10", "", "10 February 2021"),
    Page("/2021/02/11/rates", True, "metadata and address agree", "2021-02-11"),
    Page("/a/12", True, "metadata and byline agree", "2021-02-12", "", "12 February 2021"),
    Page("/2021/02/13/rates", True, "address and byline agree", "", "", "13 February 2021"),
    Page("/2021/02/14/rates", True, "changed a day later, still before", "2021-02-14", "2021-02-15"),
    Page("/2021/02/16/outlook", True, "speaks of a date to come", "2021-02-16",
         text=_BODY + "A vote is expected on 8 November 2022."),
    Page("/a/17", True, "one signal only: an honest page that is lost", "2021-02-17"),
    Page("/a/18", True, "no signal at all: an honest page that is lost"),
    Page("/2021/02/19/rates", True, "a harmless later change: an honest page that is lost", "2021-02-19", "2023-01-01"),
)  # fmt: skip
LYING = (
    Page("/2021/02/20/rates", False, "metadata old, text new", "2021-02-20", text=_LATER * 4),
    Page("/2021/02/21/rates", False, "changed after the cut-off", "2021-02-21", "2022-06-16", text=_LATER * 4),
    Page("/2022/06/16/rates", False, "address after the cut-off, metadata before", "2021-02-22", text=_NEW),
    Page("/a/23", False, "byline after the cut-off, metadata before", "2021-02-23", "", "16 June 2022", _NEW),
    Page("/a/24", False, "Last-Modified after the cut-off", "2021-02-24", "", "24 February 2021", _NEW,
         {"Last-Modified": "Thu, 16 Jun 2022 08:00:00 GMT"}),
    Page("/a/25", False, "a single old date on a new page", "2021-02-25", text=_NEW),
    Page("/2021/02/26/rates", False, "an update line in the text", "2021-02-26",
         text=f"Updated 16 June 2022. {LEAK}. " + _BODY),
    Page("/2022/06/17/rates", False, "honestly new", "2022-06-17", "", "17 June 2022", _LATER * 4),
)  # fmt: skip
ARCHIVED = (
    Page("/archived/before", True, "a copy from before the cut-off"),
    Page("/archived/after", False, "a copy from after the cut-off only"),
    Page("/archived/plays-later", False, "a copy that leads to a younger one"),
)
WIKI = {
    "Kept": [("2021-02-01T00:00:00Z", "The '''rate''' " + _BODY), ("2022-07-01T00:00:00Z", LEAK)],
    "Made later": [("2022-07-01T00:00:00Z", LEAK)],
}
WIKI_TITLES = {"Kept": True, "Made later": False}


class LoopbackWeb:
    """Routes requests of one loopback server to sites, archive and encyclopaedia."""

    def __init__(self, base: str = "", *, wiki_ignores_the_date: bool = False) -> None:
        self.pages = {entry.path: entry for entry in (*HONEST, *LYING)}
        self.wiki = Encyclopaedia(WIKI, ignores_the_date=wiki_ignores_the_date)
        self.archive = WebArchive()
        self.base = base

    def fill_archive(self, base: str) -> None:
        """Put the archived pages under the server's own address, known once it runs."""
        old, new = (
            "<html><body><p>" + _BODY + "</p></body></html>",
            f"<html><body><p>{LEAK}. {_BODY}</p></body></html>",
        )
        self.archive.copies = {
            f"{base}/archived/before": {"20210201000000": old, "20220701000000": new},
            f"{base}/archived/after": {"20220701000000": new},
            f"{base}/archived/plays-later": {"20210202000000": old, "20220702000000": new},
        }

    def __call__(self, seen: Seen) -> Answer:
        if seen.path.startswith("/w/"):
            return self.wiki(seen)
        if "plays-later" in seen.path and seen.path.startswith("/web/"):
            self.archive.plays_the_nearest = True
        if seen.path.startswith(("/wayback/", "/cdx/", "/web/")):
            return self.archive(seen)
        if entry := self.pages.get(seen.path):
            return page(entry.html(), headers=entry.headers)
        if seen.path.startswith("/archived/"):
            return page(f"<html><body><p>{LEAK}. {_BODY}</p></body></html>")
        return NOT_FOUND
