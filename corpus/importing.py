"""Reading cases that others wrote: the two shapes of the seed documents, and our own.

    chain       {"seed_event", "seed_date", "context", "domain", "outcome_chain": [{"event", "date",
                 "probability…", "alternatives": [{"event", "prob"}], "sources"}], "sources"}
    candidates  {"seed": {"event", "date", …}, "levels": [{"depth", "candidates": [{"event", "label"}]}]}
    own         a line of `cases.jsonl`

Nothing is invented on the way: a missing date, source or alternative stays missing and shows up as a
problem of the imported case. Addresses without a quotation are kept as sources but support no claim.
Months are derived from dates; a stated figure that differs is kept as a note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from corpus.case import (
    Availability,
    Candidate,
    Case,
    ContextFact,
    Estimate,
    Method,
    Outcome,
    Provenance,
    Remainder,
    Source,
    Status,
)  # fmt: skip
from corpus.dates import EventDate, months_between
from corpus.domains import domain_name
from corpus.errors import InvalidFile, InvalidInput
from corpus.identity import case_id, slug, source_id, text_sha256
from corpus.pooling import pooled_outcome

HAPPENED_ALIASES = (
    "probability",
    "probability_in_retrospect",
    "probability_retrospective",
    "actual_probability",
)
ALTERNATIVE_LISTS = ("alternatives", "alternative_outcomes")
ALTERNATIVE_VALUES = ("prob", "probability")
CHAIN_LISTS = ("outcome_chain", "outcomes", "chain")

DomainOf = Callable[[str], str]


@dataclass(frozen=True)
class Imported:
    """One row that became a case."""

    line: int
    case: Case


@dataclass(frozen=True)
class Refused:
    """One row that could not be read, and why."""

    line: int
    message: str


def read_cases(
    path: Path, *, registrable: DomainOf, allow_new_domain: bool = False
) -> Iterator[Imported | Refused]:
    """Every row of a JSONL file, a JSON array or a single JSON object, good or bad, with its line.

    `registrable` maps a host name to its registrable domain.
    """
    reader = _Reader(registrable, allow_new_domain, path.name)
    for line, text in _rows(path):
        try:
            record = json.loads(text) if isinstance(text, str) else text
            yield Imported(line, reader.case(record))
        except json.JSONDecodeError as fault:
            yield Refused(
                line, f"line {line} is not JSON: {fault.msg} at column {fault.colno}; mend or remove it."
            )
        except ValidationError as fault:
            first = fault.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "record"
            yield Refused(
                line, f"line {line}: {where}: {first['msg']} (found {str(first.get('input'))[:60]!r})."
            )
        except InvalidInput as fault:
            yield Refused(line, f"line {line}: {fault}")


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, text) of JSONL, or (line, object) of a JSON document that spans the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidFile(f"{path} cannot be read: {fault}.") from fault
    whole = _whole_document(text)
    if whole is not None:
        yield from whole
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line


def _whole_document(text: str) -> list[tuple[int, Any]] | None:
    """Records of a JSON array or of one object over several lines; None where the file is JSONL."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        return None
    records = document if isinstance(document, list) else [document]
    return [(1, record) for record in records] if len(records) == 1 else list(enumerate(records, start=1))


