"""The tables of the store.

A revision row holds a case's canonical JSON, which is the truth, plus the columns that are searched.
Money is counted in whole nano-dollars, so that sums are exact. Text that is only kept, never
searched, is canonical JSON in a text column: it reads the same on SQLite and on Postgres. Rows know
nothing of cases (`db.mapping` turns one into the other) and no rule is enforced here but keys.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, Index, LargeBinary, MetaData, Text
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from corpus.case import Status

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMES)
"""All tables of the store and nothing else."""


class EventKind(StrEnum):
    """What an event of a case's history records."""

    STORED = "stored"
    """A new revision."""
    DECIDED = "decided"
    """A revision's status was set."""
    UNDONE = "undone"
    """An earlier decision was taken back."""
    SKIPPED = "skipped"
    """Somebody left it to others, or for later; the status stayed."""
    RESEARCHED = "researched"
    """A run worked again on a case that needs work and stored nothing new; it waits for a curator."""


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    """A process works on it, or died while it did."""
    STOPPED = "stopped"
    """Stopped on purpose or at its cost cap; can be resumed."""
    FINISHED = "finished"
    """Every seed is done or has failed."""
    FAILED = "failed"
    """Broke for a reason that the summary names; can be resumed."""


class SeedState(StrEnum):
    """Where one seed of a run stands."""

    WAITING = "waiting"
    """Nobody has begun it, or the process that had died."""
    WORKING = "working"
    """A worker of the run's owner has it."""
    DONE = "done"
    """Its case is stored."""
    FAILED = "failed"
    """It ended without a case; type and message say why."""


class CallKind(StrEnum):
    """What was called, and perhaps paid for."""

    MODEL = "model"
    """A language model."""
    FETCH = "fetch"
    """A page or an interface on the web."""


class AttemptState(StrEnum):
    """How one try of a call ended."""

    OPEN = "open"
    """Sent, or about to be; no answer is stored."""
    FINISHED = "finished"
    """Its response is stored."""
    FAILED = "failed"
    """It ended without a response; type and message say why."""
    LOST = "lost"
    """Its process died before the answer came; counted as paid at its worst case."""


def _vocabulary(members: type[StrEnum]) -> TypeEngine[Any]:
    """A text column that holds the values of a StrEnum and gives back its members."""
    return Enum(
        members,
        native_enum=False,
        create_constraint=False,
        length=20,
        values_callable=lambda enum: [member.value for member in enum],
    )


class _Row(SQLModel):
    metadata = METADATA


class CaseRow(_Row, table=True):
    """One case: which of its revisions is the newest, and which one is exported."""

    __tablename__ = "cases"

    case_id: str = Field(primary_key=True)
    slug: str = Field(index=True)
    newest: int
    approved: int | None = None
    """The approved revision with the highest number."""


class RevisionRow(_Row, table=True):
    """One revision of a case. Only `status` ever changes after it was written."""

    __tablename__ = "case_revisions"
    __table_args__ = (
        Index("ix_case_revisions_search", "status", "domain", "seed_first_day"),
        Index("ix_case_revisions_seed", "seed_first_day", "case_id"),
    )

    case_id: str = Field(primary_key=True, foreign_key="cases.case_id")
    revision: int = Field(primary_key=True)
    content_hash: str
    status: Status = Field(sa_type=_vocabulary(Status))
    domain: str
    slug: str
    seed_event: str = Field(sa_type=Text)
    seed_date: str
    """Text form with its precision; the two days below are what is searched."""
    seed_first_day: date
    seed_last_day: date
    depth: int
    origin: str
    run_id: str = Field(index=True)
    error_count: int
    warning_count: int
    problem_codes: str = Field(sa_type=Text)
    """The distinct codes, each between blanks, so that ` sum ` finds one."""
    problems: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    """Canonical JSON of the case as it was stored."""
    created_at: datetime


