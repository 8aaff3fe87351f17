"""Rows and what they stand for: the one place where either is turned into the other.

`to_row` derives every searched column from the case; `from_row` reads the case back from its canonical
JSON. Status and revision number live in columns alone as far as the truth goes: a decision changes the
column and never the JSON. A NUL character, which a text column of Postgres refuses, is kept in the JSON
(as an escape) and replaced in the columns that are only searched or shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from corpus.case import Case, Source, Status
from corpus.dates import EventDate
from corpus.identity import canonical_json, case_json, content_hash
from corpus.problems import Problem, Severity
from db.tables import DocumentRow, EventKind, EventRow, RevisionRow


@dataclass(frozen=True)
class StoredCase:
    """A revision as it lies in the store."""

    case: Case
    problems: tuple[Problem, ...]
    content_hash: str


@dataclass(frozen=True)
class CaseSummary:
    """What a list shows of a revision, read without its JSON."""

    case_id: str
    revision: int
    approved_revision: int | None
    slug: str
    domain: str
    seed_event: str
    seed_date: EventDate
    depth: int
    status: Status
    origin: str
    run_id: str
    error_count: int
    warning_count: int
    problem_codes: tuple[str, ...]
    created_at: datetime
    entered: int
    """The case's first event: the lower, the longer the case has been in the store."""


@dataclass(frozen=True)
class Event:
    """One entry of a case's history."""

    key: str
    case_id: str
    revision: int
    kind: EventKind
    before: Status | None
    after: Status
    author: str
    reason: str
    details: Mapping[str, str]
    at: datetime


@dataclass(frozen=True)
class StoredDocument:
    """A source and the text its quotations are offsets into."""

    source: Source
    text: str


def to_row(case: Case, problems: Sequence[Problem]) -> RevisionRow:
    """The row of a revision; `case.revision` and `case.status` are taken as they are."""
    codes = sorted({problem.code.value for problem in problems})
    return RevisionRow(
        case_id=case.case_id,
        revision=case.revision,
        content_hash=content_hash(case),
        status=case.status,
        domain=without_nul(case.domain),
        slug=without_nul(case.slug),
        seed_event=without_nul(case.seed_event),
        seed_date=str(case.seed_date),
        seed_first_day=case.seed_date.first_day,
        seed_last_day=case.seed_date.last_day,
        depth=case.depth,
        origin=without_nul(case.provenance.origin),
        run_id=without_nul(case.provenance.run_id),
        error_count=sum(problem.severity is Severity.ERROR for problem in problems),
        warning_count=sum(problem.severity is Severity.WARNING for problem in problems),
        problem_codes=f" {' '.join(codes)} ",
        problems=canonical_json([problem.model_dump(mode="json") for problem in problems]),
        body=case_json(case),
        created_at=case.provenance.created_at,
    )


def from_row(row: RevisionRow) -> StoredCase:
    """The revision that a row holds, with the status it has now."""
    case = Case.model_validate_json(row.body)
    problems = tuple(Problem.model_validate(problem) for problem in json.loads(row.problems))
    return StoredCase(case.model_copy(update={"status": row.status}), problems, row.content_hash)


SUMMARY_COLUMNS = (
    "case_id", "revision", "slug", "domain", "seed_event", "seed_date", "depth", "status", "origin", "run_id",
    "error_count", "warning_count", "problem_codes", "created_at",
)  # fmt: skip


def summary_from(values: Mapping[str, Any], approved: int | None, entered: int | None) -> CaseSummary:
    """A summary from the `SUMMARY_COLUMNS` of a revision, its case's approved revision and its first event."""
    parsed = {
        **values,
        "seed_date": EventDate.parse(values["seed_date"]),
        "problem_codes": tuple(values["problem_codes"].split()),
    }
    return CaseSummary(approved_revision=approved, entered=entered or 0, **parsed)


def event_values(event: Event) -> dict[str, Any]:
    """The columns of an event's row."""
    return {
        "key": event.key,
        "case_id": event.case_id,
        "revision": event.revision,
        "kind": event.kind,
        "before": event.before,
        "after": event.after,
        "author": without_nul(event.author),
        "reason": without_nul(event.reason),
        "details": canonical_json(dict(event.details)),
        "at": event.at,
    }


def event_to_row(event: Event) -> EventRow:
    """The row of an event."""
    return EventRow(**event_values(event))


def event_from_row(row: EventRow | Row[*tuple[Any, ...]]) -> Event:
    """The event that a row holds, read as an object or by its columns."""
    return Event(
        row.key,
        row.case_id,
        row.revision,
        row.kind,
        row.before,
        row.after,
        row.author,
        row.reason,
        json.loads(row.details),
        row.at,
    )


def document_to_row(source: Source, text: str, stored_at: datetime) -> DocumentRow:
    """The row of a source's text."""
    return DocumentRow(
        text_sha256=source.text_sha256,
        url=without_nul(source.url),
        source=canonical_json(source.model_dump(mode="json")),
        body=text.encode(),
        stored_at=stored_at,
    )


def document_from_row(row: DocumentRow) -> StoredDocument:
    """The source and text that a row holds."""
    return StoredDocument(Source.model_validate_json(row.source), row.body.decode())


def without_nul(text: str) -> str:
    """The text with each NUL character replaced by the replacement character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
