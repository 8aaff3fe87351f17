"""kill -9 at random moments: nothing stored is lost, nothing is there twice, nothing is paid for twice."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from db.journal import Journal
from db.repository import Cases
from db.runs import Runs
from db.session import Store
from db.tables import AttemptRow, AttemptState, ResponseRow, RevisionRow, RunState, SeedState
from tests.killing import PRICE, work

SEEDS = 150
KILLS = 6


def payments(ledger: Path) -> int:
    return ledger.read_text().count("\n") if ledger.exists() else 0


def killed_and_resumed(store_url: str, run_id: str, ledger: Path, dice: random.Random) -> None:
    """Let workers take the run one after the other; kill each of the first `KILLS` in the midst of its work."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.killing"])
    for life in range(KILLS + 1):
        process = processes.Process(target=work, args=(store_url, run_id, str(ledger)))
        process.start()
        if life < KILLS:
            enough = payments(ledger) + dice.randint(1, 2 * SEEDS // (KILLS + 2))
            while payments(ledger) < enough:
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.01))
            process.kill()
        process.join()
    assert process.exitcode == 0


def test_killed_at_random_moments(store: Store, store_url: str, tmp_path: Path) -> None:
    setup = Runs(store)
    run_id = setup.create({}, {}, program="0", commit="").run_id
    setup.add_seeds(run_id, [(f"seed-{number}", {}) for number in range(SEEDS)])
    setup.finish(run_id, RunState.STOPPED, {})
    ledger = tmp_path / "ledger"
    killed_and_resumed(store_url, run_id, ledger, random.Random(store_url))

    runs, cases = Runs(store), Cases(store)
    run = runs.get(run_id)
    assert run.state is RunState.FINISHED
    assert runs.count_seeds(run_id)[SeedState.DONE] == SEEDS
    summaries = cases.list_cases()
    assert {seed.case_id for seed in runs.seeds(run_id)} == {found.case_id for found in summaries}
    assert len(summaries) == SEEDS
    assert {found.revision for found in summaries} == {1}

    paid = Counter(ledger.read_text().split())
    with store.reading() as session:
        assert session.execute(select(RevisionRow.revision)).all() == [(1,)] * SEEDS
        responses = {row.key: row for row in session.execute(select(ResponseRow)).scalars()}
        attempts = session.execute(select(AttemptRow)).scalars().all()
    assert len(responses) == 2 * SEEDS
    for attempt in attempts:  # after a stored response its call was never tried again
        assert attempt.attempt_id <= responses[attempt.key].attempt_id
        assert attempt.state in {AttemptState.FINISHED, AttemptState.LOST}
    lost = Counter(attempt.key for attempt in attempts if attempt.state is AttemptState.LOST)
    assert all(1 <= paid[key] <= 1 + lost[key] for key in responses)
    assert Journal(store, run_id).attempts(AttemptState.OPEN) == []
    assert run.spending.reserved_nanousd == 0
    assert run.spending.spent_nanousd == 2 * SEEDS * PRICE + lost.total() * 2 * PRICE
    assert run.spending.spent_nanousd >= paid.total() * PRICE
