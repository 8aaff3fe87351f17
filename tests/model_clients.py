"""Model clients for tests, over any journal, against a loopback server."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents.fetching.buckets import Sleep
from agents.journal import Journal
from agents.models.caller import Caller
from agents.models.client import ModelClient, Prompt
from agents.models.pace import ModelPace
from agents.models.prices import Price
from agents.models.reservations import Reservations
from agents.models.result import Answer, ModelFailure
from agents.models.settings import ModelSettings
from tests.journals import MemoryJournal
from tests.servers.loopback import LoopbackServer
from tests.webclients import no_sleep

PRICE = Price("tiny", "", Decimal("1"), Decimal("4"))
PROMPT = Prompt("estimator", "weigh", "v1", "You weigh outcomes.", "What will the bank do?")


class Weighed(BaseModel):
    """A reply as the tests ask for it."""

    model_config = ConfigDict(extra="forbid")

    choice: str
    probability: float = Field(ge=0, le=1)


GOOD = {"choice": "The bank raises its rate by half a point in the spring", "probability": 0.7}


def model_client(
    server: LoopbackServer | str,
    journal: Journal | None = None,
    *,
    price: Price | None = PRICE,
    sleep: Sleep = no_sleep,
    reservations: Reservations | None = None,
    **settings: Any,
) -> ModelClient:
    """A client of the model `tiny` at a server."""
    base = server if isinstance(server, str) else f"{server.url}/v1"
    chosen = ModelSettings(**{"model": "tiny", "base_url": base, "api_key": "right", "tries": 3} | settings)
    book = journal or MemoryJournal()
    pace = ModelPace(chosen.concurrency, chosen.tokens_per_minute, sleep=sleep)
    caller = Caller(chosen, book, reservations or Reservations(book), pace, price, sleep=sleep)
    return ModelClient(chosen, caller)


def ask(client: ModelClient, prompt: Prompt = PROMPT, **options: Any) -> Answer[Weighed] | ModelFailure:
    """One question; the client is closed afterwards."""

    async def go() -> Answer[Weighed] | ModelFailure:
        async with client:
            return await client.ask(prompt, Weighed, **options)

    return asyncio.run(go())
