"""A FICTIONAL January 2022 on loopback: Wikipedia's portal, GDELT's files, the articles they name, a web archive.

Answers as the real services do: the portal is edited long after its day, some of GDELT's files are missing, one
article is gone and one was rewritten since. What tells of later carries the word LEAK.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.servers.data_services import gdelt_row, zipped
from tests.servers.encyclopaedia import Encyclopaedia
from tests.servers.loopback import NOT_FOUND, Answer, Seen, page
from tests.servers.loopback_web import LEAK
from tests.servers.web_archive import WebArchive

VOTE = "The parliament of Ruritania votes to leave the Alliance of Zenda"
"""An entry of the portal, 12 January."""
TREMOR = "An earthquake of magnitude 6 shakes the coast of Bohemia"
"""Another domain's entry of the same day."""
CROSSING = "Troops of Freedonia crossed the border into Sylvania"
"""What the article says that GDELT counts most, 20 January."""
_REST = " Foreign ministers spoke by telephone, and the opposition asked for an election. "


def article(day: str, first: str, rest: str = _REST) -> str:
    """A news page that two signals date."""
    return (
        f"<!DOCTYPE html><html lang='en'><head><title>FICTIONAL: news</title>"
        f'<meta property="article:published_time" content="{day}T08:00:00Z"></head><body><article>'
        f"<h1>FICTIONAL: news of the day</h1><p>{first}.{rest * 3}</p></article></body></html>"
    )


@dataclass
class ListedWeb:
    """One server for all services; `fill` tells it its own address."""

    wiki: Encyclopaedia = field(default_factory=Encyclopaedia)
    archive: WebArchive = field(default_factory=WebArchive)
    gdelt_answers: bool = True
    _files: dict[str, bytes] = field(default_factory=dict)
    _pages: dict[str, str] = field(default_factory=dict)

    def fill(self, base: str) -> None:
        """Portal, files, articles and copies, with links to `base`."""
        vote, gone = f"{base}/2022/01/12/vote", f"{base}/2022/01/12/gone"
        crossing = f"{base}/2022/01/20/crossing"
        told = (
            "{{Current events|content=\n'''Politics and elections'''\n*[[Ruritanian parliament]]\n"
            f"**{VOTE}. [{gone} (Gone)] [{vote} (Herald)]\n'''Disasters and accidents'''\n"
            f"*{TREMOR}. [{base}/quake (Post)]\n}}}}"
        )
        later = told.replace("Zenda.", f"Zenda, which {LEAK} led to the war of 2023.")
        self.wiki.pages = {
            "Portal:Current events/2022 January 12": [
                ("2022-01-13T00:00:00Z", told),
                ("2023-02-01T00:00:00Z", later),
            ],
            "Portal:Current events/2022 January 20": [
                ("2022-01-21T00:00:00Z", "{{Current events|content=\n}}")
            ],
        }
        row = gdelt_row("20220120", "FREEDONIA", "SYLVANIA", "15", 90, crossing, "Sylvania")
        small = gdelt_row("20220120", "RURITANIA", "BOHEMIA", "04", 1, f"{base}/small", "Zenda")
        self._files = {f"20220120{hour:02d}": zipped(f"{row}\n{small}") for hour in (0, 6, 12)}
        self._pages = {
            "/2022/01/12/vote": article("2022-01-12", f"{VOTE.replace('votes', 'voted')} on 12 January 2022"),
            "/2022/01/20/crossing": article("2022-01-20", f"{LEAK}, as was learned in June 2023"),
            "/quake": article("2022-01-12", f"{TREMOR} on 12 January 2022"),
        }
        copy = article("2022-01-20", f"{CROSSING} on 20 January 2022")
        self.archive.copies = {crossing: {"20220121000000": copy}}

    def __call__(self, seen: Seen) -> Answer:
        if seen.path.startswith("/w/"):
            return self.wiki(seen)
        if seen.path.startswith("/gdeltv2/"):
            body = self._files.get(seen.path.removeprefix("/gdeltv2/")[:10]) if self.gdelt_answers else None
            return Answer(body, content_type="application/zip") if body else NOT_FOUND
        if seen.path.startswith(("/wayback/", "/cdx/", "/web/")):
            return self.archive(seen)
        text = self._pages.get(seen.path)
        return page(text) if text else NOT_FOUND
