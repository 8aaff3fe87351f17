"""FICTIONAL cases for tests, sound by construction; each test breaks the one thing it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from corpus.case import (
    Availability,
    Candidate,
    Case,
    ContextFact,
    Estimate,
    Evidence,
    Fate,
    Method,
    Outcome,
    Provenance,
    Remainder,
    Role,
    Source,
    Status,
    Terms,
    TextKind,
)
from corpus.dates import EventDate
from corpus.identity import case_id, slug, source_id, text_sha256
from corpus.pooling import pooled_outcome

MADE = datetime(2024, 1, 1, tzinfo=UTC)


def source(url: str, text: str, published: str, **changes: Any) -> Source:
    """A declared source published on a day."""
    when = EventDate.parse(published)
    host = url.split("/")[2]
    fields: dict[str, Any] = {
        "source_id": source_id(url, text_sha256(text)),
        "url": url,
        "canonical_url": url,
        "publisher": ".".join(host.split(".")[-2:]),
        "title": "FICTIONAL",
        "text_kind": TextKind.SUMMARY,
        "published_at": when,
        "available_at": when.end(),
        "availability": Availability.DECLARED,
        "text_sha256": text_sha256(text),
        "terms": Terms.OPEN,
    }
    return Source(**(fields | changes))


def quote(of: Source, exact: str, role: Role = Role.SUPPORTS_EVENT, start: int = 0) -> Evidence:
    """A quotation at a place of a source."""
    return Evidence(source_id=of.source_id, exact=exact, start=start, end=start + len(exact), role=role)


def estimate(value: float, as_of: str, method: Method = Method.RETROSPECTIVE, **changes: Any) -> Estimate:
    """An estimate as of the end of a day."""
    return Estimate(method=method, value=value, as_of=EventDate.parse(as_of).end(), **changes)


SEED_TEXT = "FICTIONAL. The Bank of Ruritania raises its rate by 50 basis points on 10 March 2019."
FIRST_TEXT = "FICTIONAL. The Ruritanian crown falls 7 percent against the dollar on 2 May 2019."
SECOND_TEXT = "FICTIONAL. The crown of Ruritania lost 7 percent on 2 May 2019, dealers said."
BEFORE_TEXT = "FICTIONAL. Analysts expect the crown to rise 3 percent after the step."

SEED_SOURCE = source("https://herald.example.com/rate", SEED_TEXT, "2019-03-10")
FIRST_SOURCE = source("https://courier.example.org/crown", FIRST_TEXT, "2019-05-03")
SECOND_SOURCE = source("https://gazette.example.net/dealers", SECOND_TEXT, "2019-05-03")
BEFORE_SOURCE = source("https://outlook.example.info/analysts", BEFORE_TEXT, "2019-03-08")
TEXTS = {
    s.source_id: t
    for s, t in (
        (SEED_SOURCE, SEED_TEXT),
        (FIRST_SOURCE, FIRST_TEXT),
        (SECOND_SOURCE, SECOND_TEXT),
        (BEFORE_SOURCE, BEFORE_TEXT),
    )
}


def level(**changes: Any) -> Outcome:
    """Depth 1 of the sound case."""
    as_of = "2019-03-10"
    fields: dict[str, Any] = {
        "depth": 1,
        "event": "The Ruritanian crown falls 7 percent against the dollar",
        "date": EventDate.parse("2019-05-02"),
        "evidence": (
            quote(FIRST_SOURCE, FIRST_TEXT[11:], start=11),
            quote(SECOND_SOURCE, SECOND_TEXT[11:], start=11),
        ),
        "candidates": (
            Candidate(
                text="The Ruritanian crown falls 7 percent against the dollar",
                happened=True,
                estimates=(estimate(0.25, as_of),),
            ),
            Candidate(
                text="The Ruritanian crown rises 3 percent against the dollar",
                fate=Fate.REFUTED,
                estimates=(estimate(0.55, as_of),),
            ),
        ),
        "remainder": Remainder(estimates=(estimate(0.2, as_of),)),
    }
    return pooled_outcome(Outcome(**(fields | changes)))


def sound_case(**changes: Any) -> Case:
    """A case without any problem."""
    seed, day = "The Bank of Ruritania raises its rate by 50 basis points", EventDate.parse("2019-03-10")
    fields: dict[str, Any] = {
        "case_id": case_id(seed, day, "economics"),
        "slug": slug(seed, day),
        "domain": "economics",
        "seed_event": seed,
        "seed_date": day,
        "seed_evidence": (quote(SEED_SOURCE, SEED_TEXT[11:], start=11),),
        "context": (
            ContextFact(
                text="Analysts expected the crown to rise",
                evidence=(quote(BEFORE_SOURCE, BEFORE_TEXT[11:], Role.EXPECTATION, 11),),
            ),
        ),
        "outcomes": (level(),),
        "sources": (SEED_SOURCE, FIRST_SOURCE, SECOND_SOURCE, BEFORE_SOURCE),
        "status": Status.PENDING,
        "provenance": Provenance(origin="agents", created_at=MADE),
    }
    return Case(**(fields | changes))
