"""Load on the review page and speed of snapshots, as the figures of docs/review.md and docs/snapshots.md say.

    python -m benchmarks.review load [--db URL] [--pages]   20 curators, 2,000 decisions over HTTP; p50, p95, losses
    python -m benchmarks.review snapshot [--cases N]…       export, validate and audit N cases of depth 3

All cases are FICTIONAL. The server runs in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from corpus.case import Status
from corpus.commands.options import FAILS, LOOK
from db.curators import Curators
from db.mapping import to_row
from db.repository import Cases
from db.session import open_store
from db.tables import CaseRow, EventKind
from tests.audit_corpus import Maker
from tests.postgres import InstalledServer, any_server
from tests.storing import case

CURATORS, DECISIONS = 20, 2_000
PAGE_PACE = 4.0
"""Faster than anybody reads; without a pause the pages are bound by the processor alone, at some 20 a second."""
PORT = 18_765
SEED_DAYS = 300


def _serve(url: str) -> None:
    import uvicorn

    from agents.curator.application import create_app
    from agents.curator.settings import ReviewSettings

    settings = ReviewSettings(frozenset({f"127.0.0.1:{PORT}"}), f"http://127.0.0.1:{PORT}", b"k" * 32)
    uvicorn.run(
        create_app(open_store(url), settings),
        host="127.0.0.1",
        port=PORT,
        log_level="warning",
        access_log=False,
    )


@click.group()
def main() -> None:
    """Benchmarks of the review page and of snapshots."""


@main.command()
@click.option("--db", help="An empty store. Default: a Postgres of its own, with fsync.")
@click.option(
    "--pages", is_flag=True, help="By the pages' forms, the next case shown after each, not by the API."
)
@click.option(
    "--pace",
    type=float,
    help="Seconds between a curator's decisions. Default: none by the API, 4 by the pages.",
)
@click.option("--decisions", type=click.IntRange(CURATORS), default=DECISIONS, show_default=True)
def load(db: str | None, pages: bool, pace: float | None, decisions: int) -> None:
    """Twenty curators decide on cases over HTTP; by the API every tenth decision is sent twice."""
    pace = (PAGE_PACE if pages else 0.0) if pace is None else pace
    if db is not None:
        _load(db, pace, pages, decisions)
        return
    server = any_server()
    if isinstance(server, InstalledServer):
        server = InstalledServer(server.programs, ("listen_addresses=", "max_connections=200"))
    with server as running:
        _load(running.url(running.create()), pace, pages, decisions)


def _load(db: str, pace: float, pages: bool, decisions: int) -> None:
    store = open_store(db)
    cases = Cases(store)
    spare = CURATORS if pages else 0  # whoever has finished holds the next case open
    ids = [cases.put(case(f"FICTIONAL {n}")).case_id for n in range(decisions + spare)]
    tokens = [Curators(store).add(f"FICTIONAL {n}") for n in range(CURATORS)]
    with _serving(db) as server:
        found, wall, loads = _decide_all(tokens, ids[:decisions], pace, pages)
        cpu = _cpu_of(server)
    taken, shown = (sorted(second for part in found for second in part[n]) for n in (0, 1))
    decided = Counter(event.key for i in ids for event in cases.history(i) if event.kind is EventKind.DECIDED)
    cases_decided = cases.count_by_status()[Status.APPROVED]
    print(json.dumps({
        "store": "sqlite" if store.is_sqlite else "postgres", "by": "pages" if pages else "api", "load": loads,
        "curators": CURATORS, "pace_s": pace, "sent": len(taken), "decisions_stored": len(decided),
        "stored_twice": sum(count > 1 for count in decided.values()), "lost": decisions - cases_decided,
        "decided_by_two": len(decided) - cases_decided, **_figures("decision", taken), **_figures("next_case", shown),
        "per_second": round(len(taken) / wall, 1), "server_cpu_ms_each": round(1000 * cpu / len(taken), 1),
    }))  # fmt: skip


@contextmanager
def _serving(db: str) -> Iterator[int]:
    """The review page in a process of its own, ended whatever happens: else this one would wait for it for ever."""
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(db,))
    server.start()
    try:
        _wait()
        yield server.pid or 0
    finally:
        server.terminate()
        server.join()


Taken = tuple[list[float], list[float]]
"""Seconds to each answer, and to each next case."""


def _decide_all(
    tokens: list[str], ids: list[str], pace: float, pages: bool
) -> tuple[list[Taken], float, list[float]]:
    """What each curator waited, the seconds of the whole, and the machine's load before and after."""
    load_before, started = os.getloadavg()[0], time.perf_counter()

    def work(number: int) -> Taken:
        own, clock = ids[number::CURATORS], Pace(started + pace * number / CURATORS, pace)
        if pages:
            return _by_pages(tokens[number], len(own), clock)
        return _by_api(tokens[number], own, clock), []

    with ThreadPoolExecutor(CURATORS) as pool:
        found = list(pool.map(work, range(CURATORS)))
    wall = time.perf_counter() - started
    return found, wall, [round(load_before, 1), round(os.getloadavg()[0], 1)]


