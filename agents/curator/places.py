"""Where a part of a case stands in another revision of it, for a merge.

Parts are told apart by what they are (a candidate by its text, a quotation by source and words), not by their
number, which changes with every removal. A part whose words were edited is found by its place among those that
were edited. Where neither shows it, there is no place: nothing is guessed.
"""

from __future__ import annotations

import re
from typing import Any

_MARKS = ("depth", "method", "venue", "as_of", "source_id", "exact", "text")
"""Fields that say which part this is; those that a kind of part does not have are left out."""


def place_in(old: Any, new: Any, path: str) -> str | None:
    """The path in `new` of what stands at `path` in `old`, both cases as JSON; None where it is gone."""
    found = ""
    for key in re.findall(r"[a-z_]+|\d+", path):
        if key.isdigit():
            at = _counterpart(old, new, int(key))
            if at is None:
                return None
            old, new, found = old[int(key)], new[at], f"{found}[{at}]"
        elif isinstance(new, dict) and key in new:
            old, new, found = old[key], new[key], f"{found}.{key}" if found else key
        else:
            return None
    return found


def value_at(tree: Any, path: str) -> Any:
    """What stands at a path that exists."""
    for key in re.findall(r"[a-z_]+|\d+", path):
        tree = tree[int(key) if key.isdigit() else key]
    return tree


def _counterpart(old: list[Any], new: list[Any], i: int) -> int | None:
    if i >= len(old):
        return None
    marks, theirs = [_mark(part) for part in old], [_mark(part) for part in new]
    mine = marks[i]
    same = [n for n, mark in enumerate(theirs) if mark == mine]
    twin = marks[:i].count(mine)
    if twin < len(same):
        return same[twin]
    edited = [n for n, mark in enumerate(marks) if mark not in theirs]
    fresh = [n for n, mark in enumerate(theirs) if mark not in marks]
    place = edited.index(i) if i in edited else len(fresh)
    # parts are added at the end, so one that stands further back than before is an addition, not an edit
    return fresh[place] if place < len(fresh) and fresh[place] <= i else None


def _mark(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return tuple(str(part[name]) for name in _MARKS if name in part)
