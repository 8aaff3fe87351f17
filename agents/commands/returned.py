"""Cases that a curator sent back: as seeds they are researched again, and the note goes with them.

The note reaches the Chronicler alone. Whoever writes it knows what happened, so a blind role must never read it.
"""

from __future__ import annotations

from collections.abc import Iterable

from agents.state import RunSettings, Seed
from corpus.case import Case, Status
from db.mapping import Event
from db.repository import Cases
from db.selection import CaseFilter
from db.tables import EventKind


def returned_seeds(cases: Cases, settings: RunSettings) -> tuple[Seed, ...]:
    """The cases of a run's period and domains that need work, the oldest seed first, as many as the run may take."""
    wanted = CaseFilter(
        statuses=(Status.NEEDS_WORK,),
        domains=settings.domains,
        first_day=settings.first_day.first_day,
        last_day=settings.last_day.last_day,
    )
    found = cases.list_cases(wanted, limit=settings.num_cases)
    return tuple(seed_of(cases.get(c.case_id).case, cases.history(c.case_id)) for c in found)


def seed_of(case: Case, history: Iterable[Event]) -> Seed:
    """The seed of a stored case, with its id, its horizon and the note it was sent back with."""
    cited = {item.source_id for item in case.seed_evidence}
    return Seed(
        event=case.seed_event, date=case.seed_date, domain=case.domain, evidence=case.seed_evidence,
        sources=tuple(s for s in case.sources if s.source_id in cited), chosen="named",
        note=standing_note(history), case_id=case.case_id, horizon_months=case.horizon_months,
    )  # fmt: skip


def standing_note(history: Iterable[Event]) -> str:
    """The note of the newest "needs work" that was not taken back; empty where there is none."""
    notes: dict[str, str] = {}
    for event in history:
        if event.kind is EventKind.DECIDED and event.after is Status.NEEDS_WORK:
            notes[event.key] = event.reason
        elif event.kind is EventKind.UNDONE:
            notes.pop(event.details.get("undoes", ""), None)
    return list(notes.values())[-1] if notes else ""