@dataclass
class Pace:
    """When a curator's next decision is due; late ones are not made up for all at once."""

    due: float
    step: float

    def wait(self) -> None:
        """Sleep until the next decision is due."""
        time.sleep(max(0.0, self.due - time.perf_counter()))
        self.due = max(self.due, time.perf_counter() - self.step) + self.step


def _by_api(token: str, ids: list[str], pace: Pace) -> list[float]:
    taken = []
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers=headers, timeout=60) as client:
        for turn, case_id in enumerate(ids):
            pace.wait()
            body = {"revision": 1, "action": "approve", "key": case_id}
            for _ in range(2 if turn % 10 == 0 else 1):
                begun = time.perf_counter()
                client.post(f"/api/cases/{case_id}/decisions", json=body).raise_for_status()
                taken.append(time.perf_counter() - begun)
    return taken


def _by_pages(token: str, count: int, pace: Pace) -> Taken:
    """Approve so many of the cases that the page shows."""
    taken, shown = [], []
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=60, follow_redirects=True) as client:
        client.get(f"/enter?token={token}").raise_for_status()
        page = client.get("/").text
        for _ in range(count):
            pace.wait()
            action = re.search(r'id="decide" method="post" action="([^"]+)"', page)
            if action is None:
                raise RuntimeError("the page shows no case, although there are as many as decisions")
            form = page[action.start() :]
            fields = {name: _value(form, name) for name in ("csrf", "revision", "key")}
            begun = time.perf_counter()
            sent = client.post(action[1], data=fields | {"action": "approve"}, headers={"hx-request": "true"})
            sent.raise_for_status()
            taken.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            page = client.get(sent.headers["hx-redirect"]).text
            shown.append(time.perf_counter() - begun)
    return taken, shown


def _value(form: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', form)
    if found is None:
        raise RuntimeError(f"the form has no {name}")
    return found[1]


def _figures(name: str, seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {
        f"{name}_p50_ms": round(1000 * statistics.median(seconds), 1),
        f"{name}_p95_ms": round(1000 * seconds[int(0.95 * len(seconds))], 1),
        f"{name}_max_ms": round(1000 * seconds[-1], 1),
    }


def _cpu_of(pid: int) -> float:
    """Processor seconds of a process so far, its start included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait() -> None:
    for _ in range(300):
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/static/review.css").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


@main.command()
@click.option("--cases", "counts", multiple=True, type=int, default=(2_500, 10_000), show_default=True)
@click.option("--audit/--no-audit", default=True, show_default=True)
def snapshot(counts: tuple[int, ...], audit: bool) -> None:
    """Export, validate and audit approved cases of depth 3, each by its command in a fresh process."""
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            _fill(place / "cases.sqlite", count)
            folder = str(place / "s")
            steps = {
                "export": ("agents.cli", "export", folder, "--db", str(place / "cases.sqlite")),
                "validate": ("corpus.cli", "validate", folder, "--json"),
            }
            if audit:
                steps["audit"] = ("corpus.cli", "audit", folder, "--json")
            for step, command in steps.items():
                load = os.getloadavg()[0]
                figures = {"cases": count, "step": step, "load": round(load, 1), **_measured(place, command)}
                print(json.dumps(figures), flush=True)


def _fill(file: Path, count: int) -> None:
    """Lay down rows as they stand after put and approval, in one go."""
    store, maker = open_store(file), Maker(depth=3, syllables=4)
    with store.writing() as session:
        for n in range(count):
            row = to_row(maker.case(n % SEED_DAYS), ())
            session.add(CaseRow(case_id=row.case_id, slug=row.slug, newest=1, approved=1))
            session.add(row)
    store.close()


def _measured(place: Path, command: tuple[str, ...]) -> dict[str, Any]:
    """The figures of a command; a verdict's exit code is no failure."""
    report = place / "measured.json"
    called = [sys.executable, "-m", "benchmarks.measured", str(report), *command]
    done = subprocess.run(called, capture_output=True, text=True)
    if done.returncode not in (0, LOOK, FAILS):
        raise RuntimeError(done.stderr)
    return dict(json.loads(report.read_text()))


if __name__ == "__main__":
    main()
