"""From a form to a case: values set by their paths, parts added and removed, quotations found in their texts.

A form names each value by its path in the case's JSON, such as `outcomes[0].candidates[1].text`; only paths of
`EDITABLE` are taken. What does not fit is a message beside its field, never a half-applied edit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from agents.reading.evidence import QUOTE_CONTEXT
from corpus.case import Case, Fate, Outcome, Role, Terms, TextKind
from corpus.dates import EventDate
from corpus.domains import domain_name
from corpus.errors import InvalidInput
from corpus.pooling import pooled_outcome

Texts = Mapping[str, str]
"""Source id → stored text."""
_QUOTE = r"(?:seed_evidence|(?:context|outcomes)\[\d+\]\.evidence|outcomes\[\d+\]\.candidates\[\d+\]\.evidence)\[\d+\]"
_ESTIMATE = r"outcomes\[\d+\]\.(?:candidates\[\d+\]|remainder)\.estimates\[\d+\]"


def _required(text: str) -> str:
    if not text.strip():
        raise InvalidInput("This must not be empty.")
    return text.strip()


def _date(text: str) -> str:
    return str(EventDate.parse(text))


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text.strip() else None


def _whole(text: str) -> int:
    if not text.strip().isdigit():
        raise InvalidInput(f"{text!r} is no whole number.")
    return int(text)


def _share(text: str) -> float:
    return percent(text) / 10_000


def _domain(text: str) -> str:
    return domain_name(text, allow_new=True)


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise InvalidInput(f"{text!r} is none of {', '.join(known)}.")
        return text

    return read


EDITABLE: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = tuple(
    (re.compile(pattern + r"\Z"), read)
    for pattern, read in (
        (r"seed_event", _required),
        (r"seed_date", _date),
        (r"domain", _domain),
        (r"summary", str.strip),
        (r"horizon_months", _whole),
        (r"context\[\d+\]\.text", _required),
        (r"outcomes\[\d+\]\.event", _or_none(_required)),
        (r"outcomes\[\d+\]\.date", _or_none(_date)),
        (r"outcomes\[\d+\]\.note", str.strip),
        (r"outcomes\[\d+\]\.candidates\[\d+\]\.text", _required),
        (r"outcomes\[\d+\]\.candidates\[\d+\]\.fate", _or_none(_one_of(*Fate))),
        (r"outcomes\[\d+\]\.candidates\[\d+\]\.fate_date", _or_none(_date)),
        (rf"{_QUOTE}\.exact", _required),
        (rf"{_QUOTE}\.role", _one_of(*Role)),
        (rf"{_ESTIMATE}\.value", _share),
        (rf"{_ESTIMATE}\.(?:low|high)", _or_none(_share)),
        (rf"{_ESTIMATE}\.(?:venue|note)", str.strip),
        (rf"{_ESTIMATE}\.samples", _or_none(_whole)),
        (rf"{_ESTIMATE}\.terms", _one_of(*Terms)),
        (r"sources\[\d+\]\.(?:url|publisher)", _required),
        (r"sources\[\d+\]\.title", str.strip),
        (r"sources\[\d+\]\.published_at", _or_none(_date)),
        (r"sources\[\d+\]\.terms", _one_of(*Terms)),
        (r"sources\[\d+\]\.text_kind", _one_of(*TextKind)),
    )
)
_REMOVABLE = re.compile(rf"context\[\d+\]|outcomes\[\d+\](?:\.candidates\[\d+\])?|{_QUOTE}|{_ESTIMATE}")


@dataclass(frozen=True)
class Addition:
    """A part that a form adds."""

    name: str
    """The field that holds its text, such as `add.candidate[0]`."""
    text: str
    more: Mapping[str, str]
    """The other fields that belong to it."""


@dataclass
class Changes:
    """What a form wants changed, by places in the case that it started from: what a merge carries over."""

    values: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Path → the value before and after."""
    told: dict[int, int] = field(default_factory=dict)
    """Index of a level → index of the candidate that is to count as what happened."""
    added: list[Addition] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    """Paths of parts."""


