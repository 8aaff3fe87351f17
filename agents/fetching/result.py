"""What a fetch hands back: a page or a failure, both values.

A failure says in one sentence what happened and, where there is one, the next step. It never carries a
key or a password: addresses in messages are those without secret parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from agents.fetching.sniff import MediaType


class FetchProblem(StrEnum):
    """Why a fetch gave no page."""

    BAD_ADDRESS = "bad_address"
    """Not an http(s) address."""
    UNREACHABLE = "unreachable"
    """No such name, connection refused or broken off."""
    PRIVATE_ADDRESS = "private_address"
    """The name, or a redirect, leads to an address that is not public."""
    TIMEOUT = "timeout"
    """Too slow, or a page that never ends."""
    TOO_LARGE = "too_large"
    """More bytes, after decompression, than the limit."""
    BAD_ENCODING = "bad_encoding"
    """The compressed body cannot be unpacked."""
    REDIRECTS = "redirects"
    """Too many redirects, or one without a target."""
    ROBOTS = "robots"
    """The site's robots.txt does not want it fetched."""
    UNAUTHORISED = "unauthorised"
    """401 or 403: the key is wrong, or there is none."""
    NOT_FOUND = "not_found"
    """404 or 410."""
    RATE_LIMITED = "rate_limited"
    """429 to the last try."""
    BLOCKED = "blocked"
    """451: not available from this country."""
    STATUS = "status"
    """Any other status that is not a success."""
    WRONG_TYPE = "wrong_type"
    """Not what was asked for: HTML or prose for JSON, a picture for a page."""
    NOT_RECORDED = "not_recorded"
    """A replay has no such call on its tape."""
    NO_CAPTURE = "no_capture"
    """No copy from before the cut-off exists."""
    NOT_SET_UP = "not_set_up"
    """A key or an address is missing."""


@dataclass(frozen=True)
class FetchFailure:
    """A fetch that gave nothing."""

    problem: FetchProblem
    message: str
    url: str
    status: int | None = None
    excerpt: str = ""
    """The first characters of what came instead."""


@dataclass(frozen=True)
class Fetched:
    """A response as it came, decompressed."""

    requested_url: str
    url: str
    """Where the redirects ended."""
    status: int
    content: bytes
    media: MediaType
    fetched_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    """Content-Type, Last-Modified, Date, Memento-Datetime: lower-case names."""
    from_journal: bool = False

    def text(self) -> str:
        """The content as text by its declared charset, else UTF-8; undecodable bytes become U+FFFD."""
        charset = _charset(self.headers.get("content-type", "")) or "utf-8"
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


@dataclass(frozen=True)
class WebRequest:
    """What is asked of the web. `secret_*` travel with the request and are stored and shown nowhere."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    label: str = "page"
    """Who asks: a provider's name, or `page`."""
    is_page: bool = False
    """A page of the open web, for which robots.txt counts; an interface has its terms instead."""
    expect: frozenset[MediaType] = frozenset()
    """Types that are an answer; anything else is a failure and not journalled. Empty: any."""
    generation: int = 0
    """A wished-for repetition of the same request."""
    max_bytes: int | None = None
    timeout_s: float | None = None

    def identity(self) -> dict[str, Any]:
        """What decides the response: hashed for the journal."""
        return {
            "url": self.url,
            "params": sorted(self.params.items()),
            "method": self.method,
            "json": self.json,
            "headers": sorted(self.headers.items()),
            "generation": self.generation,
        }
