"""A process that asks a model about many cases, four questions each, until it is done or killed."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import anyio._backends._asyncio
import httpcore2
import langchain_core.tracers.langchain
import langchain_core.tracers.stdout
import openai.lib.streaming.chat
import openai.resources.chat.completions
from openai.types.chat import ChatCompletion

import agents.models.opening
from agents.model import ModelSettings, Prompt, open_models
from agents.models.prices import Price, PriceTable
from agents.models.result import Answer
from agents.store_journal import StoreJournal
from db.journal import Journal
from db.owner import Owner
from db.runs import Runs
from db.session import open_store
from tests.model_clients import Weighed

PRELOADED = (
    anyio,
    httpcore2,
    langchain_core,
    openai,
    agents.models.opening,
    ChatCompletion.model_json_schema(),
)
"""What a first call imports and builds, once for all workers: it takes seconds."""
CALLS_A_CASE = 4


def work(file: Path, run_id: str, base_url: str, cases: int) -> None:
    """Take the run over and ask all questions; those that have an answer come from the journal."""
    store = open_store(file)
    Runs(store, Owner.here()).take(run_id)
    asyncio.run(_ask_all(StoreJournal(Journal(store, run_id)), base_url, cases))


async def _ask_all(journal: StoreJournal, base_url: str, cases: int) -> None:
    settings = ModelSettings("tiny", base_url, concurrency=16)
    prices = PriceTable([Price("tiny", "", Decimal(1), Decimal(4))])
    async with open_models({"": settings}, journal, prices, capped=True) as models:

        async def one(case: int) -> None:
            for call in range(CALLS_A_CASE):
                prompt = Prompt("chronicler", "n", "v1", "s", f"case {case} call {call}")
                answer = await models.of("chronicler").ask(prompt, Weighed, case=f"c{case}")
                if not isinstance(answer, Answer):
                    raise SystemExit(answer.message)

        await asyncio.gather(*(one(case) for case in range(cases)))
