"""400 seeds, 4 model calls each, latency 2 s, 64 in flight, reading included: wall time against the ideal.

The ideal is seeds x calls x latency / concurrency. Each seed asks its calls one after the other; before each
it reads one page of 1,000 words (text, dates, language) as a role would. Real parts throughout: langchain,
the journal of the store (SQLite), the budget; the server is a process of its own on loopback.

    python benchmarks/model_calls.py [--seeds 400] [--calls 4] [--latency 2] [--concurrency 64] [--no-reading]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

sys.path.insert(0, str(Path(__file__).parent.parent))

from agents.journal import nanousd
from agents.model import Answer, Models, ModelSettings, Prompt, open_models
from agents.models.prices import Price, PriceTable
from agents.store_journal import StoreJournal
from db.journal import Journal
from db.runs import Runs
from db.session import open_store

WORDS = 1_000


class Weighed(BaseModel):
    """A reply as an Estimator asks for it."""

    choice: str
    probability: Annotated[float, Field(ge=0, le=1)]


def news_page(number: int) -> bytes:
    """A FICTIONAL page of some 1,000 words."""
    sentence = (
        "The bank of Ruritania kept its key rate at two percent on Thursday, and analysts expect a change. "
    )
    paragraphs = "".join(f"<p>Report {number}.{i}: {sentence * 5}</p>" for i in range(WORDS // 90))
    meta = '<meta property="article:published_time" content="2021-02-10T08:00:00Z">'
    head = f"<html><head><title>FICTIONAL {number}</title>{meta}</head>"
    return f"{head}<body><article><h1>News</h1>{paragraphs}</article></body></html>".encode()


def read(number: int) -> int:
    """Read one page wholly; returns the length of its text."""
    from agents.page_reading import read_page

    page = read_page(news_page(number), f"https://news.example/2021/02/10/{number}")
    return len(page) if isinstance(page, str) else len(page.text)


async def case(models: Models, number: int, calls: int, pool: ProcessPoolExecutor | None) -> int:
    """One seed: read, ask, read, ask. Returns how many answers came."""
    loop = asyncio.get_running_loop()
    answers = 0
    for call in range(calls):
        if pool:
            await loop.run_in_executor(pool, read, number * calls + call)
        evidence = "\n".join(
            f"[{i}] 2021-02-{i % 28 + 1:02d} A dated sentence of evidence, number {i}." for i in range(60)
        )
        prompt = Prompt(
            "estimator", "weigh", "v1", "You weigh outcomes.", f"Seed {number}, question {call}.\n{evidence}"
        )
        answers += isinstance(await models.of("estimator").ask(prompt, Weighed, case=f"c{number}"), Answer)
    return answers


async def measure(options: argparse.Namespace, port: int, folder: Path) -> dict[str, float]:
    """Run all seeds at once, bounded by the model's concurrency."""
    store = open_store(folder / "store.db")
    run = Runs(store).create({}, {}, program="benchmark", commit="", cap_nanousd=nanousd("1000"))
    journal = StoreJournal(Journal(store, run.run_id))
    settings = ModelSettings("tiny", f"http://127.0.0.1:{port}/v1", concurrency=options.concurrency)
    prices = PriceTable([Price("tiny", "", Decimal("0.25"), Decimal("2"))])
    pool = None if options.no_reading else ProcessPoolExecutor(max(os.cpu_count() or 1, 1))
    async with open_models({"": settings}, journal, prices, capped=True) as models:
        await case(models, -1, 1, pool)
        started, cpu = time.perf_counter(), time.process_time()
        answers = await asyncio.gather(*(case(models, n, options.calls, pool) for n in range(options.seeds)))
        wall, spent = time.perf_counter() - started, time.process_time() - cpu
    if pool:
        pool.shutdown()
    ideal = options.seeds * options.calls * options.latency / options.concurrency
    return {
        "answers": sum(answers),
        "ideal_s": ideal,
        "wall_s": round(wall, 2),
        "ratio": round(wall / ideal, 3),
        "cpu_ms_per_call": round(1000 * spent / (options.seeds * options.calls), 2),
        "usd": models.usage()["estimator"].cost_nanousd / 1e9,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--no-reading", action="store_true")
    options = parser.parse_args()
    script = str(Path(__file__).with_name("model_server.py"))
    server = subprocess.Popen(
        [sys.executable, script, str(options.latency)], stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(server.stdout.readline()) if server.stdout else 0
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asyncio.run(measure(options, port, Path(folder))), indent=1))
    finally:
        server.kill()


if __name__ == "__main__":
    main()
