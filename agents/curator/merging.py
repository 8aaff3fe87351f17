"""Two people edited one case: what the second wanted, carried over to what is stored by now.

Everything is held against the revision that both started from, part by part. What only one of them changed is
taken; where both touched the same, the person who comes second chooses. Nothing is stored here: the answer is a
form, whose fields name places in the newest revision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agents.curator.editing import Addition, Changes
from agents.curator.places import place_in, value_at
from agents.curator.wording import part, where
from corpus.case import Case
from corpus.comparing import field_changes
from corpus.identity import NOT_CONTENT


@dataclass(frozen=True)
class MergeField:
    """One value that the second editor changed, as a choice of two."""

    path: str
    """Name of the form's field."""
    base: Any
    theirs: Any
    mine: Any
    conflict: bool
    """Whether the first editor changed it too, to something else."""
    sent: tuple[Any, Any] | None = None
    """What the form sends for theirs and mine, where it is not what is shown."""

    @property
    def values(self) -> tuple[Any, Any]:
        """What the form sends for theirs and mine; "" stands for nothing."""
        return tuple("" if value is None else value for value in self.sent or (self.theirs, self.mine))  # type: ignore[return-value]


@dataclass(frozen=True)
class MergePart:
    """A part that the second editor added or removed, as a box to be ticked."""

    name: str
    value: str
    said: str
    more: tuple[tuple[str, str], ...] = ()
    """Further fields that go along."""
    warning: str = ""
    """Why it is not ticked; empty where it is."""


@dataclass
class Merge:
    """What the second editor wanted, seen against what is stored by now."""

    fields: list[MergeField] = field(default_factory=list)
    parts: list[MergePart] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """What belonged to a part that is gone, in words."""
    theirs: tuple[str, ...] = ()
    """Paths that the first editor changed."""


def merge(base: Case, theirs: Case, changes: Changes) -> Merge:
    """Set the changes of a form on `base` against the revision that was stored meanwhile."""
    old, new = _content(base), _content(theirs)
    made = Merge(theirs=tuple(sorted(change.path for change in field_changes(old, new))))
    for path, (before, wanted) in changes.values.items():
        at = place_in(old, new, path)
        if at is None:
            made.lost.append(f"{where(path)}: {part(wanted, path)}")
            continue
        stored = value_at(new, at)
        if stored != wanted:
            made.fields.append(MergeField(at, before, stored, wanted, stored != before))
    for i, k in changes.told.items():
        _add_told(made, old, new, i, k)
    for addition in changes.added:
        _add_addition(made, old, new, addition)
    for path in changes.removed:
        _add_removal(made, old, new, path)
    return made


def _add_told(made: Merge, old: Any, new: Any, i: int, k: int) -> None:
    level, candidate = f"outcomes[{i}]", f"outcomes[{i}].candidates[{k}]"
    at, chosen = place_in(old, new, level), place_in(old, new, candidate)
    if at is None or chosen is None:
        made.lost.append(f"what happened at depth {i + 1}: {value_at(old, candidate)['text']}")
        return
    was, stored = _told(value_at(old, level)), _told(value_at(new, at))
    wanted = value_at(new, chosen)["text"]
    if stored[1] == wanted:
        return
    number = chosen.rpartition("[")[2].rstrip("]")
    name = f"happened[{at.rpartition('[')[2].rstrip(']')}]"
    made.fields.append(MergeField(name, was[1], stored[1], wanted, stored[1] != was[1], (stored[0], number)))


def _told(level: Any) -> tuple[str, str]:
    """Number and text of the candidate that happened; empty where none is marked."""
    marked = [(str(k), c["text"]) for k, c in enumerate(level["candidates"]) if c["happened"]]
    return marked[0] if marked else ("", "")


def _add_addition(made: Merge, old: Any, new: Any, addition: Addition) -> None:
    kind, _, rest = addition.name.removeprefix("add.").partition(".")
    holder = rest if kind == "quote" else kind.replace("candidate[", "outcomes[")
    at = holder if kind in ("context", "outcome") else place_in(old, new, holder)
    if at is None:
        made.lost.append(f"added: {addition.text}")
        return
    name = addition.name.replace(holder, at) if kind == "quote" else addition.name
    if kind.startswith("candidate["):
        name = f"add.candidate{at.removeprefix('outcomes')}"
    if addition.text in _there(new, kind, at):
        return
    more = tuple((key.replace(holder, at), value) for key, value in addition.more.items())
    both = kind == "outcome" and len(new["outcomes"]) > len(old["outcomes"])
    warning = "they added an outcome too; yours would follow it" if both else ""
    made.parts.append(MergePart(name, addition.text, f"add {_WORDS[kind.partition('[')[0]]}", more, warning))


_WORDS = {"context": "a fact", "outcome": "an outcome", "candidate": "a candidate", "quote": "a quotation"}


def _there(new: Any, kind: str, at: str) -> Iterator[str]:
    """The texts that stand already where a part is to be added."""
    if kind == "outcome":
        yield from (outcome["event"] or "" for outcome in new["outcomes"])
    elif kind == "quote":
        yield from (item["exact"] for item in value_at(new, at))
    else:
        listed = new["context"] if kind == "context" else value_at(new, at)["candidates"]
        yield from (part["text"] for part in listed)


def _add_removal(made: Merge, old: Any, new: Any, path: str) -> None:
    at = place_in(old, new, path)
    if at is None:
        return  # gone already
    was, stored = value_at(old, path), value_at(new, at)
    warning = "" if was == stored else "they changed it meanwhile"
    made.parts.append(MergePart(f"remove.{at}", at, f"remove {_words_of(stored)}", (), warning))


def _words_of(part: Any) -> str:
    said = next((part[key] for key in ("text", "exact", "event", "method") if part.get(key)), "")
    return f"“{said}”" if said else "this part"


def _content(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", exclude=set(NOT_CONTENT))
