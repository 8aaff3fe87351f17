"""The history of promotions: appended, never overwritten, and it shows when somebody did.

Each line holds the hash of the line before. The model in use is read off the lines: a promotion puts a model on
top, a rollback takes the top one off. Does not cover: who may promote.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from corpus.errors import InvalidFile
from corpus.files import write_atomically
from corpus.identity import tagged_hash
from evaluation.prediction import first_problem
from training.registry.records import Event, EventKind, ModelRecord

HISTORY = "history.jsonl"


def read_history(path: Path) -> list[Event]:
    """All events, oldest first; raises InvalidFile naming the line that was altered."""
    if not path.is_file():
        return []
    events: list[Event] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            event = Event.model_validate_json(line)
        except ValidationError as fault:
            raise InvalidFile(
                f"{path}:{number} is damaged: {first_problem(fault)} Restore it from a backup."
            ) from fault
        if event.number != number or event.previous != _hash_of(events):
            raise InvalidFile(
                f"{path}:{number} does not follow from the lines before it: the history was edited; "
                "restore it from a backup."
            )
        events.append(event)
    return events


def append_event(
    path: Path,
    kind: EventKind,
    model: ModelRecord,
    *,
    reason: str = "",
    forced: bool = False,
    against: str = "",
    differences: tuple[dict[str, Any], ...] = (),
) -> Event:
    """Add a line; the caller holds the registry's lock."""
    events = read_history(path)
    event = Event(
        number=len(events) + 1,
        at=datetime.now(UTC),
        by=_user(),
        kind=kind,
        model=model.name,
        content=model.content,
        reason=reason,
        forced=forced,
        against=against,
        differences=differences,
        previous=_hash_of(events),
    )
    write_atomically(path, [one.model_dump_json() for one in [*events, event]])
    return event


def promoted(events: Sequence[Event]) -> list[str]:
    """Names of promoted models, the one in use last; a rolled-back one is not among them."""
    stack: list[str] = []
    for event in events:
        if event.kind is EventKind.PROMOTED:
            stack.append(event.model)
        elif event.kind is EventKind.ROLLED_BACK:
            stack.pop()
    return stack


def _hash_of(events: Sequence[Event]) -> str:
    return tagged_hash("promotion/v1", events[-1].model_dump(mode="json")) if events else ""


def _user() -> str:
    """Who runs this, as the system knows them; empty where it knows nobody."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
