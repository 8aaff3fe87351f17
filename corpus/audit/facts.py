"""What the audit keeps of a snapshot: one reading of the cases, strings and numbers alone.

A case of depth 3 leaves some 3 KB, so 10,000 cases fit in memory however large their evidence is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import date

from corpus.case import Case, Evidence, Fate, Outcome, Role, TextKind, all_evidence
from corpus.dates import EventDate, horizon_end
from corpus.problems import Code, Problem
from corpus.snapshot import Snapshot, iter_cases
from corpus.splits import Split
from corpus.validation import DuplicateFinder, validate

RULES_READ = frozenset(
    {
        Code.ESTIMATE_LEAKS,
        Code.ESTIMATE_TOO_LATE,
        Code.CONTEXT_TOO_LATE,
        Code.EXPECTATION_TOO_LATE,
        Code.DATES_REGULAR,
        Code.DUPLICATE_CASE,
    }
)
"""Rules of the single case that the audit reports for the whole."""


@dataclass(frozen=True, slots=True)
class CandidateFact:
    """One candidate: `level` is an index into the levels."""

    level: int
    place: int
    text: str
    happened: bool
    refuted: bool


@dataclass(frozen=True, slots=True)
class LevelFact:
    """One level: `case` is an index into the cases."""

    case: int
    depth: int
    event: str | None
    when: EventDate | None
    as_of: date | None
    until: date | None
    """Last day of the horizon."""
    points: tuple[int | None, ...]
    """Basis points of the candidates and Z."""
    first: int
    """Index of its first candidate; the others follow."""
    count: int


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """A context fact, and whether a source shows that it was known on the seed date."""

    text: str
    proven: bool


@dataclass(frozen=True, slots=True)
class CaseFact:
    """One case."""

    case_id: str
    family: str
    domain: str
    split: Split | None
    levels_kept: int
    depth: int
    seed_event: str
    seed_date: EventDate
    context: tuple[ContextEntry, ...]


@dataclass(frozen=True, slots=True)
class QuoteFact:
    """One quotation; `claim` is an index into the claims, -1 where it supports none."""

    case: int
    claim: int
    sha256: str
    start: int
    exact: str
    path: str


@dataclass(frozen=True, slots=True)
class ClaimFact:
    """A seed or an outcome, and who supports it."""

    case: int
    path: str
    text: str
    publishers: int
    page: bool


@dataclass
class Facts:
    """All that the audit knows of a snapshot."""

    cases: list[CaseFact] = field(default_factory=list)
    levels: list[LevelFact] = field(default_factory=list)
    candidates: list[CandidateFact] = field(default_factory=list)
    claims: list[ClaimFact] = field(default_factory=list)
    quotes: list[QuoteFact] = field(default_factory=list)
    """All quotations."""
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    """(case, problem) of `RULES_READ`."""
    estimates: list[int] = field(default_factory=list)
    """Estimates of each case."""
    cited: list[int] = field(default_factory=list)
    """Estimates of each case that rest on a quotation."""
    expectations: list[int] = field(default_factory=list)
    """Quotations of each case that show that a candidate was expected."""

    def family(self, case: int) -> str:
        """The event family of a case."""
        return self.cases[case].family

    def levels_of(self, case: int) -> list[LevelFact]:
        """The levels of a case, in order."""
        first = bisect_left(self.levels, case, key=_case_of_level)
        return self.levels[first : bisect_right(self.levels, case, key=_case_of_level)]

    def of_level(self, level: LevelFact) -> list[CandidateFact]:
        """The candidates of a level, in order."""
        return self.candidates[level.first : level.first + level.count]


def _case_of_level(level: LevelFact) -> int:
    return level.case


def gather(snapshot: Snapshot, today: date) -> Facts:
    """Read all cases of a snapshot once."""
    facts = Facts()
    finder = DuplicateFinder()
    where = {case_id: split for split in Split for case_id in snapshot.splits.members(split)}
    for case in iter_cases(snapshot.folder):
        index = len(facts.cases)
        facts.cases.append(_case(case, snapshot, where.get(case.case_id)))
        found = [*validate(case, today), *finder.check(case)]
        facts.problems += [(index, problem) for problem in found if problem.code in RULES_READ]
        _count_estimates(facts, case)
        facts.expectations.append(_expectations(case))
        for outcome in case.outcomes:
            _add_level(facts, index, case, outcome)
        _add_claims(facts, index, case)
    return facts


def _case(case: Case, snapshot: Snapshot, split: Split | None) -> CaseFact:
    limit = case.seed_date.end()
    context = []
    for fact in case.context:
        sources = [case.source(item.source_id) for item in fact.evidence]
        context.append(ContextEntry(fact.text, any(s is not None and s.available_by(limit) for s in sources)))
    return CaseFact(
        case.case_id, snapshot.splits.families.get(case.case_id, case.case_id), case.domain, split,
        snapshot.splits.levels_kept.get(case.case_id, len(case.outcomes)), case.depth, case.seed_event,
        case.seed_date, tuple(context),
    )  # fmt: skip


def _count_estimates(facts: Facts, case: Case) -> None:
    groups = [c.estimates for o in case.outcomes for c in o.candidates]
    groups += [o.remainder.estimates for o in case.outcomes]
    facts.estimates.append(sum(len(group) for group in groups))
    facts.cited.append(sum(estimate.evidence is not None for group in groups for estimate in group))


def _expectations(case: Case) -> int:
    quoted = [item for o in case.outcomes for c in o.candidates for item in c.evidence]
    return sum(item.role is Role.EXPECTATION for item in quoted)


def _add_level(facts: Facts, index: int, case: Case, outcome: Outcome) -> None:
    parent = case.parent_date(outcome.depth)
    level = len(facts.levels)
    points = (*(c.probability_bp for c in outcome.candidates), outcome.remainder.probability_bp)
    facts.levels.append(
        LevelFact(
            index, outcome.depth, outcome.event, outcome.date,
            parent.last_day if parent else None,
            horizon_end(parent, case.horizon_months) if parent else None,
            points, len(facts.candidates), len(outcome.candidates),
        )
    )  # fmt: skip
    facts.candidates += [
        CandidateFact(level, place, c.text, c.happened, c.fate is Fate.REFUTED)
        for place, c in enumerate(outcome.candidates)
    ]


def _add_claims(facts: Facts, index: int, case: Case) -> None:
    claims = [("seed_evidence", case.seed_event, case.seed_evidence)]
    claims += [
        (f"outcomes[{i}].evidence", outcome.event, outcome.evidence)
        for i, outcome in enumerate(case.outcomes)
        if outcome.event is not None
    ]
    number = {path: len(facts.claims) + i for i, (path, _, _) in enumerate(claims)}
    for path, text, evidence in claims:
        facts.claims.append(
            ClaimFact(index, path, text, len(case.publishers(evidence)), _from_page(case, evidence))
        )
    shas = {source.source_id: source.text_sha256 for source in case.sources}
    for path, item in all_evidence(case):
        claim = number.get(path.rpartition("[")[0], -1)
        facts.quotes.append(
            QuoteFact(index, claim, shas.get(item.source_id, ""), item.start, item.exact, path)
        )


def _from_page(case: Case, evidence: tuple[Evidence, ...]) -> bool:
    sources = (case.source(item.source_id) for item in evidence)
    return any(source is not None and source.text_kind is TextKind.PAGE for source in sources)
