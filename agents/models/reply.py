"""A model's reply → a value that fits its schema, or what is wrong with it in one sentence.

JSON is taken from a code fence or from among prose where it stands there whole; nothing is completed,
coerced or defaulted. The schema sent along is made strict as the servers ask, but validation is ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from agents.models.result import ModelProblem
from agents.reading.language import UNDETERMINED, detect_language

T = TypeVar("T", bound=BaseModel)
Check = Callable[[T], str | None]
"""A rule beyond the schema: what is wrong with a value, in one sentence, or None."""

_SORRY = re.compile(
    r"^\W*(?:I(?:'|’)?m sorry|I am sorry|Sorry,|I (?:can(?:no|'|’)t|cannot|am unable to|won(?:'|’)t) "
    r"(?:help|assist|provide|comply|answer|do that|fulfil))",
    re.I,
)
_THOUGHTS = re.compile(r"<think>.*?</think>", re.S)
_OPENS_AN_OBJECT = re.compile(r'\{\s*(?:"|$)')
_SHOWN_ERRORS = 3
_LEAST_WORDS = 8
_LEAST_OF_A_FIELD = 4
"""Letters of options and words of a fixed list are no language: "A unknown B unknown" would pass for Portuguese."""


@dataclass(frozen=True)
class Reply:
    """What the model said, and how it ended."""

    text: str
    refusal: str = ""
    finish: str = "stop"
    """`stop`, `length` or `content_filter`, as the server names it."""


@dataclass(frozen=True)
class Rejected:
    """A reply that cannot be used."""

    problem: ModelProblem
    message: str
    """What was wrong, as it is said to the model too."""

    @property
    def is_worth_repairing(self) -> bool:
        """Whether asking again with the fault named may help; a refusal is an answer."""
        return self.problem is not ModelProblem.REFUSED


def accept(reply: Reply, schema: type[T], check: Check[T] | None) -> T | Rejected:
    """The reply as a value of `schema`."""
    if reply.refusal or reply.finish == "content_filter":
        why = reply.refusal or "the server's filter stopped it"
        return Rejected(ModelProblem.REFUSED, f"The model refused: {why[:300]}")
    raw = find_json(reply.text)
    if raw is None:
        return _without_json(reply)
    try:
        value = schema.model_validate(raw, strict=False)
    except ValidationError as error:
        return Rejected(ModelProblem.INVALID, f"The reply does not fit the schema: {_sentence(error)}.")
    if problem := (check(value) if check else None):
        return Rejected(ModelProblem.INVALID, problem)
    prose = " ".join(text for text in _texts(raw) if len(text.split()) >= _LEAST_OF_A_FIELD)
    language = detect_language(prose)
    if language not in {"en", UNDETERMINED} and len(prose.split()) >= _LEAST_WORDS:
        message = f"The reply is written in another language ({language}); English was asked for."
        return Rejected(ModelProblem.WRONG_LANGUAGE, message)
    return value


def find_json(text: str) -> dict[str, Any] | None:
    """The first whole JSON object in a text, what a model thinks aloud left out; None where there is none."""
    text = _THOUGHTS.sub("", text)
    decoder = json.JSONDecoder(parse_constant=lambda name: None)  # NaN fits no schema; it is not half a JSON
    for brace in re.finditer(r"\{", text):
        try:
            found, _ = decoder.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            if _OPENS_AN_OBJECT.match(text, brace.start()):
                return None  # JSON that breaks off; an inner object would be a part taken for the whole
            continue
        return cast(dict[str, Any], found)
    return None


def repair_request(rejected: Rejected) -> str:
    """What is said to the model about a reply that was not accepted."""
    return (
        f"Your reply was not accepted. {rejected.message} "
        "Answer again with one JSON object that fits the schema, in English, and with nothing else."
    )


@cache
def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema as strict servers want it: every property required, none beyond them, no defaults.

    Made once per type (2 ms) and shared: not to be changed.
    """
    return cast(dict[str, Any], _strict(schema.model_json_schema()))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _strict(value) for name, value in node.items() if name not in {"default", "title"}}
    if isinstance(node.get("properties"), dict):
        kept["properties"] = {name: _strict(value) for name, value in node["properties"].items()}
        kept["required"] = list(node["properties"])
        kept["additionalProperties"] = False
    return kept


def _without_json(reply: Reply) -> Rejected:
    if _SORRY.match(reply.text):
        return Rejected(ModelProblem.REFUSED, f"The model refused: {reply.text.strip()[:300]}")
    if reply.finish == "length" and not reply.text.strip():
        return Rejected(
            ModelProblem.CUT_OFF, "The token limit was reached before the reply began; think less."
        )
    if reply.finish == "length" or "{" in reply.text:
        limit = " by the token limit" if reply.finish == "length" else ""
        return Rejected(ModelProblem.CUT_OFF, f"The reply is half a JSON, cut off{limit}; be shorter.")
    said = "The reply is empty" if not reply.text.strip() else "The reply is prose"
    return Rejected(ModelProblem.NOT_JSON, f"{said} where one JSON object was asked for.")


def _sentence(error: ValidationError) -> str:
    listed = error.errors(include_url=False, include_context=False)
    parts = [f"{_path(item['loc'])}: {item['msg']} (got {_shown(item['input'])})" for item in listed]
    more = f"; and {len(parts) - _SHOWN_ERRORS} more" if len(parts) > _SHOWN_ERRORS else ""
    return "; ".join(parts[:_SHOWN_ERRORS]) + more


def _path(place: tuple[int | str, ...]) -> str:
    return (
        "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".") or "reply"
    )


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in children for text in _texts(child)]
