"""The Wayback Machine: a copy of a page made at or before a moment.

The availability interface answers cheaply but gives the *closest* copy, which may lie after the moment;
then CDX is asked for the last one before it. The archive also redirects a copy's address to the nearest
one it can play, so the address that was finally served is checked again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.fetching.result import Fetched, FetchProblem
from agents.providers.base import Access, ProviderFailure, ProviderInfo
from corpus.case import Terms

INFO = ProviderInfo(
    name="wayback",
    gives="copies of pages made before a day",
    services=("wayback", "wayback_availability"),
    terms=Terms.QUOTATION,
    terms_note="archived pages keep their owners' rights; facts and short quotations",
)
_STAMP = "%Y%m%d%H%M%S"
_SERVED = re.compile(r"/web/(\d{14})(?:[a-z]{2}_)?/")


@dataclass(frozen=True)
class Capture:
    """One archived copy."""

    url: str
    at: datetime

    @property
    def path(self) -> str:
        """Where the untouched copy lies (`id_`: without the archive's own frame and links)."""
        return f"/web/{self.at.strftime(_STAMP)}id_/{self.url}"

    @property
    def public_url(self) -> str:
        """Where a reader sees the copy."""
        return f"https://web.archive.org/web/{self.at.strftime(_STAMP)}/{self.url}"


class Wayback:
    """The Internet Archive's copies of the web."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self._closest("https://www.example.com/", datetime(2020, 1, 1, tzinfo=UTC))
        return found if isinstance(found, ProviderFailure) else None

    async def capture(self, url: str, at: datetime) -> Capture | ProviderFailure:
        """The copy of `url` nearest before `at`, or one from CDX where the nearest lies after it."""
        closest = await self._closest(url, at)
        if isinstance(closest, Capture) and closest.at <= at:
            return closest
        return await self._last_before(url, at)

    async def page(self, capture: Capture, at: datetime) -> tuple[Fetched, Capture] | ProviderFailure:
        """The copy's bytes and the copy that was really served, which is never younger than `at`."""
        page = await self._access.fetch(capture.path)
        if isinstance(page, ProviderFailure):
            return page
        served = _SERVED.search(page.url)
        if served is None:
            message = f"The archive answered with {page.url}, which is no archived copy of {capture.url}."
            return self._access.failure(FetchProblem.NO_CAPTURE, message)
        when = _moment(served[1])
        if when is None or when > at:
            message = f"The archive served a copy of {capture.url} of {served[1][:8]}, after the cut-off {at:%Y%m%d}."
            return self._access.failure(FetchProblem.NO_CAPTURE, message)
        return page, Capture(capture.url, when)

    async def _closest(self, url: str, at: datetime) -> Capture | ProviderFailure | None:
        params = {"url": url, "timestamp": _stamp(at)}
        answer = await self._access.json("/wayback/available", params, service="wayback_availability")
        if isinstance(answer, ProviderFailure):
            return answer
        try:
            closest = answer["archived_snapshots"].get("closest")
        except (KeyError, TypeError, AttributeError):
            return self._access.unreadable("archived_snapshots")
        if not closest or not closest.get("available") or str(closest.get("status", "200")) != "200":
            return None
        when = _moment(str(closest.get("timestamp", "")))
        return Capture(url, when) if when else None

    async def _last_before(self, url: str, at: datetime) -> Capture | ProviderFailure:
        params = {
            "url": url, "to": _stamp(at), "filter": "statuscode:200", "output": "json",
            "fl": "timestamp,original,mimetype,statuscode,digest", "limit": "-1",
        }  # fmt: skip
        rows = await self._access.json("/cdx/search/cdx", params)
        if isinstance(rows, ProviderFailure):
            return rows
        none = f"The archive has no copy of {url} from {at:%Y-%m-%d} or before."
        if rows is None:
            return self._access.failure(FetchProblem.NO_CAPTURE, none)
        if not isinstance(rows, list) or any(not isinstance(row, list) or not row for row in rows):
            return self._access.unreadable("rows")
        when = _moment(str(rows[-1][0])) if len(rows) > 1 else None
        if when is None or when > at:
            return self._access.failure(FetchProblem.NO_CAPTURE, none)
        return Capture(url, when)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_STAMP)


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
