"""How much of the evidence that the authored levels rest on is shown to the Estimator, by budget and by selection.

For every authored level the documents are read that the Estimator would read; a passage counts as kept when the
sentence that an authored candidate or estimate quotes (an expectation, a market's price, a survey) is among those
shown. Selection by the parent's and the seed's wording alone, or by the options' wordings as well. Says which
evidence reaches the model, not what a model makes of it; what the search did not find is not counted against it.

    python -m benchmarks.evidence_kept --every 3
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

from agents.archive import starter_archive
from agents.library import ArchiveLibrary, View
from agents.offline.estimator import DOCUMENTS, LOOKING_BACK_DAYS
from agents.offline.topic import Topic
from agents.prompted.level import blind_case, blind_level
from agents.prompted.showing import Shown, show
from agents.reading.document import Document
from agents.reading.evidence import count_tokens
from corpus.case import Case, Evidence, Role
from corpus.snapshot import iter_cases

BUDGETS = (300, 450, 600, 900, 1_200)


@dataclass
class Tally:
    """Quotations that were kept, those that could have been, and tokens shown."""

    kept: int = 0
    of: int = 0
    tokens: int = 0
    levels: int = 0


def quoted(case: Case, depth: int) -> Iterator[Evidence]:
    """What was known or expected beforehand, as the authored level quotes it."""
    for candidate in case.outcomes[depth - 1].candidates:
        yield from (item for item in candidate.evidence if item.role is Role.EXPECTATION)
        yield from (e.evidence for e in candidate.estimates if e.evidence is not None)


def holds(shown: Shown, item: Evidence) -> bool:
    """Whether a shown passage, or one that repeats it, is the sentence of a quotation."""
    passages = (p for entry in shown.items for p in (entry.passage, *entry.repeats))
    return any(
        p.document.source_id == item.source_id and p.start < item.end and item.start < p.end for p in passages
    )


async def read(case: Case, depth: int, library: ArchiveLibrary) -> list[Document]:
    """The documents that the Estimator reads for a level."""
    level = blind_level(case, depth)
    parent, _ = level.parent
    view = View(library, case.reading_limit(depth) or case.seed_date.end())
    topic = Topic(blind_case(case, depth), ())
    since = parent.first_day - timedelta(days=LOOKING_BACK_DAYS)
    return list(await view.search(topic.query(), since=since, before=parent.last_day, count=DOCUMENTS))


async def measured(cases: list[Case]) -> dict[tuple[str, int], Tally]:
    """Selection and budget → tally."""
    library = ArchiveLibrary(starter_archive())
    found: dict[tuple[str, int], Tally] = {}
    for case in cases:
        for outcome in case.outcomes:
            documents = await read(case, outcome.depth, library)
            ids = {document.source_id for document in documents}
            items = [item for item in quoted(case, outcome.depth) if item.source_id in ids]
            about = blind_level(case, outcome.depth).about()
            options = " ".join(candidate.text for candidate in outcome.candidates)
            for name, text in (("parent and seed", about), ("and options", f"{about} {options}")):
                for budget in BUDGETS:
                    shown = show(documents, text, budget=budget)
                    tally = found.setdefault((name, budget), Tally())
                    tally.levels += 1
                    tally.of += len(items)
                    tally.kept += sum(holds(shown, item) for item in items)
                    tally.tokens += count_tokens(shown.block())
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every n-th starter case")
    every = parser.parse_args().every
    cases = list(iter_cases(Path(str(files("corpus").joinpath("starter")))))[::every]
    for (name, budget), tally in asyncio.run(measured(cases)).items():
        share = tally.kept / tally.of if tally.of else 0.0
        print(
            f"{name:16s} budget {budget:5d}: {tally.kept} of {tally.of} quotations kept ({share:.0%}), "
            f"{tally.tokens / tally.levels:.0f} tokens a level over {tally.levels} levels"
        )


if __name__ == "__main__":
    main()
