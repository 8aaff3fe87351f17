"""What the offline roles find on the starter archive, against the authored cases.

    python -m benchmarks.offline [--domains economics,health] [--verbose] [--sample FILE]

Chains: the Chronicler starts from each authored seed with its evidence; an authored outcome counts as found when a
link lies within three days of it and quotes one of its documents or is worded alike. A link is in topic when it
quotes a document that the authored case cites. Alternatives: for each authored level the Estimator reads what was
available at its as-of; an alternative is in topic likewise. Seeds: the Brainstormer is asked for as many seeds as
the domain and period can give; an authored seed counts as found when a seed lies within three days and shares a
document or
is worded like it. `--sample` writes 60 links, drawn with a fixed seed, for a reader to judge.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from agents.archive import starter_archive
from agents.library import ArchiveLibrary, View
from agents.offline.base_rates import BaseRates
from agents.offline.brainstormer import OfflineBrainstormer
from agents.offline.chronicler import OfflineChronicler
from agents.offline.estimator import OfflineEstimator
from agents.offline.matching import same
from agents.roles import ChainEnd, cited
from agents.state import RunSettings
from benchmarks.reference import reference_cases
from corpus.case import Case, Evidence, Outcome
from corpus.dates import EventDate

DAYS = 3


@dataclass
class Tally:
    found: Counter = field(default_factory=Counter)
    wanted: Counter = field(default_factory=Counter)
    made: Counter = field(default_factory=Counter)
    in_topic: int = 0
    days_off: list[int] = field(default_factory=list)
    links: list[dict] = field(default_factory=list)


def urls(case: Case, evidence: tuple[Evidence, ...]) -> set[str]:
    return {case.source(item.source_id).url for item in evidence}


async def chain_of(case: Case, view: View) -> Case:
    chronicler = OfflineChronicler()
    grown = case.model_copy(update={"outcomes": ()})
    while len(grown.outcomes) < 5:
        link = await chronicler.next_link(view, grown, frozenset(), "")
        if isinstance(link, ChainEnd):
            break
        grown = cited(grown.model_copy(update={"outcomes": (*grown.outcomes, link.outcome)}), link.documents)
    return grown


def matches(reference: Case, outcome: Outcome, grown: Case, link: Outcome) -> bool:
    if outcome.date.days_to(link.date) > DAYS:
        return False
    return bool(urls(reference, outcome.evidence) & urls(grown, link.evidence)) or same(
        outcome.event, link.event
    )


def compare(reference: Case, grown: Case, tally: Tally, verbose: bool) -> None:
    happened = [o for o in reference.outcomes if o.event]
    cited_urls = {source.url for source in reference.sources}
    hit = set()
    if verbose:
        print(f"\n## {reference.seed_date} {reference.seed_event}")
    for link in grown.outcomes:
        fitting = [o for o in happened if matches(reference, o, grown, link)]
        hit |= {o.depth for o in fitting}
        tally.days_off += [o.date.days_to(link.date) for o in fitting]
        in_topic = bool(urls(grown, link.evidence) & cited_urls)
        tally.made[link.depth] += 1
        tally.in_topic += in_topic
        tally.links.append(
            {
                "seed": reference.seed_event,
                "parent": f"{grown.parent_date(link.depth)} {grown.parent_event(link.depth)}",
                "link": f"{link.date} {link.event}",
                "quote": link.evidence[0].exact,
            }
        )
        if verbose:
            off = "" if in_topic else " OFF"
            print(f"   {link.depth} {link.date} {link.event[:100]} {[o.depth for o in fitting]}{off}")
    for outcome in happened:
        tally.wanted[outcome.depth] += 1
        tally.found[outcome.depth] += outcome.depth in hit


async def seeds_found(references: list[Case], library: ArchiveLibrary) -> tuple[int, int, int]:
    days = sorted(case.seed_date for case in references)
    settings = RunSettings(
        first_day=EventDate(days[0].first_day), last_day=EventDate(days[-1].last_day),
        domains=(references[0].domain,), num_cases=10_000,
    )  # fmt: skip
    seeds = (await OfflineBrainstormer().seeds(library, settings)).seeds
    by_seed = [(seed, {s.url for s in seed.sources}) for seed in seeds]
    found = sum(
        any(
            seed.date.days_to(case.seed_date) <= DAYS
            and (pages & urls(case, case.seed_evidence) or same(seed.event, case.seed_event))
            for seed, pages in by_seed
        )
        for case in references
    )
    return found, len(references), len(seeds)


async def alternatives(references: list[Case], library: ArchiveLibrary) -> str:
    estimator, levels, made = OfflineEstimator(BaseRates(())), [], []
    for case in references:
        cited_urls = {source.url for source in case.sources}
        for outcome in (o for o in case.outcomes if o.event):
            found = await estimator.alternatives(
                View(library, case.as_of(outcome.depth)), case, outcome.depth
            )
            others = [c for c in found.candidates if not c.happened]
            levels.append(bool(others))
            made += [any(found.documents[e.source_id].url in cited_urls for e in c.evidence) for c in others]
    return f"levels with an alternative {sum(levels)}/{len(levels)}, alternatives in topic {sum(made)}/{len(made)}"


async def measure(domains: list[str], verbose: bool) -> list[dict]:
    library = ArchiveLibrary(starter_archive())
    view, links = View(library, None), []
    for domain in domains:
        references, tally, began = reference_cases(domain), Tally(), time.process_time()
        for reference in references:
            compare(reference, await chain_of(reference, view), tally, verbose)
        seconds = time.process_time() - began
        recall = "  ".join(f"{d}: {tally.found[d]}/{tally.wanted[d]}" for d in sorted(tally.wanted))
        total = sum(tally.made.values())
        others = await alternatives(references, library)
        found, wanted, offered = await seeds_found(references, library)
        print(f"{domain:12} seeds found {found}/{wanted} of {offered} offered | outcomes found by depth {recall} | "
              f"links by depth {dict(sorted(tally.made.items()))} | in topic {tally.in_topic}/{total} | "
              f"days off {sum(tally.days_off)}/{len(tally.days_off)} | {others} | {seconds:.1f} s CPU")  # fmt: skip
        links += tally.links
    return links


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domains", default="economics,geopolitics,health,technology")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--sample", type=Path)
    arguments = parser.parse_args()
    links = asyncio.run(measure(arguments.domains.split(","), arguments.verbose))
    if arguments.sample:
        drawn = random.Random(7).sample(links, 60)
        arguments.sample.write_text("\n".join(json.dumps(link, ensure_ascii=False) for link in drawn) + "\n")


if __name__ == "__main__":
    main()
