"""Two people edited one case: what each changed, and where they differ.

Both edits are held against the revision they started from. What only one of them changed is taken; where
both changed the same value, the person who comes second chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.curator.editing import EDITABLE
from corpus.case import Case
from corpus.comparing import field_changes
from corpus.identity import NOT_CONTENT


@dataclass(frozen=True)
class MergeField:
    """One value that the second editor changed."""

    path: str
    base: Any
    theirs: Any
    mine: Any

    @property
    def conflict(self) -> bool:
        """Whether the first editor changed it too, to something else."""
        return bool(self.theirs not in (self.base, self.mine))


@dataclass(frozen=True)
class Merge:
    """What the second editor wanted, seen against what is stored by now."""

    fields: tuple[MergeField, ...]
    theirs: tuple[str, ...]
    """Paths that the first editor changed."""


def merge(base: Case, theirs: Case, mine: Case) -> Merge:
    """Set two edits of one revision side by side; only values that a form can set are offered."""
    old, stored, wanted = _content(base), _content(theirs), _content(mine)
    first = {change.path: change.new for change in field_changes(old, stored)}
    fields = tuple(
        MergeField(change.path, change.old, first.get(change.path, change.old), change.new)
        for change in field_changes(old, wanted)
        if _can_be_set(change.path)
    )
    return Merge(fields, tuple(sorted(first)))


def _content(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", exclude=set(NOT_CONTENT))


def _can_be_set(path: str) -> bool:
    return any(pattern.match(path) for pattern, _ in EDITABLE)
