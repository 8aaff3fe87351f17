"""The case: a seed event, the dated chain of what followed, and what could have followed instead.

Frozen types that check shape only (a probability lies in 0..1, a datetime is aware). The rules, such as
probabilities that sum to one or dates in order, live in `corpus.validation`, so that an unfinished case
can be stored and shown. Nothing here knows of files, databases or models.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from corpus.dates import EventDate, day_before, end_of_day, months_between

SCHEMA_VERSION = 1
FULL_BP = 10_000
CANDIDATE_LETTERS, REMAINDER = "ABCDEFGHIJKLMNOPQRSTUVWXY", "Z"
MAX_DEPTH = 5
DEFAULT_HORIZON_MONTHS = 36
DEFAULT_DOMAINS = ("economics", "geopolitics", "technology", "health", "climate", "society")

Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
BasisPoints = Annotated[int, Field(ge=0, le=FULL_BP)]


class Status(StrEnum):
    """Where a case stands on its way to a snapshot."""

    DRAFT = "draft"
    """Begun by hand or imported without a chain; not in the queue."""
    PENDING = "pending"
    """Finished by the agents, waiting for a curator."""
    NEEDS_WORK = "needs_work"
    """Sent back with a note; the next run picks it up."""
    APPROVED = "approved"
    """Accepted; the only status that leaves the store in a snapshot."""
    REJECTED = "rejected"
    """Refused with a reason."""


class Fate(StrEnum):
    """What became of an alternative within the level's horizon."""

    REFUTED = "refuted"
    """It did not happen by the horizon, or can no longer happen."""
    HAPPENED_LATER = "happened_later"
    """It happened within the horizon, after the outcome."""
    ALSO_HAPPENED = "also_happened"
    """It happened within the horizon; which came first cannot be decided."""
    UNRESOLVED = "unresolved"
    """The horizon is not over, or nothing was found."""


class Method(StrEnum):
    """How a probability came about, in falling order of trust."""

    MARKET = "market"
    """A price on a prediction or derivatives market."""
    SURVEY = "survey"
    """The share or median of people asked at the time."""
    EXPERT = "expert"
    """A forecast that a dated source made."""
    BASE_RATE = "base_rate"
    """How often events of the kind followed before."""
    MODEL = "model"
    """A language model that was not told the outcome."""
    RETROSPECTIVE = "retrospective"
    """Someone who knows the outcome, the curator included."""


METHODS_BY_TRUST = tuple(Method)


class Role(StrEnum):
    """What a quotation is for."""

    SUPPORTS_EVENT = "supports_event"
    """It states that the event happened."""
    SUPPORTS_DATE = "supports_date"
    """It states when the event happened."""
    EXPECTATION = "expectation"
    """It says beforehand what might happen."""
    REFUTES = "refutes"
    """It states that the event did not happen."""


class TextKind(StrEnum):
    """Whose words the stored text of a source is."""

    PAGE = "page"
    """The page's own text."""
    SUMMARY = "summary"
    """Facts of the page restated by the project; never shown as a quotation of the page."""


class Availability(StrEnum):
    """How it was proven that a source could be read at `available_at`."""

    ARCHIVE_CAPTURE = "archive_capture"
    """A copy in a web archive made at that time."""
    REVISION = "revision"
    """A dated revision of the page."""
    CHECKED_PUBLICATION = "checked_publication"
    """Two independent signals date its publication, none contradicts."""
    DECLARED = "declared"
    """The local archive says so."""
    UNDATED = "undated"
    """Nothing proves it; kept out of all estimates."""


class Terms(StrEnum):
    """What the owner of a source or a number allows."""

    OPEN = "open"
    """Reuse and training allowed."""
    QUOTATION = "quotation"
    """Facts and short quotations."""
    NON_COMMERCIAL = "non_commercial"
    """Training for non-commercial use only."""
    NO_TRAINING = "no_training"
    """Training forbidden without written permission."""
    UNKNOWN = "unknown"
    """Nobody has looked yet."""


