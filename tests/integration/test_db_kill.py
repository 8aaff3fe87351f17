"""kill -9 at random moments: nothing stored is lost, nothing is there twice, nothing is paid for twice."""

from __future__ import annotations

import random
from pathlib import Path

from db.journal import Journal
from db.repository import Cases
from db.runs import Runs
from db.session import Store
from db.tables import AttemptState, RunState, SeedState
from tests.killing import PRICE, findings, kill_and_resume, new_run

SEEDS = 150
KILLS = 6


def test_killed_at_random_moments(store: Store, store_url: str, tmp_path: Path) -> None:
    run_id, ledger = new_run(store, SEEDS), tmp_path / "ledger"
    kill_and_resume(store_url, run_id, ledger, KILLS, 2 * SEEDS, random.Random(store_url))

    found = findings(store, ledger)
    assert (found.cases, found.revisions, found.responses) == (SEEDS, SEEDS, 2 * SEEDS)
    assert (found.tried_after_response, found.paid_unaccounted) == (0, 0)
    assert 2 * SEEDS <= found.payments <= 2 * SEEDS + found.attempts_lost

    runs = Runs(store)
    run = runs.get(run_id)
    assert run.state is RunState.FINISHED
    assert runs.count_seeds(run_id)[SeedState.DONE] == SEEDS
    stored = {found.case_id for found in Cases(store).list_cases()}
    assert {seed.case_id for seed in runs.seeds(run_id)} == stored
    assert Journal(store, run_id).attempts(AttemptState.OPEN) == []
    assert run.spending.reserved_nanousd == 0
    assert run.spending.spent_nanousd == 2 * SEEDS * PRICE + found.attempts_lost * 2 * PRICE
