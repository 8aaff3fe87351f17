"""The cap, the pace and the journal of the store with 64 calls in flight."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agents.journal import nanousd
from agents.model import open_models
from agents.models.client import ModelClient, Prompt
from agents.models.prices import Price, PriceTable
from agents.models.result import Answer, ModelFailure, ModelProblem
from agents.models.settings import ModelSettings
from agents.store_journal import StoreJournal
from corpus.errors import InvalidInput
from db.journal import Journal
from db.runs import Runs
from db.session import open_store
from db.tables import AttemptState, RunState
from tests.model_clients import GOOD, Weighed, model_client
from tests.servers.loopback import Answer as Sent
from tests.servers.loopback import LoopbackServer
from tests.servers.model_server import ModelServer, says

DEAR = Price("tiny", "", Decimal("100"), Decimal("400"))
"""Dollars per million tokens: 200 tokens out of a call are eight cents."""


async def ask_many(client: ModelClient, count: int) -> list[Answer[Weighed] | ModelFailure]:
    async with client:
        asked = (client.ask(Prompt("r", "n", "v1", "s", f"question {i}"), Weighed) for i in range(count))
        return list(await asyncio.gather(*asked))


def test_the_cap_holds_to_the_cent_with_64_in_flight(tmp_path: Path) -> None:
    """The server keeps its own account; every reply costs the most it can."""
    billed = 0

    def reply(body: dict[str, Any]) -> Sent:
        nonlocal billed
        billed += DEAR.cost_nanousd(150, 200)
        return says(GOOD, delay_s=1.2, prompt_tokens=150, completion_tokens=200)

    cap = nanousd("20.00")
    store = open_store(tmp_path / "s.db")
    run = Runs(store).create({}, {}, program="test", commit="", cap_nanousd=cap)
    journal = StoreJournal(Journal(store, run.run_id))
    with LoopbackServer(ModelServer(reply)) as loopback:
        client = model_client(loopback, journal, price=DEAR, concurrency=64, max_output_tokens=200)
        results = asyncio.run(ask_many(client, 300))
        most_at_once = loopback.most_at_once
    journal.close()
    answers = [result for result in results if isinstance(result, Answer)]
    stopped = [result for result in results if isinstance(result, ModelFailure)]
    cost = DEAR.cost_nanousd(150, 200)
    assert {failure.problem for failure in stopped} == {ModelProblem.OVER_BUDGET}
    assert "The cap of $20.00 is reached" in stopped[0].message
    assert billed == len(answers) * cost == Runs(store).get(run.run_id).spending.spent_nanousd
    assert billed <= cap
    assert most_at_once >= 60
    worst = DEAR.worst_case_nanousd(1_200, 200)
    assert cap - billed < worst
    assert Journal(store, run.run_id).attempts(AttemptState.OPEN) == []


def test_a_stopped_run_goes_on_under_a_higher_cap_and_buys_nothing_twice(tmp_path: Path) -> None:
    served: list[str] = []

    def reply(body: dict[str, Any]) -> Sent:
        served.append(body["messages"][1]["content"])
        return says(GOOD, prompt_tokens=150, completion_tokens=200)

    store = open_store(tmp_path / "s.db")
    runs = Runs(store)
    key = runs.create({}, {}, program="test", commit="", cap_nanousd=nanousd("1.00")).run_id
    with LoopbackServer(ModelServer(reply)) as loopback:

        def go() -> list[Answer[Weighed] | ModelFailure]:
            client = model_client(
                loopback, StoreJournal(Journal(store, key)), price=DEAR, concurrency=8, max_output_tokens=200
            )
            return asyncio.run(ask_many(client, 30))

        first = go()
        runs.finish(key, RunState.STOPPED, {})
        runs.take(key, cap_nanousd=nanousd("10.00"))
        second = go()
    assert any(isinstance(result, ModelFailure) for result in first)
    assert all(isinstance(result, Answer) for result in second)
    assert sorted(served) == sorted(f"question {i}" for i in range(30))


def test_tokens_per_minute_hold_and_unused_ones_come_back() -> None:
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        due = now + seconds
        await asyncio.sleep(0)
        now = max(now, due)

    from agents.models.pace import ModelPace

    pace = ModelPace(8, 6_000, clock=lambda: now, sleep=sleep)

    async def go() -> list[float]:
        times = []
        for _ in range(6):
            taken = await pace.wait_for_tokens(2_000, 500)
            times.append(now)
            pace.settle(taken, 600)
        return times

    times = asyncio.run(go())
    burst, per_second = 1_000, 100
    for i, time in enumerate(times):
        assert 600 * i <= burst + per_second * time
    assert times[-1] == pytest.approx((5 * 600 - burst) / per_second, abs=0.1)


def test_a_busy_server_quiets_all_calls_to_it() -> None:
    from tests.servers.model_server import error

    answers = [error(429, "slow down", headers={"Retry-After": "0.4"})]

    def reply(body: dict[str, Any]) -> Sent:
        return answers.pop() if answers else says(GOOD)

    with LoopbackServer(ModelServer(reply)) as loopback:
        client = model_client(loopback, sleep=asyncio.sleep, concurrency=1)

        async def timed() -> float:
            start = asyncio.get_running_loop().time()
            await ask_many(client, 3)
            return asyncio.get_running_loop().time() - start

        assert asyncio.run(timed()) >= 0.4


def test_a_cap_over_an_unknown_price_is_refused_with_the_command_that_helps() -> None:
    settings = ModelSettings("unheard-of", "http://127.0.0.1:9/v1")
    table = PriceTable([Price("unheard-of", "elsewhere.example", Decimal(1), Decimal(1))])
    with pytest.raises(InvalidInput, match="agents prices add unheard-of --input X"):
        open_models({"": settings}, StoreJournal.__new__(StoreJournal), table, capped=True)


def test_roles_with_one_model_share_it_and_others_have_their_own(tmp_path: Path) -> None:
    table = PriceTable([Price("a", "", Decimal(1), Decimal(1)), Price("b", "", Decimal(1), Decimal(1))])
    shared, own = ModelSettings("a", "http://127.0.0.1:9/v1"), ModelSettings("b", "http://127.0.0.1:9/v1")
    journal = StoreJournal(Journal(open_store(tmp_path / "s.db")))
    models = open_models({"": shared, "verifier": own}, journal, table, capped=True)
    assert models.of("chronicler") is models.of("estimator")
    assert models.of("verifier") is not models.of("estimator")
    assert models.names() == {"default": "a", "verifier": "b"}
    assert models.settings()["verifier.model"] == "b"
    assert "api_key" not in repr(models.settings())
    journal.close()
