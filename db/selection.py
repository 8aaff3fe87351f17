"""Which cases a list, a count or an export is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement
from sqlmodel import col

from corpus.case import Status
from corpus.problems import Code
from db.mapping import CaseSummary
from db.tables import RevisionRow


@dataclass(frozen=True)
class CaseFilter:
    """Conditions on a revision, all of which must hold; an empty one lets everything through."""

    statuses: Sequence[Status] = ()
    domains: Sequence[str] = ()
    first_day: date | None = None
    """The seed's period must end on this day or later."""
    last_day: date | None = None
    """The seed's period must begin on this day or earlier."""
    min_depth: int = 0
    run_id: str | None = None
    problem: Code | None = None

    def fits(self, case: CaseSummary) -> bool:
        """Whether a summary that was read already fulfils the conditions."""
        return (
            (not self.statuses or case.status in self.statuses)
            and (not self.domains or case.domain in self.domains)
            and (self.first_day is None or case.seed_date.last_day >= self.first_day)
            and (self.last_day is None or case.seed_date.first_day <= self.last_day)
            and case.depth >= self.min_depth
            and (self.run_id is None or case.run_id == self.run_id)
            and (self.problem is None or self.problem.value in case.problem_codes)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions on `RevisionRow`."""
        found: list[ColumnElement[bool]] = []
        if self.statuses:
            found.append(col(RevisionRow.status).in_(self.statuses))
        if self.domains:
            found.append(col(RevisionRow.domain).in_(self.domains))
        if self.first_day:
            found.append(col(RevisionRow.seed_last_day) >= self.first_day)
        if self.last_day:
            found.append(col(RevisionRow.seed_first_day) <= self.last_day)
        if self.min_depth:
            found.append(col(RevisionRow.depth) >= self.min_depth)
        if self.run_id is not None:
            found.append(col(RevisionRow.run_id) == self.run_id)
        if self.problem:
            found.append(col(RevisionRow.problem_codes).contains(f" {self.problem.value} ", autoescape=True))
        return found
