"""FICTIONAL cases of many seeds, for tests of the store."""

from __future__ import annotations

from corpus.case import Case, CheckKind, CheckResult, ClaimCheck, Method, Status, Terms
from corpus.dates import EventDate
from corpus.identity import case_id, slug
from corpus.pooling import pooled_outcome
from tests.builders import estimate, quote, sound_case, source


def case(event: str = "FICTIONAL rate rise", date: str = "2019-03-10", **changes: object) -> Case:
    """A sound case of another seed; `changes` replace its fields."""
    day = EventDate.parse(date)
    fields = {"case_id": case_id(event, day, "economics"), "slug": slug(event, day), "seed_event": event}
    base = sound_case().model_copy(update={**fields, "seed_date": day, "status": Status.PENDING})
    return base.model_copy(update=changes)


def of_run(made: Case, run_id: str) -> Case:
    """The same case as a run made it."""
    return made.model_copy(update={"provenance": made.provenance.model_copy(update={"run_id": run_id})})


def checked(result: CheckResult, path: str, kind: CheckKind = CheckKind.QUOTE_IN_TEXT) -> ClaimCheck:
    return ClaimCheck(path=path, check=kind, result=result)


MARKET = source("https://market.example.com/odds", "FICTIONAL odds 40", "2019-03-09", terms=Terms.NO_TRAINING)


def with_market_values(name: str, *, only: bool) -> Case:
    """A case whose values come from a market that forbids training, beside others or alone."""
    made = case(name)
    level = made.outcomes[0]
    market = estimate(
        0.4, "2019-03-09", Method.MARKET, terms=Terms.NO_TRAINING, evidence=quote(MARKET, "40", start=15)
    )
    kept = () if only else level.candidates[0].estimates
    first = level.candidates[0].model_copy(update={"estimates": (market, *kept)})
    changed = pooled_outcome(level.model_copy(update={"candidates": (first, *level.candidates[1:])}))
    paths = (
        "outcomes[0].candidates[0].estimates[0]",
        "outcomes[0].candidates[0].estimates[1]",
        "outcomes[0].date",
    )
    checks = tuple(checked(CheckResult.PASSED, path, CheckKind.AVAILABLE_IN_TIME) for path in paths)
    update = {"outcomes": (changed,), "sources": (*made.sources, MARKET), "verification": checks}
    return made.model_copy(update=update)
