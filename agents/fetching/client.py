"""The one way to the web: journal, pace, robots.txt, retries, around one exchange.

A response is committed to the journal as soon as it has arrived, so a resumed run fetches nothing twice;
the same request made twice at once is sent once. Successes and "not found" are journalled; what may pass
(a refused key, a full server, prose where JSON was asked for) is not, so that a later run tries again.
Knows nothing of cut-offs: that is `agents.fetch`.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx

from agents.fetching.addresses import AddressPolicy
from agents.fetching.buckets import HostGate, Sleep
from agents.fetching.exchange import Exchanger, RawResponse, bad_address, host_of
from agents.fetching.result import Fetched, FetchFailure, FetchProblem, WebRequest
from agents.fetching.robots import Robots
from agents.fetching.settings import PRODUCT, FetchSettings
from agents.fetching.sniff import MediaType, sniff
from agents.fetching.transport import CheckedTransport
from agents.journal import Attempt, Call, CallKind, Journal, Response, call_key

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING = frozenset({FetchProblem.UNREACHABLE, FetchProblem.TIMEOUT})
_RATE_IN_PROSE = re.compile(r"\b(?:limit requests|rate limit|too many requests|one every \d+ seconds)", re.I)
_LONGEST_CRAWL_DELAY_S = 30.0


@dataclass(frozen=True)
class _Again:
    """A passing fault: what to hand back when no try is left, and how long to wait before the next."""

    failure: FetchFailure
    wait_s: float | None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebClient:
    """Fetches what it is asked for, once."""

    def __init__(
        self,
        settings: FetchSettings,
        gate: HostGate,
        policy: AddressPolicy,
        journal: Journal,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._journal = journal
        self._sleep = sleep
        self._now = now
        self._exchanger = Exchanger(settings, transport or CheckedTransport(policy))
        self._robots = Robots(PRODUCT, self._once)
        self._under_way: dict[str, asyncio.Task[Fetched | FetchFailure]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what is still under way and close all connections."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._exchanger.aclose()

    async def fetch(self, request: WebRequest) -> Fetched | FetchFailure:
        """The response to a request, from the journal where it is there, else from the web."""
        if problem := bad_address(request.url):
            return FetchFailure(FetchProblem.BAD_ADDRESS, problem, request.url)
        if request.is_page and (refused := await self._refused_by_robots(request)):
            return refused
        return await self._once(request)

    async def _refused_by_robots(self, request: WebRequest) -> FetchFailure | None:
        permission = await self._robots.permission(request.url)
        if not permission.allowed:
            return FetchFailure(FetchProblem.ROBOTS, permission.reason, request.url)
        if permission.delay_s:
            self._gate.slow_down(
                self._gate.key_of(request.url), min(permission.delay_s, _LONGEST_CRAWL_DELAY_S)
            )
        return None

    async def _once(self, request: WebRequest) -> Fetched | FetchFailure:
        """One task per key: who asks later waits for it, and who gives up does not stop it for the others."""
        key = call_key(CallKind.FETCH, request.identity())
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._journalled(key, request))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _journalled(self, key: str, request: WebRequest) -> Fetched | FetchFailure:
        stored = await self._journal.response(key)
        if stored is not None:
            return _judge(request, _from_journal(request, stored))
        call = Call(key, CallKind.FETCH, request.label, request.identity())
        for left in reversed(range(self._settings.tries)):
            result = await self._attempt(call, request)
            if not isinstance(result, _Again):
                return result
            if not left or (result.wait_s or 0.0) > self._settings.max_wait_s:
                return result.failure
            await self._sleep(result.wait_s or 0.0)
        raise AssertionError("a request is tried at least once")

    async def _attempt(self, call: Call, request: WebRequest) -> Fetched | FetchFailure | _Again:
        async with self._gate.passage(self._gate.key_of(request.url)):
            attempt = await self._journal.begin(call)
            if not isinstance(attempt, Attempt):
                return FetchFailure(FetchProblem.NOT_RECORDED, attempt.message, request.url)
            raw = await self._exchanger.send(request)
        received = self._now()
        result = self._sort(request, raw, received)
        failure = result.failure if isinstance(result, _Again) else result
        if isinstance(failure, Fetched) or failure.problem is FetchProblem.NOT_FOUND:
            await self._journal.commit(attempt, _as_response(raw, received))
        else:
            await self._journal.abandon(attempt, failure.message, billable=False)
        return result

    def _sort(
        self, request: WebRequest, raw: RawResponse | FetchFailure, received: datetime
    ) -> Fetched | FetchFailure | _Again:
        if isinstance(raw, FetchFailure):
            return _Again(raw, 0.5 + random.random()) if raw.problem in _PASSING else raw
        fetched = Fetched(
            request.url, raw.url, raw.status, raw.content, sniff(raw.content), received, raw.headers
        )
        result = _judge(request, fetched)
        if isinstance(result, Fetched):
            return result
        busy = raw.status in _TRANSIENT or result.problem is FetchProblem.RATE_LIMITED
        return _Again(result, self._wait(raw, result)) if busy else result

    def _wait(self, raw: RawResponse, failure: FetchFailure) -> float:
        """Seconds until the next try; a rate limit quiets the whole host, whose bucket then does the waiting."""
        asked = raw.retry_after_s(self._now())
        if failure.problem is FetchProblem.RATE_LIMITED:
            quiet = self._gate.pause(self._gate.key_of(raw.url), asked)
            return quiet if quiet > self._settings.max_wait_s else 0.0
        return asked if asked is not None else 1.0 + random.random()


def _as_response(raw: RawResponse | FetchFailure, received: datetime) -> Response:
    if isinstance(raw, FetchFailure):
        raise TypeError("a failure without a response is never committed")
    meta = {
        "status": raw.status,
        "url": raw.url,
        "headers": dict(raw.headers),
        "fetched_at": received.isoformat(),
    }
    return Response(raw.content, meta)


def _from_journal(request: WebRequest, stored: Response) -> Fetched:
    return Fetched(
        requested_url=request.url,
        url=str(stored.meta["url"]),
        status=int(stored.meta["status"]),
        content=stored.body,
        media=sniff(stored.body),
        fetched_at=datetime.fromisoformat(str(stored.meta["fetched_at"])),
        headers=stored.meta["headers"],
        from_journal=True,
    )


_BY_STATUS = {
    401: (FetchProblem.UNAUTHORISED, "did not accept the key (401)"),
    403: (FetchProblem.UNAUTHORISED, "refused access (403)"),
    404: (FetchProblem.NOT_FOUND, "has no such page (404)"),
    410: (FetchProblem.NOT_FOUND, "has removed the page (410)"),
    429: (FetchProblem.RATE_LIMITED, "asks for fewer requests (429)"),
    451: (FetchProblem.BLOCKED, "is not available from this country (451)"),
}


def _judge(request: WebRequest, fetched: Fetched) -> Fetched | FetchFailure:
    """The response itself where it is one that was asked for, else the failure it amounts to."""
    excerpt = fetched.text()[:300] if fetched.media is not MediaType.BINARY else ""
    failure = FetchFailure(FetchProblem.STATUS, "", request.url, fetched.status, excerpt)
    where = host_of(request.url)
    if fetched.status in _BY_STATUS:
        problem, what = _BY_STATUS[fetched.status]
        return replace(failure, problem=problem, message=f"{where} {what}: {request.url}")
    if not 200 <= fetched.status < 300:
        return replace(failure, message=f"{where} answered with status {fetched.status}: {request.url}")
    if request.expect and fetched.media not in request.expect:
        if fetched.media is MediaType.TEXT and _RATE_IN_PROSE.search(excerpt):
            message = f"{where} asks for fewer requests, in prose under status 200: {excerpt[:120]!r}"
            return replace(failure, problem=FetchProblem.RATE_LIMITED, message=message)
        wanted = " or ".join(sorted(request.expect))
        message = f"{where} sent {fetched.media} where {wanted} was asked for: {request.url}"
        return replace(failure, problem=FetchProblem.WRONG_TYPE, message=message)
    return fetched