class EventRow(_Row, table=True):
    """One entry of a case's history; never changed, never deleted."""

    __tablename__ = "events"

    event_id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    """Chosen by the caller: the same decision sent twice is one event."""
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    revision: int
    kind: EventKind = Field(sa_type=_vocabulary(EventKind), index=True)
    before: Status | None = Field(default=None, sa_type=_vocabulary(Status))
    after: Status = Field(sa_type=_vocabulary(Status))
    author: str = Field(index=True)
    reason: str = Field(sa_type=Text)
    details: str = Field(sa_type=Text)
    at: datetime


class DocumentRow(_Row, table=True):
    """The stored text of a source. Bytes, because a text column of Postgres refuses a NUL character."""

    __tablename__ = "documents"

    text_sha256: str = Field(primary_key=True)
    url: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    """Canonical JSON of the source as it was first stored."""
    body: bytes = Field(sa_type=LargeBinary)
    stored_at: datetime


class RunRow(_Row, table=True):
    """One run: how it was called, who works on it, what it may spend."""

    __tablename__ = "runs"

    run_id: str = Field(primary_key=True)
    arguments: str = Field(sa_type=Text)
    resolved: str = Field(sa_type=Text)
    program: str
    commit_hash: str
    state: RunState = Field(sa_type=_vocabulary(RunState))
    summary: str = Field(sa_type=Text)
    owner: str
    heartbeat: datetime
    started: datetime
    finished: datetime | None = None
    cap_nanousd: int | None = Field(default=None, sa_type=BigInteger)
    reserved_nanousd: int = Field(default=0, sa_type=BigInteger)
    spent_nanousd: int = Field(default=0, sa_type=BigInteger)


class RunSeedRow(_Row, table=True):
    """One seed of a run."""

    __tablename__ = "run_seeds"
    __table_args__ = (Index("ix_run_seeds_state", "run_id", "state", "position"),)

    run_id: str = Field(primary_key=True, foreign_key="runs.run_id")
    seed_key: str = Field(primary_key=True)
    position: int
    seed: str = Field(sa_type=Text)
    state: SeedState = Field(sa_type=_vocabulary(SeedState))
    stage: str
    case_id: str | None = None
    failure_type: str = ""
    failure: str = Field(default="", sa_type=Text)
    failure_detail: str = Field(default="", sa_type=Text)
    """What it failed on, kept as it came, such as an invalid reply."""
    updated: datetime


class AttemptRow(_Row, table=True):
    """One try of a call, written before it is sent."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_run", "run_id", "state"),)

    attempt_id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    """Hash of all that decides the response, sample number and attempt generation included."""
    kind: CallKind = Field(sa_type=_vocabulary(CallKind))
    label: str
    request: str = Field(sa_type=Text)
    run_id: str | None = Field(default=None, foreign_key="runs.run_id")
    state: AttemptState = Field(sa_type=_vocabulary(AttemptState))
    reserved_nanousd: int = Field(sa_type=BigInteger)
    """The most it can cost."""
    cost_nanousd: int | None = Field(default=None, sa_type=BigInteger)
    """What it did cost; None while it is open."""
    failure: str = Field(default="", sa_type=Text)
    started: datetime
    ended: datetime | None = None


class ResponseRow(_Row, table=True):
    """The answer to a call, as it arrived; one for each call, however often it was tried."""

    __tablename__ = "responses"

    key: str = Field(primary_key=True)
    attempt_id: int = Field(foreign_key="attempts.attempt_id")
    body: bytes = Field(sa_type=LargeBinary)
    """The raw bytes, compressed by zlib."""
    meta: str = Field(sa_type=Text)
    cost_nanousd: int = Field(sa_type=BigInteger)
    finished: datetime


class CuratorRow(_Row, table=True):
    """A person who reviews, and the hash of the token in their personal link."""

    __tablename__ = "curators"

    name: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    added: datetime


class LeaseRow(_Row, table=True):
    """Who has a case open, and until when."""

    __tablename__ = "leases"

    case_id: str = Field(primary_key=True, foreign_key="cases.case_id")
    curator: str = Field(foreign_key="curators.name")
    until: datetime


TABLES = METADATA.sorted_tables
"""All tables, each after those it refers to."""
