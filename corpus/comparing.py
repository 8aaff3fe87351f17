"""What changed between two snapshots: cases that came, went or say something else, and moves between splits.

Keeps one hash and one place in the file for each case; the two versions of a changed case are read again
when it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.identity import NOT_CONTENT, tagged_hash
from corpus.snapshot import CASES, Snapshot, read_snapshot
from corpus.splits import Split

LEFT_OUT = "left out"
Place = tuple[str, int]
"""Content hash and byte offset of a case."""


@dataclass(frozen=True)
class FieldChange:
    """One value that differs; None where it is missing on that side."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class CaseChange:
    """A case that says something else."""

    case_id: str
    seed_event: str
    old_revision: int
    new_revision: int
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class SnapshotDiff:
    """Two snapshots side by side; all ids sorted."""

    old: Snapshot
    new: Snapshot
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    moved: dict[str, tuple[str, str]]
    """Case id → the split it was in and the split it is in, for cases in both."""
    _places: tuple[dict[str, Place], dict[str, Place]]

    @property
    def same(self) -> bool:
        """Whether both hold the same cases in the same splits."""
        return not (self.added or self.removed or self.changed or self.moved)

    def changes(self) -> Iterator[CaseChange]:
        """The changed cases, one at a time."""
        for case_id in self.changed:
            before = _read(self.old, self._places[0][case_id])
            after = _read(self.new, self._places[1][case_id])
            yield CaseChange(
                case_id, after["seed_event"], before["revision"], after["revision"],
                tuple(field_changes(_content(before), _content(after))),
            )  # fmt: skip


def diff_snapshots(old: Path, new: Path) -> SnapshotDiff:
    """Compare two snapshot folders; raises SnapshotError where one is damaged."""
    before, after = read_snapshot(old), read_snapshot(new)
    one, other = _index(before), _index(after)
    both = sorted(one.keys() & other.keys())
    was, now = _membership(before), _membership(after)
    moved = {c: (was.get(c, LEFT_OUT), now.get(c, LEFT_OUT)) for c in both if was.get(c) != now.get(c)}
    return SnapshotDiff(
        before,
        after,
        added=tuple(sorted(other.keys() - one.keys())),
        removed=tuple(sorted(one.keys() - other.keys())),
        changed=tuple(case_id for case_id in both if one[case_id][0] != other[case_id][0]),
        moved=moved,
        _places=(one, other),
    )


def field_changes(old: Any, new: Any, path: str = "") -> Iterator[FieldChange]:
    """The leaves at which two JSON values differ, in order."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from field_changes(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            yield from field_changes(_at(old, i), _at(new, i), f"{path}[{i}]")
    elif old != new:
        yield FieldChange(path, old, new)


def _at(values: list[Any], i: int) -> Any:
    return values[i] if i < len(values) else None


def _index(snapshot: Snapshot) -> dict[str, Place]:
    found, offset = {}, 0
    with (snapshot.folder / CASES).open("rb") as file:
        for line in file:
            case = json.loads(line)
            found[case["case_id"]] = (tagged_hash("content", _content(case)), offset)
            offset += len(line)
    return found


def _content(case: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in case.items() if key not in NOT_CONTENT}


def _read(snapshot: Snapshot, place: Place) -> dict[str, Any]:
    with (snapshot.folder / CASES).open("rb") as file:
        file.seek(place[1])
        return dict(json.loads(file.readline()))


def _membership(snapshot: Snapshot) -> dict[str, str]:
    return {case_id: split.value for split in Split for case_id in snapshot.splits.members(split)}
