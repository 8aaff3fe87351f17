"""FICTIONAL cases of many seeds, for tests of the store."""

from __future__ import annotations

from corpus.case import Case, Status
from corpus.dates import EventDate
from corpus.identity import case_id, slug
from tests.builders import sound_case


def case(event: str = "FICTIONAL rate rise", date: str = "2019-03-10", **changes: object) -> Case:
    """A sound case of another seed; `changes` replace its fields."""
    day = EventDate.parse(date)
    fields = {"case_id": case_id(event, day, "economics"), "slug": slug(event, day), "seed_event": event}
    base = sound_case().model_copy(update={**fields, "seed_date": day, "status": Status.PENDING})
    return base.model_copy(update=changes)


def of_run(made: Case, run_id: str) -> Case:
    """The same case as a run made it."""
    return made.model_copy(update={"provenance": made.provenance.model_copy(update={"run_id": run_id})})
