"""The ledger of what runs were planned to cost and what they cost: one JSON line an entry, only ever appended.

A line is written with one call, synced, and begun on a new line where a crash cut the one before; a cut line is
skipped by readers and counted. Actual dollars are seconds times the table's price (nothing on this machine); what a
provider bills in the end is not known here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

ENVIRONMENT = "PSYCHOHISTORY_COSTS"
FILE = "costs.jsonl"


class Kind(StrEnum):
    """What an entry says."""

    ESTIMATE = "estimate"
    """What the plan said before the launch."""
    ACTUAL = "actual"
    """What was measured."""


class Entry(BaseModel):
    """One line of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    at: AwareDatetime
    kind: Kind
    run: str
    """Name of the run; on Modal it is the run's folder on the volume."""
    stage: str
    dataset: str
    """Hash of the snapshot."""
    backend: str
    gpu: str = ""
    seconds: float = Field(ge=0, allow_inf_nan=False)
    usd: float = Field(ge=0, allow_inf_nan=False)
    key: str = ""
    """What was measured, once: a second entry with the same key is not written."""


@dataclass
class Total:
    """Estimated and actual of one group; an actual that was never measured stays None."""

    estimated_seconds: float | None = None
    estimated_usd: float | None = None
    actual_seconds: float | None = None
    actual_usd: float | None = None

    def add(self, entry: Entry) -> None:
        """Count one entry in."""
        name = "estimated" if entry.kind is Kind.ESTIMATE else "actual"
        for figure, value in (("seconds", entry.seconds), ("usd", entry.usd)):
            so_far = getattr(self, f"{name}_{figure}")
            setattr(self, f"{name}_{figure}", (so_far or 0.0) + value)


@dataclass(frozen=True)
class Read:
    """What a ledger holds."""

    entries: Sequence[Entry] = field(default_factory=tuple)
    cut: int = 0
    """Lines that a crash cut, or that are no entries."""


class Ledger:
    """One file of entries."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Read:
        """All whole entries."""
        if not self.path.is_file():
            return Read()
        entries, cut = [], 0
        for line in self.path.read_bytes().split(b"\n"):
            if not line.strip():
                continue
            try:
                entries.append(Entry.model_validate_json(line))
            except ValidationError:
                cut += 1
        return Read(entries, cut)

    def add(self, entries: Iterable[Entry]) -> int:
        """Append entries whose key is not there yet; how many were written."""
        known = {entry.key for entry in self.read().entries if entry.key}
        fresh = [entry for entry in entries if not entry.key or entry.key not in known]
        if fresh:
            self._append("".join(f"{entry.model_dump_json()}\n" for entry in fresh).encode())
        return len(fresh)

    def _append(self, lines: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            if file.tell() and not _ends_a_line(file):
                lines = b"\n" + lines
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def default_ledger(environment: Mapping[str, str]) -> Path:
    """The file that `PSYCHOHISTORY_COSTS` names, else one in the user's data folder."""
    if named := environment.get(ENVIRONMENT):
        return Path(named).expanduser()
    from platformdirs import user_data_path

    return user_data_path("psychohistory") / FILE


def grouped(entries: Iterable[Entry], by: str) -> dict[str, Total]:
    """Totals by run, stage, dataset, backend or GPU, in the order in which they first appear.

    Of several estimates for one stage of one run the newest counts: it was planned again, not run twice.
    """
    newest: dict[tuple[str, str], Entry] = {}
    counted: list[Entry] = []
    for entry in entries:
        if entry.kind is Kind.ESTIMATE:
            newest[(entry.run, entry.stage)] = entry
        else:
            counted.append(entry)
    found: dict[str, Total] = {}
    for entry in sorted((*newest.values(), *counted), key=lambda one: one.at):
        found.setdefault(str(getattr(entry, by)) or "none", Total()).add(entry)
    return found


def now() -> datetime:
    """The present moment, as entries carry it."""
    return datetime.now(UTC)


def as_json(read: Read, by: str) -> dict[str, Any]:
    """Totals and entries as JSON."""
    return {
        "by": by,
        "totals": {name: vars(total) for name, total in grouped(read.entries, by).items()},
        "entries": [json.loads(entry.model_dump_json()) for entry in read.entries],
        "cut_lines": read.cut,
    }
