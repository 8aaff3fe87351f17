"""Wikipedia as it stood on a day, and the portal of current events.

A revision at or before a moment comes from the revisions interface; its own source text is read (see
`wikitext` for why not the rendered page). The portal of current events gives dated seeds. English only.
Redirects are followed both ways: those of today by the interface, those of then by the revision's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from agents.fetching.result import FetchProblem
from agents.providers.base import SETTLED_DAYS, Access, DatedItem, ProviderFailure, ProviderInfo
from agents.providers.current_events import parse_day
from agents.providers.wikitext import lead_title, plain_text, redirect_target
from agents.reading.document import Document
from corpus.case import Availability, Terms
from corpus.dates import EventDate

INFO = ProviderInfo(
    name="wikipedia",
    gives="pages as they stood on a day; dated current events as seeds",
    services=("wikipedia",),
    terms=Terms.OPEN,
    terms_note="CC BY-SA 4.0; 200 requests a minute with a contact in the User-Agent, 10 without",
)
PUBLIC = "https://en.wikipedia.org"
_HOSTS = frozenset({"en.wikipedia.org", "en.m.wikipedia.org"})
_API = "/w/api.php"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
"""As the portal names its pages, whatever the machine's language."""


@dataclass(frozen=True)
class Revision:
    """One version of a page."""

    title: str
    """The page's title today."""
    revision_id: int
    at: datetime
    wikitext: str


def title_of(url: str) -> str | None:
    """The page an address of the English Wikipedia names; None for any other address."""
    parts = urlsplit(url)
    if parts.hostname not in _HOSTS or not parts.path.startswith("/wiki/"):
        return None
    title = unquote(parts.path.removeprefix("/wiki/")).replace("_", " ").strip()
    return title or None


class Wikipedia:
    """The English Wikipedia."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self.revision("Wikipedia", None)
        return found if isinstance(found, ProviderFailure) else None

    async def revision(self, title: str, at: datetime | None, hops: int = 1) -> Revision | ProviderFailure:
        """The newest revision made at or before `at` (None: the newest of all)."""
        params = {
            "action": "query", "prop": "revisions", "titles": title, "rvlimit": "1", "rvdir": "older",
            "rvprop": "ids|timestamp|content", "rvslots": "main", "redirects": "1",
            "formatversion": "2", "format": "json",
        }  # fmt: skip
        if at is not None:
            params["rvstart"] = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = await self._access.json(_API, params)
        if isinstance(answer, ProviderFailure):
            return answer
        found = self._read(answer, title, at)
        if isinstance(found, Revision) and (target := redirect_target(found.wikitext)) and hops:
            return await self.revision(target, at, hops - 1)
        return found

    async def document(self, title: str, at: datetime | None) -> Document | ProviderFailure:
        """A revision's prose as a document, shown available since the revision was made."""
        found = await self.revision(title, at)
        if isinstance(found, ProviderFailure):
            return found
        text = "" if redirect_target(found.wikitext) else plain_text(found.wikitext)
        if not text:
            return self._access.failure(FetchProblem.NOT_FOUND, f"The page {title!r} has no text of its own.")
        title = found.title if at is None else lead_title(found.wikitext)
        return _document(found, title, text, found.at.date())

    async def events(self, day: date) -> Sequence[DatedItem] | ProviderFailure:
        """The entries of the portal of current events for a day, as it stood a week later."""
        moment = datetime.combine(day + timedelta(days=SETTLED_DAYS), time.max, UTC)
        found = await self.revision(
            f"Portal:Current events/{day.year} {_MONTHS[day.month - 1]} {day.day}", moment
        )
        if isinstance(found, ProviderFailure):
            return found
        return tuple(_quotable(item, found) for item in parse_day(found.wikitext, day))

    def _read(self, answer: Any, title: str, at: datetime | None) -> Revision | ProviderFailure:
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            error = answer["error"]
            limited = error.get("code") in {"ratelimited", "maxlag"}
            problem = FetchProblem.RATE_LIMITED if limited else FetchProblem.STATUS
            message = f"Wikipedia refused: {error.get('code')}: {error.get('info')}"
            return self._access.failure(problem, message)
        try:
            page = answer["query"]["pages"][0]
            revisions = page.get("revisions") or []
        except (KeyError, IndexError, TypeError, AttributeError):
            return self._access.unreadable("query.pages")
        if page.get("missing") or page.get("invalid"):
            return self._access.failure(FetchProblem.NOT_FOUND, f"Wikipedia has no page {title!r}.")
        if not revisions:
            when = f" by {at:%Y-%m-%d %H:%M} UTC" if at else ""
            return self._access.failure(FetchProblem.NO_CAPTURE, f"The page {title!r} had no revision{when}.")
        return self._revision(page, revisions[0], title, at)

    def _revision(
        self, page: dict[str, Any], raw: dict[str, Any], title: str, at: datetime | None
    ) -> Revision | ProviderFailure:
        try:
            made = datetime.fromisoformat(re.sub(r"Z$", "+00:00", raw["timestamp"]))
            content = raw["slots"]["main"]["content"]
            found = Revision(str(page["title"]), int(raw["revid"]), made, str(content))
        except (KeyError, TypeError, ValueError):
            return self._access.unreadable(f"the text of a revision of {title!r}")
        if at is not None and made > at:
            message = f"Wikipedia sent a revision of {title!r} from {made:%Y-%m-%d}, after the cut-off {at:%Y-%m-%d}."
            return self._access.failure(FetchProblem.NO_CAPTURE, message)
        return found


def _document(revision: Revision, title: str, text: str, published: date) -> Document:
    slug = quote(revision.title.replace(" ", "_"), safe="/:,()'")
    return Document(
        url=f"{PUBLIC}/w/index.php?title={slug}&oldid={revision.revision_id}",
        canonical_url=f"{PUBLIC}/wiki/{slug}",
        publisher="wikipedia.org",
        title=title,
        text=text,
        published_at=EventDate(published),
        available_at=revision.at,
        availability=Availability.REVISION,
        captured_at=revision.at,
        terms=Terms.OPEN,
    )


def _quotable(item: DatedItem, revision: Revision) -> DatedItem:
    """The entry with itself as a document: its own words, published on its day, in the portal's revision."""
    under = ": ".join(part for part in (item.category, item.topic) if part)
    return replace(item, document=_document(revision, under, item.text, item.date))
