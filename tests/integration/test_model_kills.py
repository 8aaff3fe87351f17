"""Kill -9 at 20 random moments: no finished response is bought twice, what was in flight stays visible."""

from __future__ import annotations

import json
import multiprocessing
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents.journal import nanousd
from db.journal import Journal
from db.runs import Runs
from db.session import open_store
from db.tables import AttemptState, RunState
from tests.kill_worker import CALLS_A_CASE, work
from tests.model_clients import GOOD
from tests.servers.loopback import Answer, LoopbackServer
from tests.servers.model_server import ModelServer, says

CASES, KILLS = 40, 20


def question(body: dict[str, Any]) -> str:
    return str(body["messages"][1]["content"])


def finished(file: Path) -> set[str]:
    """Questions whose responses are committed, read past the program."""
    with sqlite3.connect(file) as base:
        rows = base.execute(
            "SELECT a.request FROM responses r JOIN attempts a ON a.attempt_id = r.attempt_id"
        )
        return {question(json.loads(request)["body"]) for (request,) in rows}


@pytest.mark.timeout(600)
def test_twenty_kills_at_random_moments_buy_nothing_twice(tmp_path: Path) -> None:
    dice = random.Random(20)
    asked: Counter[str] = Counter()

    def reply(body: dict[str, Any]) -> Answer:
        asked[question(body)] += 1
        return says(GOOD, delay_s=dice.uniform(0.05, 0.4))

    file = tmp_path / "s.db"
    store = open_store(file)
    runs = Runs(store)
    run = runs.create({}, {}, program="test", commit="", cap_nanousd=nanousd("100"))
    runs.finish(run.run_id, RunState.STOPPED, {})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kill_worker", "langchain_openai"])  # three seconds a life
    kills = 0
    with LoopbackServer(ModelServer(reply)) as loopback:
        while True:
            before, had = asked.copy(), finished(file)
            worker = context.Process(target=work, args=(file, run.run_id, f"{loopback.url}/v1", CASES))
            worker.start()
            if kills < KILLS:
                while sum(asked.values()) == sum(before.values()) and worker.is_alive():
                    time.sleep(0.01)
                worker.join(dice.uniform(0.02, 0.35))
                worker.kill()
                kills += 1
            worker.join()
            bought_again = {text for text in had if asked[text] > before[text]}
            assert bought_again == set()
            if worker.exitcode == 0:
                break
    assert kills == KILLS
    total = CASES * CALLS_A_CASE
    assert len(finished(file)) == total
    assert set(asked.values()) <= set(range(1, KILLS + 2))
    attempts = Journal(store, run.run_id).attempts()
    states = Counter(attempt.state for attempt in attempts)
    assert states[AttemptState.FINISHED] == total
    assert states[AttemptState.OPEN] == 0
    assert states[AttemptState.LOST] >= sum(asked.values()) - total > 0
    spent = sum(attempt.cost_nanousd or 0 for attempt in attempts)
    assert runs.get(run.run_id).spending.spent_nanousd == spent
