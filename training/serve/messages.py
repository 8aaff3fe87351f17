"""What travels over the API: requests in the seed documents' shape, trees, levels of a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from corpus.case import MAX_DEPTH
from corpus.identity import canonical_json
from training.serve.service import Event, Finished
from training.trees import Expansion, Question, facts_of

MOST_BRANCHES = 12
NO_JSON = 'The request is no JSON; send an object such as {"event": "…", "context": "…"}.'
LONGEST_EVENT, LONGEST_FACT, MOST_FACTS = 1_000, 2_000, 100
Fact = Annotated[str, Field(max_length=LONGEST_FACT)] | int | float


class TreeRequest(BaseModel):
    """`{"event": …, "context": …}`; the rest may be left out."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"event": "Brexit vote passes", "context": "52% leave", "as_of": "2016-06-24", "depth": 2}
            ]
        },
    )

    event: Annotated[str, Field(min_length=1, max_length=LONGEST_EVENT,
                                validation_alias=AliasChoices("event", "seed_event"))]  # fmt: skip
    """What happened, in one sentence."""
    context: (
        Annotated[str, Field(max_length=LONGEST_FACT * 10)]
        | Annotated[dict[str, Fact], Field(max_length=MOST_FACTS)]
        | Annotated[list[Annotated[str, Field(max_length=LONGEST_FACT)]], Field(max_length=MOST_FACTS)]
    ) = ""
    """What was known then: a text (one fact a line), an object of facts, or a list."""
    as_of: date | None = None
    """Day of the forecast; today without it."""
    horizon: Annotated[int, Field(ge=1, le=600)] = 36
    """Months a level."""
    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] | None = None
    branches: Annotated[int, Field(ge=1, le=MOST_BRANCHES)] | None = None
    """Most candidates a list."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """The same seed gives the same tree."""

    def question(self, depth: int, branches: int) -> Question:
        """The question that is asked; the two numbers stand in where none is named."""
        facts = tuple(str(fact) for fact in facts_of(self.context))
        return Question(
            self.event.strip(),
            facts,
            self.as_of,
            self.horizon,
            self.depth or depth,
            self.branches or branches,
        ).dated()


def line(event: Event) -> str:
    """One line of the stream."""
    if isinstance(event, Finished):
        told: dict[str, Any] = {"event": "tree", "cached": event.cached, "complete": event.tree.complete}
        return _line(told | {"tree": event.tree.model_dump(mode="json")})
    return _line({"event": "level"} | _level(event))


def fault_line(status: int, message: str) -> str:
    """The last line of a stream that failed."""
    return _line({"event": "error", "status": status, "message": message})


def _level(level: Expansion) -> dict[str, Any]:
    weighed = level.weighed
    branches = [
        {
            "event": text,
            "probability": weighed.probabilities[k],
            "path_probability": level.path_probability * weighed.probabilities[k],
            "spread": weighed.spread[k] if weighed.spread else None,
            "months": weighed.median_months(k),
        }
        for k, text in enumerate(weighed.texts)
    ]
    return {"path": list(level.path), "branches": branches, "remainder": weighed.probabilities[-1]}


def _line(value: Any) -> str:
    return canonical_json(value) + "\n"


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first thing that is wrong with a request, in one sentence."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part != "body" and not _is_type_name(str(part))]
    if first["type"] == "json_invalid":
        return NO_JSON
    if first["type"] == "extra_forbidden":
        return f"{'.'.join(place)}: no such field; those there are stand in /openapi.json."
    if first["type"].endswith("too_long"):
        return f"{'.'.join(place)}: {first['msg'].lower()}."
    if place[:1] == ["context"]:
        return f"context ({_short(first.get('input'))}): a text is expected, an object of facts, or a list of texts."
    given = "" if first["type"] == "missing" else f" ({_short(first.get('input'))})"
    return f"{'.'.join(place) or 'The request'}{given}: {first['msg'].lower()}."


def _is_type_name(part: str) -> bool:
    """pydantic names the alternatives of a union in an error's place."""
    return "[" in part or part in ("str", "int", "float", "constrained-str", "constrained-int")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
