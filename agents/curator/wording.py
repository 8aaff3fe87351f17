"""Places and values of a case as people say them: "depth 1, candidate 2, words" instead of a path into its JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from corpus.case import Method

METHODS = {
    Method.MARKET: "market",
    Method.SURVEY: "survey",
    Method.EXPERT: "expert",
    Method.BASE_RATE: "base rate",
    Method.MODEL: "model, blind",
    Method.RETROSPECTIVE: "retrospective",
}
_PARTS = {
    "outcomes": "depth", "context": "fact", "candidates": "candidate", "candidate": "depth", "estimates": "estimate",
    "evidence": "quotation", "seed_evidence": "seed, quotation", "sources": "source", "happened": "depth",
    "remainder": "Z", "probability_bp": "pooled probability", "exact": "words", "seed_event": "seed",
    "quote": "quotation", "add": "added", "remove": "removed",
}  # fmt: skip
_STEP = re.compile(r"([a-z_]+)(?:\[(\d+)\])?")
_SHARES = frozenset({"value", "low", "high"})


def where(path: str) -> str:
    """A path of a case, or a field of a form, in words."""
    said = []
    for name, number in _STEP.findall(path):
        word = _PARTS.get(name, name.replace("_", " "))
        said.append(f"{word} {int(number) + 1}" if number else word)
    return ", ".join(said)


def part(value: object, path: str = "") -> str:
    """A value of a case in words: of a whole part its text, of a share its per cent."""
    name = path.rpartition(".")[2]
    if value is None or value == "":
        return "nothing"
    if name == "probability_bp" and isinstance(value, int):
        return percent(value)
    if name in _SHARES and isinstance(value, float):
        return percent(round(value * 10_000))
    if not isinstance(value, dict):
        return str(value)
    if "method" in value:
        return _estimate(value)
    said = next((value[key] for key in ("text", "exact", "event", "title") if value.get(key)), "")
    return str(said) or ", ".join(
        f"{key} {held}" for key, held in value.items() if held not in (None, "", [], {})
    )


def _estimate(value: Mapping[str, Any]) -> str:
    said = [METHODS[Method(value["method"])], part(value["value"], "value")]
    said += [f"by {value['venue']}"] if value.get("venue") else []
    said += [f"as of {str(value['as_of'])[:10]}"] if value.get("as_of") else []
    return " ".join(said)


def percent(points: int | None) -> str:
    """Basis points as people read them: "62.5 %", "–" where there is no value."""
    return "–" if points is None else f"{points / 100:g} %"


def moment(when: datetime) -> str:
    """A moment in UTC to the minute."""
    return f"{when:%Y-%m-%d %H:%M} UTC"
