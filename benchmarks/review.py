"""Load on the review page and speed of snapshots, as the figures of docs/review.md and docs/snapshots.md say.

    python -m benchmarks.review load --db URL          20 curators, 2,000 decisions over HTTP; p50, p95, losses
    python -m benchmarks.review snapshot [--cases N]   export, validate and audit N cases of depth 3

All cases are FICTIONAL. The server runs in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import click
import httpx

from db.curators import Curators
from db.export import ExportChoice, export_snapshot
from db.mapping import to_row
from db.repository import Cases
from db.session import open_store
from db.tables import CaseRow, EventKind
from tests.audit_corpus import Maker
from tests.storing import case

CURATORS, DECISIONS = 20, 2_000
PORT = 18_765
SEED_DAYS = 300
TODAY = date(2026, 1, 1)


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
@click.option("--db", required=True, help="An empty store.")
@click.option(
    "--pace", default=0.0, help="Seconds between a curator's decisions; 0: as fast as answers come."
)
def load(db: str, pace: float) -> None:
    """Twenty curators decide on 2,000 cases, each decision sent over HTTP; every tenth is sent twice."""
    store = open_store(db)
    cases = Cases(store)
    ids = [cases.put(case(f"FICTIONAL {n}")).case_id for n in range(DECISIONS)]
    tokens = [Curators(store).add(f"FICTIONAL {n}") for n in range(CURATORS)]
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(db,))
    server.start()
    _wait()

    def work(number: int) -> list[float]:
        taken = []
        headers = {"authorization": f"Bearer {tokens[number]}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers=headers, timeout=60) as client:
            for turn, case_id in enumerate(ids[number::CURATORS]):
                time.sleep(max(0.0, started + pace * (turn + number / CURATORS) - time.perf_counter()))
                body = {"revision": 1, "action": "approve", "key": case_id}
                for _ in range(2 if turn % 10 == 0 else 1):
                    begun = time.perf_counter()
                    client.post(f"/api/cases/{case_id}/decisions", json=body).raise_for_status()
                    taken.append(time.perf_counter() - begun)
        return taken

    begun = started = time.perf_counter()
    with ThreadPoolExecutor(CURATORS) as pool:
        taken = sorted(second for part in pool.map(work, range(CURATORS)) for second in part)
    wall = time.perf_counter() - begun
    server.terminate()
    server.join()
    decided = Counter(event.key for i in ids for event in cases.history(i) if event.kind is EventKind.DECIDED)
    print(json.dumps({
        "store": "sqlite" if store.is_sqlite else "postgres", "curators": CURATORS, "pace_s": pace, "sent": len(taken),
        "decisions_stored": len(decided), "stored_twice": sum(count > 1 for count in decided.values()),
        "lost": DECISIONS - len(decided), "p50_ms": round(1000 * statistics.median(taken), 1),
        "p95_ms": round(1000 * taken[int(0.95 * len(taken))], 1), "max_ms": round(1000 * taken[-1], 1),
        "per_second": round(len(taken) / wall, 1),
    }))  # fmt: skip


def _wait() -> None:
    for _ in range(300):
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/static/review.css").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


@main.command()
@click.option("--cases", "count", default=10_000, show_default=True)
@click.option("--audit/--no-audit", default=True, show_default=True)
def snapshot(count: int, audit: bool) -> None:
    """Export, validate and audit approved cases of depth 3."""
    with tempfile.TemporaryDirectory() as place:
        store = open_store(Path(place) / "cases.sqlite")
        maker = Maker(depth=3, syllables=4)
        with store.writing() as session:  # rows as they stand after put and approval, in one go
            for n in range(count):
                row = to_row(maker.case(n % SEED_DAYS), ())
                session.add(CaseRow(case_id=row.case_id, slug=row.slug, newest=1, approved=1))
                session.add(row)
        store.close()
        found: dict[str, object] = {"cases": count}
        for stage in (_export, _validate, *([_audit] if audit else [])):
            name = stage.__name__.strip("_")
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                seconds, peak = pool.submit(stage, Path(place)).result()
            found |= {f"{name}_s": seconds, f"{name}_peak_mb": peak}
        print(json.dumps(found))


def _export(place: Path) -> tuple[float, int]:
    begun = time.perf_counter()
    export_snapshot(open_store(place / "cases.sqlite"), place / "s", ExportChoice(), program="0", commit="")
    return round(time.perf_counter() - begun, 1), _peak()


def _validate(place: Path) -> tuple[float, int]:
    from corpus.checking import check_snapshot

    begun = time.perf_counter()
    check_snapshot(place / "s", TODAY)
    return round(time.perf_counter() - begun, 1), _peak()


def _audit(place: Path) -> tuple[float, int]:
    from corpus.audit.report import audit_snapshot

    begun = time.perf_counter()
    audit_snapshot(place / "s", TODAY)
    return round(time.perf_counter() - begun, 1), _peak()


def _peak() -> int:
    """Largest resident size so far of this process and of its largest child, in MB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return max(own, child) // scale


if __name__ == "__main__":
    main()
