"""Access to a loopback server that plays a provider's services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agents.journal import Journal
from agents.providers.base import Access, ProviderFailure, ProviderInfo
from tests.servers.loopback import LoopbackServer
from tests.webclients import web_client

T = TypeVar("T")


def ask(
    info: ProviderInfo,
    server: LoopbackServer,
    question: Callable[[Access], Awaitable[T]],
    key: str = "right",
    journal: Journal | None = None,
) -> T:
    """Answer one question to a provider whose services all live on `server`."""

    async def go() -> T:
        async with web_client(server.peer, journal=journal) as client:
            services = dict.fromkeys(info.services, server.url)
            return await question(Access(info, client, services, key))

    return asyncio.run(go())


def failed(result: object) -> ProviderFailure:
    """The result as a failure; fails the test where it is none."""
    assert isinstance(result, ProviderFailure), result
    return result