@dataclass
class Edited:
    """What a form made of a case."""

    case: Case
    """As edited; the case it started from where there are faults."""
    faults: dict[str, str] = field(default_factory=dict)
    """Field name → what is wrong with it."""
    changes: Changes = field(default_factory=Changes)


def percent(text: str) -> int:
    """ "62.5" or "62,5 %" → 6250 basis points; raises InvalidInput for anything else or outside 0 to 100."""
    plain = text.strip().removesuffix("%").strip().replace(",", ".")
    if not re.fullmatch(r"\d{1,3}(?:\.\d{1,2})?", plain) or float(plain) > 100:
        raise InvalidInput(f"{text.strip()!r} is no per cent; type 0 to 100 with up to two decimals.")
    return round(float(plain) * 100)


def edit(case: Case, form: Mapping[str, str], texts: Texts) -> Edited:
    """Apply a form to a case: set values, add parts, then remove the ticked ones."""
    work = _Edit(case, texts)
    for name, value in form.items():
        if name[:1].isalpha() and (name == "seed_event" or "[" in name or name in _TOP):
            work.set(name, value)
    for name, value in form.items():
        if name.startswith("add.") and value.strip():
            work.add(name, value, form)
        elif name.startswith("happened["):
            work.happened(name, value)
    work.remove([value for name, value in form.items() if name.startswith("remove.")])
    return work.result()


_TOP = frozenset({"seed_date", "domain", "summary", "horizon_months"})


