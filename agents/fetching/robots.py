"""robots.txt: whether a page may be fetched, and how slowly, read by protego.

As RFC 9309 has it: no file (4xx) allows everything, a server that fails (5xx, unreachable) allows nothing
for now. Asked once per origin and journalled like every fetch. Providers' interfaces are not pages and
are used under their own terms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from agents.fetching.result import Fetched, FetchFailure, FetchProblem, WebRequest

MAX_ROBOTS_BYTES = 512 * 1024
_NO_FILE = frozenset({FetchProblem.NOT_FOUND, FetchProblem.UNAUTHORISED, FetchProblem.STATUS,
                      FetchProblem.REDIRECTS, FetchProblem.BLOCKED})  # fmt: skip
Get = Callable[[WebRequest], Awaitable[Fetched | FetchFailure]]


@dataclass(frozen=True)
class Permission:
    """What a site says of one address."""

    allowed: bool
    delay_s: float | None = None
    reason: str = ""


class Robots:
    """Rules of each origin, read when first needed."""

    def __init__(self, agent: str, get: Get) -> None:
        self._agent = agent
        self._get = get
        self._rules: dict[str, Fetched | FetchFailure] = {}

    async def permission(self, url: str) -> Permission:
        """Whether the site lets this program fetch `url`."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            request = WebRequest(f"{origin}/robots.txt", label="robots", max_bytes=MAX_ROBOTS_BYTES)
            self._rules[origin] = await self._get(request)
        return self._judge(self._rules[origin], origin, url)

    def _judge(self, rules: Fetched | FetchFailure, origin: str, url: str) -> Permission:
        if isinstance(rules, Fetched):
            return self._by_rules(rules.text(), origin, url)
        if rules.problem in _NO_FILE and (rules.status is None or rules.status < 500):
            return Permission(True)
        return Permission(False, reason=f"{origin}/robots.txt could not be read: {rules.message}")

    def _by_rules(self, text: str, origin: str, url: str) -> Permission:
        from protego import Protego

        rules = Protego.parse(text)
        if not rules.can_fetch(url, self._agent):
            return Permission(False, reason=f"{origin}/robots.txt disallows {url} for {self._agent}.")
        return Permission(True, delay_s=rules.crawl_delay(self._agent))