class _Reader:
    """Turns one record into a case, whichever of the three shapes it has."""

    def __init__(self, registrable: DomainOf, allow_new_domain: bool, origin: str) -> None:
        self._registrable, self._allow_new, self._origin = registrable, allow_new_domain, origin

    def case(self, record: Any) -> Case:
        if not isinstance(record, dict):
            raise InvalidInput(f"a case is a JSON object, not {type(record).__name__}.")
        if "provenance" in record and "seed_event" in record:
            return Case.model_validate(record)
        seed, date = _seed_of(record)
        domain = domain_name(_text(_first(record, ("domain",)) or _nested(record, "domain"), "domain"),
                             allow_new=self._allow_new)  # fmt: skip
        notes: list[str] = []
        outcomes = self._outcomes(record, date, notes)
        return Case(
            case_id=case_id(seed, date, domain),
            slug=slug(seed, date),
            domain=domain,
            seed_event=seed,
            seed_date=date,
            context=_context(record.get("context", _nested(record, "context"))),
            outcomes=outcomes,
            sources=self._sources(record),
            status=Status.PENDING,
            provenance=Provenance(origin="import", created_at=datetime.now(UTC), note=" ".join(notes)),
        )

    def _outcomes(
        self, record: dict[str, Any], seed_date: EventDate, notes: list[str]
    ) -> tuple[Outcome, ...]:
        if "levels" in record:
            levels = _list(record["levels"], "levels")
            return tuple(self._level(level, i, seed_date) for i, level in enumerate(levels, start=1))
        name = next((name for name in CHAIN_LISTS if name in record), None)
        if name is None:
            raise InvalidInput(
                "the record has neither 'outcome_chain' nor 'levels'; see docs/formats for the shapes that are read."
            )
        rows = _list(record[name], name)
        told = not _successive_shares(rows)
        if not told:
            notes.append("Equal shares over successive events were no probabilities and were left out.")
        return self._chain(rows, seed_date, told)

    def _chain(self, rows: Sequence[Any], seed_date: EventDate, told: bool) -> tuple[Outcome, ...]:
        outcomes: list[Outcome] = []
        parent: EventDate | None = seed_date
        for i, row in enumerate(rows, start=1):
            outcome = self._link(_mapping(row, f"outcome {i}"), i, parent, seed_date, told)
            outcomes.append(outcome)
            parent = outcome.date
        return tuple(outcomes)

    def _link(
        self, row: dict[str, Any], position: int, parent: EventDate | None, seed_date: EventDate, told: bool
    ) -> Outcome:
        event, date = _text(row.get("event"), f"event of outcome {position}"), _date_or_none(row.get("date"))
        as_of = (parent or seed_date).end()
        value = _first(row, HAPPENED_ALIASES) if told else None
        candidates = [Candidate(text=event, happened=True, estimates=self._estimates(value, as_of))]
        for other in _list(_first(row, ALTERNATIVE_LISTS) or [], "alternatives"):
            other = _mapping(other, "alternative")
            text = _text(other.get("event"), "event of an alternative")
            candidates.append(
                Candidate(text=text, estimates=self._estimates(_first(other, ALTERNATIVE_VALUES), as_of))
            )
        outcome = Outcome(
            depth=_depth(row, position), event=event, date=date, candidates=tuple(candidates),
            note=_months_note(row.get("timeframe_months"), parent, seed_date, date),
        )  # fmt: skip
        return pooled_outcome(outcome)

    def _level(self, row: Any, position: int, seed_date: EventDate) -> Outcome:
        level = _mapping(row, f"level {position}")
        as_of = seed_date.end()
        candidates = []
        for item in _list(level.get("candidates", []), f"candidates of level {position}"):
            entry = _mapping(item, "candidate")
            value = _first(entry, ALTERNATIVE_VALUES) if position == 1 else None
            candidates.append(
                Candidate(
                    text=_text(entry.get("event"), "event of a candidate"),
                    happened=_label(entry.get("label")),
                    estimates=self._estimates(value, as_of),
                )
            )
        happened = next((c.text for c in candidates if c.happened), None)
        date = _date_or_none(level.get("date"))
        outcome = Outcome(
            depth=_depth(level, position),
            event=happened,
            date=date,
            candidates=tuple(candidates),
            remainder=Remainder(),
        )
        return pooled_outcome(outcome)

    def _estimates(self, value: Any, as_of: datetime) -> tuple[Estimate, ...]:
        if value is None:
            return ()
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(f"{value!r} is not a probability; write a number from 0 to 1.")
        note = f"Imported from {self._origin}; how it came about is not known."
        return (Estimate(method=Method.RETROSPECTIVE, value=value, as_of=as_of, note=note),)

    def _sources(self, record: dict[str, Any]) -> tuple[Source, ...]:
        rows = [
            record,
            *(row for name in CHAIN_LISTS for row in record.get(name, []) if isinstance(row, dict)),
        ]
        urls = [url for row in rows for url in _list(row.get("sources", []), "sources")]
        found: dict[str, Source] = {}
        for url in urls:
            source = self._source(_text(url.get("url") if isinstance(url, dict) else url, "source"))
            found.setdefault(source.source_id, source)
        return tuple(found.values())

    def _source(self, url: str) -> Source:
        empty = text_sha256("")
        host = urlsplit(url).hostname or ""
        return Source(
            source_id=source_id(url, empty), url=url, canonical_url=url, publisher=self._registrable(host),
            text_sha256=empty, availability=Availability.UNDATED,
        )  # fmt: skip


def _seed_of(record: dict[str, Any]) -> tuple[str, EventDate]:
    seed = record.get("seed")
    if isinstance(seed, dict):
        return _text(seed.get("event"), "seed.event"), EventDate.parse(_text(seed.get("date"), "seed.date"))
    return (
        _text(record.get("seed_event"), "seed_event"),
        EventDate.parse(_text(record.get("seed_date"), "seed_date")),
    )


def _nested(record: dict[str, Any], key: str) -> Any:
    seed = record.get("seed")
    return seed.get(key) if isinstance(seed, dict) else None


def _context(value: Any) -> tuple[ContextFact, ...]:
    return tuple(ContextFact(text=text) for text in context_texts(value))


def context_texts(value: Any) -> tuple[str, ...]:
    """The facts of a context: a string, a list of strings, or an object of facts."""
    if not value:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        return tuple(f"{str(key).replace('_', ' ')}: {fact}" for key, fact in value.items())
    return tuple(_text(fact, "context") for fact in _list(value, "context"))


def _successive_shares(rows: Sequence[Any]) -> bool:
    """Several events of one chain that share 1 equally, without alternatives: no probabilities at all."""
    if len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return False
    values = [_first(row, HAPPENED_ALIASES) for row in rows]
    alone = not any(_first(row, ALTERNATIVE_LISTS) for row in rows)
    return alone and len(set(map(str, values))) == 1 and values[0] == 1 / len(rows)


def _months_note(stated: Any, parent: EventDate | None, seed: EventDate, date: EventDate | None) -> str:
    if stated is None or date is None:
        return "" if stated is None else f"The import states {stated} months and no date."
    derived = {months_between(seed, date)} | ({months_between(parent, date)} if parent else set())
    if stated in derived:
        return ""
    counts = " or ".join(map(str, sorted(derived)))
    return f"The import states {stated} months; the dates give {counts}."


def _depth(row: dict[str, Any], position: int) -> int:
    depth = row.get("depth", position)
    if not isinstance(depth, int) or isinstance(depth, bool):
        raise InvalidInput(f"{depth!r} is not a depth; write 1 to 5.")
    return depth


def _label(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise InvalidInput(f"{value!r} is not a label; write 1 for what happened and 0 for the rest.")


def _date_or_none(value: Any) -> EventDate | None:
    return None if value in (None, "") else EventDate.parse(_text(value, "date"))


def _first(row: dict[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _text(value: Any, what: str) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise InvalidInput(f"{what} is {value!r}; a text is expected.")


def _list(value: Any, what: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise InvalidInput(f"{what} is {type(value).__name__}; a list is expected.")


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise InvalidInput(f"{what} is {type(value).__name__}; an object is expected.")
