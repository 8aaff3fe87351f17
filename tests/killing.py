"""A worker to be killed: it finishes the seeds of a run, each after two paid calls, in four threads.

The service it pays writes every payment down at once, in a file of its own: that is what the store is
held against afterwards.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from db.budget import CapReached
from db.journal import CallRecord, Journal, ResponseRecord
from db.run_records import RunSeed
from db.runs import Runs
from db.session import Store, open_store
from db.tables import AttemptRow, AttemptState, CallKind, ResponseRow, RevisionRow, RunState
from tests.storing import case, of_run

THREADS = 4
PRICE = 1_000


def pay(ledger: Path, key: str) -> bytes:
    """What the service does: it takes the money for good, then answers."""
    handle = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{key}\n".encode())
    os.close(handle)
    time.sleep(0.002)
    return f"answer to {key}".encode()


def call(journal: Journal, ledger: Path, key: str) -> bytes:
    """A call through the journal."""
    if known := journal.lookup(key):
        return known.body
    attempt = journal.begin(CallRecord(key, CallKind.MODEL, "role", {"key": key}, 2 * PRICE))
    if isinstance(attempt, CapReached):
        raise RuntimeError("the run has no cap")
    body = pay(ledger, key)
    journal.finish(attempt, ResponseRecord(body, {}, PRICE))
    return body


def research(runs: Runs, journal: Journal, ledger: Path, seed: RunSeed) -> None:
    """One seed: two calls, then its case with both answers."""
    answers = [call(journal, ledger, f"{seed.seed_key}/{number}").decode() for number in range(2)]
    made = of_run(case(f"FICTIONAL {seed.seed_key}", summary=" ".join(answers)), seed.run_id)
    runs.finish_seed(seed, made)


def work(url: str, run_id: str, ledger: str) -> None:
    """Take the run over and work until no seed waits."""
    store = open_store(url)
    runs = Runs(store)
    runs.take(run_id)
    journal = Journal(store, run_id)

    def worker() -> None:
        while seed := runs.claim(run_id):
            research(runs, journal, Path(ledger), seed)

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(worker) for _ in range(THREADS)]:
            future.result()
    runs.finish(run_id, RunState.FINISHED, {})
    store.close()


def new_run(store: Store, seeds: int) -> str:
    """A stopped run with numbered seeds; its id."""
    runs = Runs(store)
    run_id = runs.create({}, {}, program="0", commit="").run_id
    runs.add_seeds(run_id, [(f"seed-{number}", {}) for number in range(seeds)])
    runs.finish(run_id, RunState.STOPPED, {})
    return run_id


def kill_and_resume(url: str, run_id: str, ledger: Path, kills: int, calls: int, dice: random.Random) -> None:
    """Let workers take the run one after the other; kill each of the first `kills` in the midst of its work.

    `calls` is how many the whole run makes: each life gets a random share of them before it is killed.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.killing"])
    for life in range(kills + 1):
        process = processes.Process(target=work, args=(url, run_id, str(ledger)))
        process.start()
        if life < kills:
            enough = payments(ledger) + dice.randint(1, max(1, calls // (kills + 2)))
            while payments(ledger) < enough and process.is_alive():
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.01))
            process.kill()
        process.join()
    if process.exitcode:
        raise RuntimeError(f"the last worker ended with {process.exitcode}")


def payments(ledger: Path) -> int:
    """How often the service was paid."""
    return ledger.read_text().count("\n") if ledger.exists() else 0


@dataclass(frozen=True)
class Findings:
    """What is in the store after the kills, held against what was paid."""

    cases: int
    """Different cases stored."""
    revisions: int
    """Equal to `cases` where nothing is stored twice."""
    responses: int
    payments: int
    attempts_lost: int
    """Calls that a kill caught under way: the only ones that may be paid for again."""
    tried_after_response: int
    """Attempts of a call whose response was stored already: each would be paid twice for nothing."""
    paid_unaccounted: int
    """Payments without an attempt row."""


def findings(store: Store, ledger: Path) -> Findings:
    """Look at everything that a killed and resumed run has left."""
    with store.reading() as session:
        revisions = session.execute(select(RevisionRow.case_id)).scalars().all()
        responses = {row.key: row for row in session.execute(select(ResponseRow)).scalars()}
        attempts = session.execute(select(AttemptRow)).scalars().all()
    tried = Counter(attempt.key for attempt in attempts)
    paid = Counter(ledger.read_text().split())
    return Findings(
        cases=len(set(revisions)),
        revisions=len(revisions),
        responses=len(responses),
        payments=paid.total(),
        attempts_lost=sum(attempt.state is AttemptState.LOST for attempt in attempts),
        tried_after_response=sum(
            attempt.key in responses and (attempt.attempt_id or 0) > responses[attempt.key].attempt_id
            for attempt in attempts
        ),
        paid_unaccounted=sum((paid - tried).values()),
    )
