"""A web client for tests: any pace, loopback servers allowed by name, a journal in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agents.fetching.addresses import AddressPolicy, Resolver, resolve
from agents.fetching.buckets import HostGate, HostLimit, Sleep
from agents.fetching.client import WebClient
from agents.fetching.result import Fetched, FetchFailure, WebRequest
from agents.fetching.settings import FetchSettings
from agents.journal import Journal
from tests.journals import MemoryJournal

FAST = HostLimit(per_minute=600_000, parallel=16, burst=1000, pause_after_429_s=0.0)


async def no_sleep(seconds: float) -> None:
    """Lets others run, whatever the wait."""
    await asyncio.sleep(0)


def web_client(
    *allowed: str,
    journal: Journal | None = None,
    settings: FetchSettings | None = None,
    resolver: Resolver = resolve,
    limits: dict[str, HostLimit] | None = None,
    sleep: Sleep = no_sleep,
) -> WebClient:
    """A client that may connect to the given private peers."""
    return WebClient(
        settings or FetchSettings(contact="tests@example.org", timeout_s=5),
        HostGate(limits or {}, FAST, sleep=sleep),
        AddressPolicy(allowed, resolver),
        journal or MemoryJournal(),
        sleep=sleep,
    )


def fetch_all(client: WebClient, requests: Iterable[WebRequest]) -> list[Fetched | FetchFailure]:
    """All requests at once; the client is closed afterwards."""

    async def go() -> list[Fetched | FetchFailure]:
        async with client:
            return list(await asyncio.gather(*(client.fetch(request) for request in requests)))

    return asyncio.run(go())


def fetch_one(client: WebClient, request: WebRequest) -> Fetched | FetchFailure:
    """One request; the client is closed afterwards."""
    return fetch_all(client, [request])[0]
