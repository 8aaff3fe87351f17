"""Case → list of problems. The one place that says whether a case is sound; it never changes one.

Looks at the case alone (and at its neighbours for duplicates); whether a quotation really stands in the
stored text is the Verifier's business (`agents.verifier`), and whether a whole snapshot can be gamed is
the audit's (`corpus.audit`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from corpus.case import Case
from corpus.identity import fold
from corpus.problems import Code, Problem, Severity, error
from corpus.rules.chain import check_chain
from corpus.rules.evidence import check_evidence
from corpus.rules.levels import check_levels
from corpus.rules.probabilities import check_probabilities


def validate(case: Case, today: date | None = None) -> list[Problem]:
    """Every problem of one case. `today` decides what lies in the future (default: today, UTC)."""
    day = today or datetime.now(UTC).date()
    return [
        *check_chain(case, day),
        *check_levels(case),
        *check_probabilities(case),
        *check_evidence(case),
    ]


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """Those that bar approval."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


class DuplicateFinder:
    """Finds cases whose seed stood in an earlier case; keeps one short key a case."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], str] = {}

    def check(self, case: Case) -> list[Problem]:
        """Problems of `case` against the cases seen before it."""
        key = (fold(case.seed_event), str(case.seed_date))
        first = self._seen.setdefault(key, case.case_id)
        if first == case.case_id:
            return []
        return [error(Code.DUPLICATE_CASE, "seed_event", case.seed_event, f"case {first} has the same seed.")]


def validate_all(cases: Iterable[Case], today: date | None = None) -> Iterable[tuple[Case, list[Problem]]]:
    """Problems of many cases, duplicates across them included, one case at a time."""
    finder = DuplicateFinder()
    for case in cases:
        yield case, [*validate(case, today), *finder.check(case)]
