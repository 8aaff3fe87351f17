"""What the store costs: journal writes, cases, a run of 2,000 seeds and its resumption, twenty kills.

    python -m benchmarks.store            # a table, on SQLite and on a Postgres of its own (with fsync)
    python -m benchmarks.store --json

Measures the store alone: no reading, no model, no graph. Each part runs in a fresh process, whose peak
memory is reported with the interpreter and all imports in it. CPU is this program's own: it holds on a
machine that is busy with other things, where the other times do not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from corpus.case import Case, Status
from corpus.identity import case_json
from db.backup import backup, restore
from db.export import approved_cases
from db.journal import CallRecord, Journal, ResponseRecord
from db.mapping import StoredDocument
from db.repository import Cases
from db.runs import Runs
from db.session import Store, open_store
from db.tables import CallKind, RunState
from tests.builders import TEXTS, level, sound_case
from tests.killing import findings, kill_and_resume, new_run
from tests.postgres import InstalledServer, any_server
from tests.storing import case

SEEDS = 2_000
Figures = dict[str, float | int]


def deep_case(number: int, **changes: object) -> Case:
    """A FICTIONAL case of depth 3."""
    outcomes = tuple(level(depth=depth) for depth in (1, 2, 3))
    return case(f"FICTIONAL {number}", outcomes=outcomes, **changes)


def timed(action: Callable[[int], object], times: int) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for number in range(times):
        start = time.perf_counter()
        action(number)
        found.append((time.perf_counter() - start) * 1000)
    return found


def journal(url: str) -> Figures:
    """A journalled call: attempt and response, 2 kB of request, 2 kB of response."""
    with opened(url) as store:
        written = Journal(store, new_run(store, 0))
        text = random.Random(0).randbytes(1_000).hex()

        def call(number: int) -> None:
            record = CallRecord(f"k{number}", CallKind.MODEL, "role", {"prompt": text}, 10)
            attempt = written.begin(record)
            if not isinstance(attempt, int):
                raise TypeError("the run has no cap")
            written.finish(attempt, ResponseRecord(text.encode(), {"status": 200}, 5))

        cpu = time.process_time()
        alone = timed(call, 500)
        cpu = time.process_time() - cpu
        start = time.perf_counter()
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(call, range(1_000, 4_000)))
        crowd = (time.perf_counter() - start) / 3_000 * 1000
        found = timed(lambda number: written.lookup(f"k{number}"), 500)
    return {
        "call journalled, ms median": statistics.median(alone),
        "call journalled, CPU ms": cpu * 1000 / 500,
        "call journalled, ms p95": statistics.quantiles(alone, n=20)[-1],
        "64 threads, ms per call": crowd,
        "lookup, ms median": statistics.median(found),
    }


def cases(url: str) -> Figures:
    """Storing a case of depth 3, finding it unchanged, reading it."""
    with opened(url) as store:
        stored = Cases(store)
        made = [deep_case(number) for number in range(500)]
        cpu = time.process_time()
        new = timed(lambda number: stored.put(made[number]), 500)
        cpu = time.process_time() - cpu
        same = timed(lambda number: stored.put(made[number]), 500)
        read = timed(lambda number: stored.get(made[number].case_id), 500)
        listed = timed(lambda _: stored.list_cases(), 5)
    return {
        "case, kB": len(case_json(made[0])) / 1000,
        "put new, ms median": statistics.median(new),
        "put new, CPU ms": cpu * 1000 / 500,
        "put unchanged, ms median": statistics.median(same),
        "get, ms median": statistics.median(read),
        "list 500, ms median": statistics.median(listed),
    }


def run(url: str) -> Figures:
    """A run of 2,000 seeds, eight workers, each seed stored with its case and four texts."""
    start = time.perf_counter()
    with opened(url) as store:
        runs = Runs(store)
        run_id = new_run(store, SEEDS)
        runs.take(run_id)
        sources = {source.source_id: source for source in sound_case().sources}
        texts = [StoredDocument(sources[key], text) for key, text in TEXTS.items()]

        def worker(_: int) -> None:
            while seed := runs.claim(run_id):
                runs.advance(seed, "chain")
                runs.finish_seed(seed, deep_case(seed.position, status=Status.APPROVED), (), texts)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(worker, range(8)))
        runs.finish(run_id, RunState.FINISHED, {})
    return {
        "2,000 seeds, s": time.perf_counter() - start,
        "2,000 seeds, CPU s": time.process_time(),
        "2,000 seeds, peak MB": peak_mb(),
    }


def resume(url: str) -> Figures:
    """Taking the finished run up again: there is nothing left to do."""
    start = time.perf_counter()
    with opened(url) as store:
        runs = Runs(store)
        run_id = runs.take("last").run_id
        if runs.claim(run_id) is not None:
            raise RuntimeError("the run was not finished")
        runs.seeds(run_id)
        runs.finish(run_id, RunState.FINISHED, {})
    return {"resumed, s": time.perf_counter() - start, "resumed, peak MB": peak_mb()}


def leave(url: str) -> Figures:
    """Export and backup of 2,000 cases."""
    with opened(url) as store, tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        exported = sum(1 for _ in approved_cases(store))
        export = time.perf_counter() - start
        file = Path(folder) / "all.zip"
        start = time.perf_counter()
        backup(store, file)
        saved = time.perf_counter() - start
        start = time.perf_counter()
        restore(Path(folder) / "again.sqlite", file)
        return {
            "cases exported": exported,
            "export, s": export,
            "backup, s": saved,
            "backup, MB": file.stat().st_size / 1e6,
            "restored into SQLite, s": time.perf_counter() - start,
            "export and backup, peak MB": peak_mb(),
        }


def kills(url: str) -> Figures:
    """Twenty kills -9 at random moments of a run of 600 seeds and 1,200 paid calls."""
    with opened(url) as store, tempfile.TemporaryDirectory() as folder:
        run_id, ledger = new_run(store, 600), Path(folder) / "ledger"
        kill_and_resume(url, run_id, ledger, 20, 1_200, random.Random(1))
        found = findings(store, ledger)
    return {
        "kills": 20,
        "cases lost": 600 - found.cases,
        "cases doubled": found.revisions - found.cases,
        "responses lost": 1_200 - found.responses,
        "finished calls paid again": found.tried_after_response,
        "calls caught under way": found.attempts_lost,
        "payments without an attempt": found.paid_unaccounted,
    }


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """The store, closed afterwards."""
    store = open_store(url)
    yield store
    store.close()


def peak_mb() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(new_url: Callable[[], str]) -> Figures:
    """All parts, each in a process of its own; run, resume and leave share one store."""
    found: Figures = {}
    shared = new_url()
    for part, url in (
        (journal, new_url()), (cases, new_url()), (run, shared), (resume, shared), (leave, shared), (kills, new_url()),
    ):  # fmt: skip
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
            found |= fresh.submit(part, url).result()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    server = any_server()
    if isinstance(server, InstalledServer):
        server = InstalledServer(server.programs, ("listen_addresses=", "max_connections=200"))
    with tempfile.TemporaryDirectory(dir=".") as folder, server as postgres:
        numbers = count()
        found: dict[str, Any] = {
            "SQLite": measure(lambda: str(Path(folder) / f"{next(numbers)}.sqlite")),
            "Postgres": measure(lambda: postgres.url(postgres.create())),
        }
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(f"{'':<32}{'SQLite':>12}{'Postgres':>12}")
    for name in found["SQLite"]:
        print(f"{name:<32}" + "".join(f"{found[kind][name]:>12.4g}" for kind in found))


if __name__ == "__main__":
    main()
