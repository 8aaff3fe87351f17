"""A worker to be killed: it finishes the seeds of a run, each after two paid calls, in four threads.

The service it pays writes every payment down at once, in a file of its own: that is what the store is
held against afterwards.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from db.budget import CapReached
from db.journal import CallRecord, Journal, ResponseRecord
from db.run_records import RunSeed
from db.runs import Runs
from db.session import open_store
from db.tables import CallKind, RunState
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
