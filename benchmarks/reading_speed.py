"""CPU of reading: one page of 1,000 words through every step, and many pages in a pool of processes.

    python benchmarks/reading_speed.py [--pages 400] [--workers 2]

Pages are built here: an article of 1,000 words between menus, scripts and related links, some 55 kB each.
Their sentences come from the starter archive, so that dates, names and figures are as dense as in news.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agents.archive import starter_archive
from agents.reading.bulk import read_document, read_many
from agents.reading.clustering import Statement, cluster
from agents.reading.evidence import number_evidence, passages
from agents.reading.expectations import expectations
from agents.reading.page import extract
from agents.reading.publication import publication_date
from agents.reading.sentences import sentences
from agents.reading.signature import signature
from corpus.text import directions, names, quantities

SEED = "The Federal Reserve raises its benchmark rate by 75 basis points"
URL = "https://www.example.com/2022/06/15/rates"


def built_page(pool: list[str], draw: random.Random, words: int = 1000) -> bytes:
    """One page around an article of at least `words` words."""
    paragraphs, count = [], 0
    while count < words:
        text = " ".join(draw.choice(pool) for _ in range(3))
        count += len(text.split())
        paragraphs.append(f"<p>{text}</p>")
    menu = "".join(f'<li class="nav"><a href="/section/{n}">Section number {n}</a></li>' for n in range(120))
    cards = "".join(
        f'<div class="card"><a href="/story-{n}"><h3>{draw.choice(pool)[:80]}</h3></a></div>'
        for n in range(40)
    )
    script = "<script>" + "var f=function(){return {b:1,c:[1,2,3]}};" * 400 + "</script>"
    linked = json.dumps({"@type": "NewsArticle", "datePublished": "2022-06-15T18:05:00Z"})
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Rates | Example</title>'
        '<meta property="article:published_time" content="2022-06-15T18:05:00Z">'
        f'<script type="application/ld+json">{linked}</script>{script}</head><body><nav><ul>{menu}</ul></nav><main>'
        f"<article><h1>Rates rise</h1><time datetime='2022-06-15'>June 15, 2022</time>{''.join(paragraphs)}</article>"
        f"<aside>{cards}</aside></main><footer>{menu}</footer></body></html>"
    ).encode()


def cpu(work: Callable[[bytes], object], pages: list[bytes]) -> str:
    """CPU of the median and the fastest page, once warm; every page is another one, so no cache helps.

    On a busy machine CPU time grows with what the neighbours do; the fastest page is the nearest to a quiet one.
    """
    for page in pages[:3]:
        work(page)
    spent = []
    for page in pages[3:]:
        begun = time.process_time()
        work(page)
        spent.append((time.process_time() - begun) * 1000)
    return f"{statistics.median(spent):.1f} ms CPU a page (fastest {min(spent):.1f})"


def every_step(page: bytes) -> int:
    """Text, language, publication, passages with dates, relevance and signature, expectations, evidence."""
    document = read_document(page, URL)
    found = passages(document, SEED)
    for passage in found:
        signature(passage.text)
    ahead = expectations(document.text, document.published_at)
    return len(number_evidence(found, budget=2000)) + len(ahead)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pages", type=int, default=400)
    asked.add_argument("--workers", type=int, default=2)
    given = asked.parse_args()
    with starter_archive() as archive:
        documents = archive.all()
    pool = [s.text for document in documents for s in sentences(document.text)]
    draw = random.Random(0)
    pages = [built_page(pool, draw) for _ in range(43)]
    print(f"a page: {sum(map(len, pages)) / len(pages) / 1000:.0f} kB, 1,000 words")
    print(f"every step: {cpu(every_step, pages)}")
    print(f"  extract: {cpu(lambda page: extract(page, URL), pages)}")
    print(f"  publication_date: {cpu(lambda page: publication_date(page, URL), pages)}")
    texts = [read_document(page, URL).text.encode() for page in pages[:23]]
    for name, work in {"names": names, "quantities": quantities, "directions": directions}.items():
        print(f"  {name}: {cpu(lambda raw, work=work: work(raw.decode()), texts)}")
    begun = time.process_time()
    statements = [Statement(p.text, p.date) for document in documents for p in passages(document, SEED)]
    read = time.process_time() - begun
    groups = cluster(statements)
    spent = time.process_time() - begun - read
    print(f"starter archive: {len(documents)} documents, {len(statements)} passages in {read:.1f} s, "
          f"{len(groups)} clusters in {spent:.1f} s CPU")  # fmt: skip
    bulk(pool, given.pages, given.workers)


def cpu_of_all() -> float:
    """CPU seconds of this process and its finished children."""
    return sum(
        u.ru_utime + u.ru_stime
        for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def bulk(pool: list[str], count: int, workers: int) -> None:
    """Pages per second from files on disk, process start included."""
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(count):
            path = Path(folder) / f"{number:05d}.html"
            path.write_bytes(built_page(pool, draw))
            paths.append(path)
        for processes in (1, workers):
            begun, used = time.perf_counter(), cpu_of_all()
            read = sum(1 for _ in read_many(paths, workers=processes))
            spent = time.perf_counter() - begun
            own = (cpu_of_all() - used) / read * 1000
            print(f"bulk, {processes} process(es): {read} pages in {spent:.1f} s, {read / spent:.0f} pages a second, "
                  f"{own:.0f} ms CPU a page")  # fmt: skip


if __name__ == "__main__":
    main()
