"""Cases that a curator sent back: as seeds they are researched again, and the note goes with them.

The note reaches the Chronicler alone. Whoever writes it knows what happened, so a blind role must never read it.
"""

from __future__ import annotations

from collections.abc import Iterable

from agents.state import RunSettings, Seed
from corpus.case import Case, Status
from db.mapping import Event
from db.repository import Cases
from db.returning import sent_back
from db.selection import CaseFilter


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
    returned = sent_back(history)
    return Seed(
        event=case.seed_event, date=case.seed_date, domain=case.domain, evidence=case.seed_evidence,
        sources=tuple(s for s in case.sources if s.source_id in cited), chosen="named",
        note=returned.note.reason if returned else "", case_id=case.case_id, horizon_months=case.horizon_months,
    )  # fmt: skip