class _Edit:
    def __init__(self, case: Case, texts: Texts) -> None:
        self.case, self.texts = case, texts
        self.tree: dict[str, Any] = case.model_dump(mode="json")
        self.faults: dict[str, str] = {}
        self.changes = Changes()

    def set(self, path: str, value: str) -> None:
        """Set one value by its path; unchanged ones are left alone, so that their form never matters."""
        reader = next((read for pattern, read in EDITABLE if pattern.match(path)), None)
        if reader is None or path.startswith("happened["):
            return
        try:
            parent, key = self._place(path)
            new = reader(value.replace("\r\n", "\n"))
            if _same(parent[key], new):
                return
            self.changes.values[path] = (parent[key], new)
            parent[key] = new
            if path.endswith(".exact"):
                self._locate(parent)
        except (LookupError, TypeError):
            self.faults[path] = "This part is no longer there."
        except InvalidInput as fault:
            self.faults[path] = str(fault)

    def add(self, name: str, value: str, form: Mapping[str, str]) -> None:
        """Add a context fact, an outcome, a candidate or a quotation."""
        try:
            if name == "add.context":
                self.tree["context"].append({"text": value.strip(), "evidence": []})
            elif name == "add.outcome":
                self._add_outcome(value.strip(), form.get("new.outcome.date", ""))
            elif name.startswith("add.candidate["):
                level = self.tree["outcomes"][int(name[14:].rstrip("]"))]
                level["candidates"].append({"text": value.strip()})
            elif name.startswith("add.quote."):
                self._add_quote(name.removeprefix("add.quote."), value.strip(), form)
            else:
                return
            self.changes.added.append(Addition(name, value.strip(), _belonging(name, form)))
        except InvalidInput as fault:
            self.faults[name] = str(fault)
        except (LookupError, ValueError, TypeError):
            self.faults[name] = "The part it belongs to is no longer there."

    def happened(self, name: str, value: str) -> None:
        """Mark the one candidate of a level that happened; none where Z did."""
        i = int(re.sub(r"\D", "", name) or -1)
        if not 0 <= i < len(self.tree["outcomes"]):
            self.faults[name] = "This level is no longer there."
            return
        level = self.tree["outcomes"][i]
        before = [candidate.happened for candidate in self.case.outcomes[i].candidates]
        if value.isdigit() and int(value) < len(before) and not before[int(value)]:
            self.changes.told[i] = int(value)
        for k, candidate in enumerate(level["candidates"]):
            told = value == str(k)
            if bool(candidate.get("happened")) != told:
                candidate["happened"] = told
                candidate["fate"] = None if told else candidate.get("fate")

    def remove(self, paths: list[str]) -> None:
        """Take parts out, the last first, so that the places of the others hold."""
        for path in sorted(paths, key=_numbers, reverse=True):
            if not _REMOVABLE.fullmatch(path):
                continue
            try:
                parent, key = self._place(path)
                del parent[key]
                self.changes.removed.append(path)
            except (LookupError, TypeError):
                self.faults[f"remove.{path}"] = "This part is no longer there."
        for depth, outcome in enumerate(self.tree["outcomes"], start=1):
            outcome["depth"] = depth

    def result(self) -> Edited:
        """The case, its changed levels pooled anew; or the faults."""
        if not self.faults:
            try:
                made = Case.model_validate(self.tree)
                return Edited(self._pooled(made), {}, self.changes)
            except ValidationError as fault:
                for error in fault.errors():
                    self.faults[_path(error["loc"])] = error["msg"]
        return Edited(self.case, self.faults, self.changes)

    def _pooled(self, made: Case) -> Case:
        """Pool the levels whose estimates or candidates changed; imported distributions stay as they came."""
        before = {o.depth: _estimates(o) for o in self.case.outcomes}
        outcomes = tuple(
            o if before.get(o.depth) == _estimates(o) else pooled_outcome(o) for o in made.outcomes
        )
        return made.model_copy(update={"outcomes": outcomes})

    def _add_outcome(self, event: str, date: str) -> None:
        depth = len(self.tree["outcomes"]) + 1
        day = _date(date) if date.strip() else None
        candidates = [{"text": event, "happened": True}]
        self.tree["outcomes"].append({"depth": depth, "event": event, "date": day, "candidates": candidates})

    def _add_quote(self, path: str, exact: str, form: Mapping[str, str]) -> None:
        if not re.fullmatch(r"seed_evidence|(?:context|outcomes)\[\d+\]\.evidence|"
                            r"outcomes\[\d+\]\.candidates\[\d+\]\.evidence", path):  # fmt: skip
            raise InvalidInput("Quotations belong to the seed, a context fact, an outcome or a candidate.")
        parent, key = self._place(path)
        quote = {
            "source_id": form.get(f"new.quote.{path}.source", ""),
            "role": form.get(f"new.quote.{path}.role", Role.SUPPORTS_EVENT.value), "exact": exact,
        }  # fmt: skip
        self._locate(quote)
        parent[key].append(quote)

    def _locate(self, quote: dict[str, Any]) -> None:
        """Give a quotation its place in the stored text; raises InvalidInput where it does not stand there."""
        quote |= located(self.texts, quote["source_id"], quote["exact"])

    def _place(self, path: str) -> tuple[Any, Any]:
        """The container and the key or index that a path names in the tree."""
        keys = [int(part) if part.isdigit() else part for part in re.findall(r"[a-z_]+|\d+", path)]
        node: Any = self.tree
        for key in keys[:-1]:
            node = node[key]
        if isinstance(keys[-1], int) and keys[-1] >= len(node):
            raise IndexError(path)
        return node, keys[-1]


def _belonging(name: str, form: Mapping[str, str]) -> dict[str, str]:
    """The fields that say more of an added part: the date of an outcome, source and role of a quotation."""
    start = name.replace("add.", "new.", 1) + "."
    return {other: value for other, value in form.items() if other.startswith(start)}


def located(texts: Texts, source: str, exact: str) -> dict[str, Any]:
    """Offsets and surroundings of a quotation in its source's stored text."""
    text = texts.get(source)
    if text is None:
        raise InvalidInput("The text of this source is not stored; add the source with its text first.")
    start = text.find(exact)
    if start < 0:
        raise InvalidInput(
            "These words do not stand in the stored text of the source; copy them to the letter."
        )
    end = start + len(exact)
    return {
        "start": start, "end": end, "prefix": text[max(0, start - QUOTE_CONTEXT) : start],
        "suffix": text[end : end + QUOTE_CONTEXT],
    }  # fmt: skip


def _estimates(outcome: Outcome) -> tuple[Any, ...]:
    return (tuple(c.estimates for c in outcome.candidates), outcome.remainder.estimates)


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) or (isinstance(old, float) and isinstance(new, float) and abs(old - new) < 5e-5)


def _numbers(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path))


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
