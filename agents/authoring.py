"""A case as a person writes it, in one JSON line, pointing at archive documents by address.

    {"slug", "domain", "horizon_months",
     "seed": {"event", "date", "evidence": [{"url", "quote"}]}, "summary",
     "context": [{"fact", "evidence": {"url", "quote"}}],
     "levels": [{"depth", "event", "date", "evidence": [{"url", "quote", "role"}],
                 "alternatives": [{"text", "fate", "fate_date", "evidence": […]}],
                 "estimates": [{"candidate": "event" | 0 | 1 … | "Z", "method", "value", "low", "high",
                                "as_of", "url", "quote", "reasoning"}]}], "notes"}

Quotations must stand in the document's text to the letter. What happened is not always the first
candidate: the order is drawn from the case's id, so that its place tells nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.reading.document import Document
from agents.reading.evidence import quote
from corpus.case import (
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
    Status,
    Terms,
)
from corpus.dates import EventDate
from corpus.domains import domain_name
from corpus.errors import InvalidInput
from corpus.identity import case_id, slug
from corpus.pooling import pooled_outcome

Lookup = Callable[[str], Document | None]


def looks_authored(record: Any) -> bool:
    """Whether a record has this shape rather than one of the importable ones."""
    seed = record.get("seed") if isinstance(record, dict) else None
    return isinstance(seed, dict) and "evidence" in seed and "levels" in record


def authored_case(
    record: Mapping[str, Any], lookup: Lookup, made: datetime, *, origin: str = "curator"
) -> Case:
    """Build the case; raises InvalidInput naming what is missing, unknown or not in the quoted text."""
    try:
        return _Author(record, lookup).case(made, origin)
    except (KeyError, TypeError) as fault:
        name = record.get("slug", "the case")
        raise InvalidInput(f"{name}: {fault} is missing or has the wrong form.") from fault


@dataclass
class _Author:
    record: Mapping[str, Any]
    lookup: Lookup
    used: dict[str, Document] = field(default_factory=dict)

    def case(self, made: datetime, origin: str) -> Case:
        record, seed = self.record, self.record["seed"]
        date, domain = EventDate.parse(seed["date"]), domain_name(record["domain"])
        key = case_id(seed["event"], date, domain)
        context = tuple(
            ContextFact(text=row["fact"], evidence=(self._evidence(row["evidence"], Role.SUPPORTS_EVENT),))
            for row in record.get("context", ())
        )
        evidence = self._all(seed["evidence"], Role.SUPPORTS_EVENT)
        outcomes = self._outcomes(record["levels"], date, key)
        return Case(
            case_id=key,
            slug=record.get("slug") or slug(seed["event"], date),
            domain=domain,
            seed_event=seed["event"],
            seed_date=date,
            summary=record.get("summary", ""),
            horizon_months=record["horizon_months"],
            seed_evidence=evidence,
            context=context,
            outcomes=outcomes,
            sources=tuple(document.as_source() for _, document in sorted(self.used.items())),
            status=Status.PENDING,
            provenance=Provenance(origin=origin, created_at=made, note=record.get("notes") or ""),
        )

    def _outcomes(
        self, rows: Sequence[Mapping[str, Any]], seed_date: EventDate, key: str
    ) -> tuple[Outcome, ...]:
        outcomes: list[Outcome] = []
        parent = seed_date
        for row in rows:
            outcomes.append(self._outcome(row, parent, key))
            parent = outcomes[-1].date or parent
        return tuple(outcomes)

    def _outcome(self, row: Mapping[str, Any], parent: EventDate, key: str) -> Outcome:
        date = EventDate.parse(row["date"]) if row["date"] else None
        candidates = [Candidate(text=row["event"], happened=True)] if row["event"] else []
        candidates += [self._alternative(other) for other in row["alternatives"]]
        names: list[Any] = (["event"] if row["event"] else []) + list(range(len(row["alternatives"])))
        given: dict[Any, list[Estimate]] = {name: [] for name in [*names, "Z"]}
        for estimate in row["estimates"]:
            given[estimate["candidate"]].append(self._estimate(estimate, parent))
        weighed = [
            candidate.model_copy(update={"estimates": tuple(given[name])})
            for name, candidate in zip(names, candidates, strict=True)
        ]
        random.Random(f"{key}/{row['depth']}").shuffle(weighed)
        outcome = Outcome(
            depth=row["depth"],
            event=row["event"],
            date=date,
            evidence=self._all(row.get("evidence", ()), Role.SUPPORTS_EVENT),
            candidates=tuple(weighed),
            remainder=Remainder(estimates=tuple(given["Z"])),
        )
        return pooled_outcome(outcome)

    def _alternative(self, row: Mapping[str, Any]) -> Candidate:
        return Candidate(
            text=row["text"],
            fate=Fate(row["fate"]),
            fate_date=EventDate.parse(row["fate_date"]) if row.get("fate_date") else None,
            evidence=self._all(row.get("evidence", ()), Role.EXPECTATION),
        )

    def _estimate(self, row: Mapping[str, Any], parent: EventDate) -> Estimate:
        cited = self._evidence(row, Role.EXPECTATION) if row.get("url") else None
        document = self.used[cited.source_id] if cited else None
        return Estimate(
            method=Method(row["method"]),
            value=row["value"],
            low=row.get("low"),
            high=row.get("high"),
            as_of=min(document.available_at or parent.end(), parent.end()) if document else parent.end(),
            venue=document.publisher if document else "",
            evidence=cited,
            terms=document.terms if document else Terms.OPEN,
            note=row.get("reasoning", ""),
        )

    def _all(self, rows: Sequence[Mapping[str, Any]], default: Role) -> tuple[Evidence, ...]:
        return tuple(self._evidence(row, default) for row in rows)

    def _evidence(self, row: Mapping[str, Any], default: Role) -> Evidence:
        document = self.lookup(row["url"])
        if document is None:
            raise InvalidInput(f"{row['url']} is not in the archive; add the document first.")
        start = document.text.find(row["quote"])
        if start < 0:
            raise InvalidInput(f"{row['quote']!r} does not stand in the text of {row['url']}.")
        self.used[document.source_id] = document
        return quote(document, start, start + len(row["quote"]), Role(row.get("role", default)))