class CheckKind(StrEnum):
    """What the Verifier checks of a claim."""

    QUOTE_IN_TEXT = "quote_in_text"
    """The quotation stands in the stored text, at its place."""
    DATE_SUPPORTED = "date_supported"
    """A quotation's date agrees with the claimed date."""
    NAMES_AND_NUMBERS = "names_and_numbers"
    """The quotations carry the claim's names and numbers."""
    INDEPENDENT_SOURCES = "independent_sources"
    """Two registrable domains support the claim."""
    AVAILABLE_IN_TIME = "available_in_time"
    """What an estimate rests on could be read at its as-of."""
    FATE = "fate"
    """What became of an alternative is supported by a source."""
    STATED = "stated"
    """A model's reading: the quotation supports the claim."""


class CheckResult(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"
    """There was nothing to check it against; never counted as passed."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


class Source(_Frozen):
    """One page or document that evidence is quoted from, as it was read."""

    source_id: str
    """Short id, unique within the case; derived from URL and text by `corpus.identity.source_id`."""
    url: str
    canonical_url: str
    publisher: str
    """Registrable domain, such as `federalreserve.gov`."""
    title: str = ""
    text_kind: TextKind = TextKind.PAGE
    published_at: EventDate | None = None
    available_at: AwareDatetime | None = None
    availability: Availability = Availability.UNDATED
    captured_at: AwareDatetime | None = None
    text_sha256: str
    """sha256 (hex) of the stored text that the quotations' offsets refer to."""
    terms: Terms = Terms.UNKNOWN

    def available_by(self, moment: datetime) -> bool:
        """Whether it is shown that this source could be read at `moment`."""
        return (
            self.availability is not Availability.UNDATED
            and self.available_at is not None
            and self.available_at <= moment
        )


class Evidence(_Frozen):
    """A quotation of a source, locked to its place (W3C TextQuoteSelector plus offsets)."""

    source_id: str
    exact: str = Field(min_length=1)
    prefix: str = ""
    suffix: str = ""
    start: int = Field(ge=0)
    """Offset of `exact` in the source's stored text, in characters."""
    end: int = Field(ge=0)
    role: Role
    read_until: AwareDatetime | None = None
    """The cut-off it was read under; None where the reader was allowed hindsight."""

    @model_validator(mode="after")
    def _spans_the_quote(self) -> Self:
        if self.end - self.start != len(self.exact):
            raise ValueError(f"offsets {self.start}..{self.end} do not span the quote of {len(self.exact)}")
        return self


class Estimate(_Frozen):
    """One probability with its origin."""

    method: Method
    value: Probability
    low: Probability | None = None
    high: Probability | None = None
    as_of: AwareDatetime
    samples: int | None = Field(default=None, ge=1)
    """Traders, people asked, cases counted or orders averaged."""
    venue: str = ""
    """Market, survey, person or model."""
    evidence: Evidence | None = None
    terms: Terms = Terms.UNKNOWN
    recall_risk: bool = False
    """The model gave the same answer without any evidence: it may remember the outcome."""
    note: str = ""


class Candidate(_Frozen):
    """One answer to a level question."""

    text: str = Field(min_length=1)
    happened: bool = False
    fate: Fate | None = None
    """Of an alternative; None for what happened."""
    fate_date: EventDate | None = None
    evidence: tuple[Evidence, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    probability_bp: BasisPoints | None = None
    """Pooled probability as of the parent's date, in basis points."""
    true_probability: Probability | None = None
    """Known only in synthetic snapshots."""


class Remainder(_Frozen):
    """Z, "none of them": what is left to everything that is not listed."""

    estimates: tuple[Estimate, ...] = ()
    probability_bp: BasisPoints | None = None
    true_probability: Probability | None = None


class Outcome(_Frozen):
    """One level of the chain: what happened, when, and what was possible."""

    depth: int = Field(ge=1, le=MAX_DEPTH)
    event: str | None
    """None where Z happened: the horizon passed and nothing of note followed."""
    date: EventDate | None
    evidence: tuple[Evidence, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    remainder: Remainder = Remainder()
    note: str = ""


class ContextFact(_Frozen):
    """Something known on the seed date: an indicator, a poll, an expectation."""

    text: str = Field(min_length=1)
    evidence: tuple[Evidence, ...] = ()


class ClaimCheck(_Frozen):
    """What the Verifier proved of one claim."""

    path: str
    """Where the claim stands, such as `outcomes[0].evidence[1]`."""
    check: CheckKind
    result: CheckResult
    note: str = ""


class Provenance(_Frozen):
    """Who made this revision, and how; not part of the content hash."""

    origin: str
    """agents, import, curator, starter or synthetic."""
    run_id: str = ""
    created_at: AwareDatetime
    program: str = ""
    models: dict[str, str] = {}
    prompts: dict[str, str] = {}
    settings: dict[str, str | int | float | bool] = {}
    note: str = ""


class Case(_Frozen):
    """A case as it is stored, reviewed and frozen."""

    case_id: str
    revision: int = Field(default=1, ge=1)
    slug: str
    domain: str
    seed_event: str = Field(min_length=1)
    seed_date: EventDate
    summary: str = ""
    horizon_months: int = Field(default=DEFAULT_HORIZON_MONTHS, ge=1, le=600)
    seed_evidence: tuple[Evidence, ...] = ()
    context: tuple[ContextFact, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    sources: tuple[Source, ...] = ()
    verification: tuple[ClaimCheck, ...] = ()
    status: Status = Status.DRAFT
    provenance: Provenance

    @property
    def depth(self) -> int:
        """Levels at which something happened."""
        return sum(outcome.event is not None for outcome in self.outcomes)

    def parent_date(self, depth: int) -> EventDate | None:
        """Date of the seed (depth 1) or of the outcome one level up; None where that is unknown."""
        return self.seed_date if depth == 1 else self.outcomes[depth - 2].date

    def parent_event(self, depth: int) -> str:
        """Text of the seed (depth 1) or of the outcome one level up."""
        return self.seed_event if depth == 1 else self.outcomes[depth - 2].event or ""

    def as_of(self, depth: int) -> datetime | None:
        """The moment a level's question is asked: the end of the parent's period."""
        parent = self.parent_date(depth)
        return parent.end() if parent else None

    def reading_limit(self, depth: int) -> datetime | None:
        """The last moment of which an Estimator may read: the as-of, and before the outcome's first day."""
        as_of, outcome = self.as_of(depth), self.outcomes[depth - 1]
        if as_of is None or outcome.date is None:
            return as_of
        return min(as_of, end_of_day(day_before(outcome.date.first_day)))

    def months_since_seed(self, depth: int) -> int | None:
        """Months from the seed to the outcome at `depth`, derived from the dates."""
        date = self.outcomes[depth - 1].date
        return None if date is None else months_between(self.seed_date, date)

    def months_since_parent(self, depth: int) -> int | None:
        """Months from the parent to the outcome at `depth`, derived from the dates."""
        date, parent = self.outcomes[depth - 1].date, self.parent_date(depth)
        return None if date is None or parent is None else months_between(parent, date)

    def source(self, source_id: str) -> Source | None:
        """The source with that id."""
        return next((source for source in self.sources if source.source_id == source_id), None)

    def publishers(self, evidence: tuple[Evidence, ...]) -> set[str]:
        """Registrable domains that the given evidence comes from."""
        found = (self.source(item.source_id) for item in evidence)
        return {source.publisher for source in found if source}


def level_question(horizon_months: int) -> str:
    """The question every level asks, fixed before the chain is known."""
    return (
        f"Which of these happens first within {horizon_months} months after the parent's date? "
        "Z: none of them."
    )


def all_evidence(case: Case) -> list[tuple[str, Evidence]]:
    """Every quotation of a case with the path where it stands."""
    found = [(f"seed_evidence[{i}]", item) for i, item in enumerate(case.seed_evidence)]
    for i, fact in enumerate(case.context):
        found += [(f"context[{i}].evidence[{j}]", item) for j, item in enumerate(fact.evidence)]
    for i, outcome in enumerate(case.outcomes):
        found += [(f"outcomes[{i}].evidence[{j}]", item) for j, item in enumerate(outcome.evidence)]
        for k, candidate in enumerate(outcome.candidates):
            path = f"outcomes[{i}].candidates[{k}]"
            found += [(f"{path}.evidence[{j}]", item) for j, item in enumerate(candidate.evidence)]
            found += _of_estimates(path, candidate.estimates)
        found += _of_estimates(f"outcomes[{i}].remainder", outcome.remainder.estimates)
    return found


def _of_estimates(path: str, estimates: tuple[Estimate, ...]) -> list[tuple[str, Evidence]]:
    return [
        (f"{path}.estimates[{j}].evidence", estimate.evidence)
        for j, estimate in enumerate(estimates)
        if estimate.evidence
    ]
