"""All cases as the queue sees them, held in memory and kept up to date by what has changed in the store.

A page of the queue asks for changes, which is one small query, instead of reading every pending case anew: at 2,000
cases that was 50 ms a page. An entry is some kilobyte. Other processes may write to the store; their events are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from agents.curator.digests import Digest, Digests
from db.changes import Changes
from db.mapping import CaseSummary
from db.repository import Cases


@dataclass(frozen=True)
class Entry:
    """A case in its newest revision."""

    summary: CaseSummary
    draw: int
    """A random number of its own, always the same."""
    _digests: Digests

    @property
    def digest(self) -> Digest:
        """Read from the store when it is first needed: most filters let few of all cases through."""
        return self._digests.of(self.summary)

    @cached_property
    def worth(self) -> tuple[float, str]:
        """What the queue sorts by, worked out once: it is sorted anew after each decision of anybody."""
        return -self.digest.value, self.summary.case_id


class Standing:
    """Entries by case id."""

    def __init__(self, cases: Cases, changes: Changes, digests: Digests, draw: Callable[[str], int]) -> None:
        self._cases, self._changes, self._digests, self._draw = cases, changes, digests, draw
        self._entries: dict[str, Entry] = {}
        self._version = 0
        self._begun = self._done = 0
        """Numbers of the last look that was begun, and of the last that was carried through."""
        self._lock = Lock()

    def now(self) -> tuple[int, Mapping[str, Entry]]:
        """All entries, and a number that is another one whenever they are.

        Who waits for the lock takes over a look that began after they came: twenty who ask at once look twice.
        """
        before = self._begun
        with self._lock:
            if self._done > before:
                return self._version, self._entries
            self._begun += 1
            changed = self._changes.look()
            if changed is None or changed:
                found = self._cases.list_cases(only=changed)
                made = {s.case_id: Entry(s, self._draw(s.case_id), self._digests) for s in found}
                self._entries = self._entries | made  # a new one: whoever has the old one goes on with it
                self._version += 1
            self._done = self._begun
            return self._version, self._entries
