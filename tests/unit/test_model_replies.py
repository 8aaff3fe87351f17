"""From a reply's text to a value: JSON found, schemas made strict, faults named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.models.reply import Rejected, Reply, accept, find_json, strict_schema
from agents.models.result import ModelProblem
from agents.prompted.fates import FateReply
from tests.model_clients import Weighed

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PROSE = st.text(alphabet=st.characters(blacklist_characters="{}<>"), max_size=40)


@given(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4), PROSE, PROSE)
def test_an_object_is_found_whole_among_prose(value: dict[str, Any], before: str, after: str) -> None:
    assert find_json(f"{before}{json.dumps(value)}{after}") == value


@given(st.text(max_size=200))
def test_any_text_gives_an_object_or_none(text: str) -> None:
    assert find_json(text) is None or isinstance(find_json(text), dict)


@given(
    st.dictionaries(st.text(min_size=1, max_size=6), st.integers(), min_size=1, max_size=4),
    st.integers(1, 30),
)
def test_an_object_that_breaks_off_is_not_taken_for_a_part(value: dict[str, int], cut: int) -> None:
    text = json.dumps({"outer": 1, "inner": value})
    assert find_json(text[: -min(cut, len(text) - 2)]) is None


@pytest.mark.parametrize(
    "text",
    [
        '<think>maybe {"choice": "no"}</think>{"choice": "yes"}',
        '```json\n{"choice": "yes"}\n```',
        'The set {a, b} is small. {"choice": "yes"}',
    ],
)
def test_thoughts_fences_and_braces_of_prose_are_passed_over(text: str) -> None:
    assert find_json(text) == {"choice": "yes"}


class _Inner(BaseModel):
    note: str | None = None


class _Outer(BaseModel):
    title: str
    items: list[_Inner] = []


def test_schemas_are_strict_all_the_way_down_and_keep_fields_with_the_names_of_keywords() -> None:
    schema = strict_schema(_Outer)
    assert schema["required"] == ["title", "items"]
    assert schema["additionalProperties"] is False
    assert "title" in schema["properties"]
    inner = schema["$defs"]["_Inner"]
    assert inner["required"] == ["note"]
    assert "default" not in json.dumps(schema)


def rejected(text: str, **changes: Any) -> Rejected:
    result = accept(Reply(text, **changes), Weighed, None)
    assert isinstance(result, Rejected)
    return result


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda p: not 0 <= p <= 1))
def test_no_number_outside_zero_to_one_passes_for_a_probability(number: float) -> None:
    fault = rejected(json.dumps({"choice": "x", "probability": number}))
    assert fault.problem is ModelProblem.INVALID
    assert "probability" in fault.message


def test_letters_and_words_of_a_list_are_no_language() -> None:
    rows = [{"option": letter, "fate": "unknown", "evidence": []} for letter in "ABCDE"]
    assert not isinstance(accept(Reply(json.dumps({"fates": rows})), FateReply, None), Rejected)


def test_a_short_word_is_no_other_language() -> None:
    assert accept(Reply('{"choice": "Die Bank", "probability": 0.5}'), Weighed, None) == Weighed(
        choice="Die Bank", probability=0.5
    )


def test_a_bracket_where_an_object_belongs_is_no_object() -> None:
    assert rejected("[1, 2]").problem is ModelProblem.NOT_JSON
    assert rejected("null").problem is ModelProblem.NOT_JSON
