"""How the corpus stands: what there is, what became of it at each stage, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from agents.curator.desk import ReviewDesk
from agents.curator.digests import Digest
from agents.curator.drawing import bars, corpus_timeline
from corpus.case import MAX_DEPTH, Status
from corpus.intervals import wilson
from db.mapping import CaseSummary
from db.tables import SeedState

NANO = 1_000_000_000


@dataclass(frozen=True)
class Acceptance:
    """How many of the decided cases of one maker were approved."""

    name: str
    approved: int
    decided: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Overview:
    """The figures of the overview page; None is not known, never 0."""

    cases: int
    pictures: dict[str, Markup]
    """Title → bars."""
    timeline: Markup
    stages: tuple[tuple[str, int, float | None], ...]
    """Stage, cases that reached it, share of the seeds."""
    by_model: tuple[Acceptance, ...]
    by_provider: tuple[Acceptance, ...]
    spent: float
    """US dollars of all runs."""
    per_approved: float | None


def overview(desk: ReviewDesk) -> Overview:
    """Count everything anew; cases are read once for each revision."""
    cases = desk.cases.list_cases()
    digests = [desk.digests.of(case) for case in cases]
    runs = desk.runs.list_runs()
    seeds = sum(sum(desk.runs.count_seeds(run.run_id)[state] for state in SeedState) for run in runs)
    spent = sum(run.spending.spent_nanousd for run in runs) / NANO
    approved = sum(case.status is Status.APPROVED for case in cases)
    return Overview(
        cases=len(cases),
        pictures={
            "Status": bars({s.value.replace("_", " "): sum(c.status is s for c in cases) for s in Status}),
            "Domain": bars(_sorted(case.domain for case in cases)),
            "Year of the seed": bars(_sorted(str(case.seed_date.first_day.year) for case in cases)),
            "Depth": bars({f"depth {d}": sum(c.depth == d for c in cases) for d in range(MAX_DEPTH + 1)}),
        },
        timeline=corpus_timeline([(c.seed_date.first_day, c.domain, c.status.value) for c in cases]),
        stages=_stages(cases, digests, seeds),
        by_model=_acceptance(cases, [digest.models for digest in digests]),
        by_provider=_acceptance(cases, [digest.providers for digest in digests]),
        spent=spent,
        per_approved=spent / approved if approved else None,
    )


def _sorted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _stages(
    cases: Sequence[CaseSummary], digests: Sequence[Digest], seeds: int
) -> tuple[tuple[str, int, float | None], ...]:
    """Seeds of runs, then cases by what they have come to; imported cases have no seed of a run."""
    counts = [("seed", max(seeds, len(cases)))]
    counts += [(f"chain of depth {d}", sum(c.depth >= d for c in cases)) for d in range(1, MAX_DEPTH + 1)]
    deep = [(c, d) for c, d in zip(cases, digests, strict=True) if c.depth >= 1]
    counts.append(("estimated", sum(d.distributed for _, d in deep)))
    counts.append(("verified", sum(d.distributed and d.verified for _, d in deep)))
    counts.append(("approved", sum(c.status is Status.APPROVED for c in cases)))
    first = counts[0][1]
    return tuple((name, count, count / first if first else None) for name, count in counts)


def _acceptance(cases: Sequence[CaseSummary], makers: Sequence[Sequence[str]]) -> tuple[Acceptance, ...]:
    approved: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    for case, names in zip(cases, makers, strict=True):
        if case.status in (Status.APPROVED, Status.REJECTED):
            decided.update(names)
            approved.update(names if case.status is Status.APPROVED else ())
    found = []
    for name, count in decided.most_common():
        interval = wilson(approved[name], count)
        found.append(Acceptance(name, approved[name], count, interval.low, interval.high))
    return tuple(found)
