"""Identity: canonical bytes, hashes that change with content only, ids that stay."""

from __future__ import annotations

import pytest

from corpus.case import Case, Status
from corpus.dates import EventDate
from corpus.identity import canonical_json, case_id, case_json, content_hash, slug
from tests.builders import sound_case


def test_a_case_comes_back_whole_from_its_canonical_json() -> None:
    case = sound_case()
    assert Case.model_validate_json(case_json(case)) == case


def test_the_hash_follows_content_and_nothing_else() -> None:
    case = sound_case()
    assert content_hash(case.model_copy(update={"status": Status.APPROVED, "revision": 7})) == content_hash(
        case
    )
    assert content_hash(case.model_copy(update={"summary": "other"})) != content_hash(case)


def test_the_hash_is_pinned() -> None:
    """A change here breaks every stored hash: raise SCHEMA_VERSION when it is meant."""
    assert content_hash(sound_case()) == PINNED


PINNED = "4f2d81181ca561f08518ab7f0b9e39d2e3ce9d2b3ae3da82a67bd0cbb70c7c90"


def test_canonical_json_sorts_keys_and_refuses_nan() -> None:
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_an_id_ignores_case_and_blanks_but_not_the_date() -> None:
    day = EventDate.parse("2020-01-01")
    assert case_id("A  Vote", day, "economics") == case_id("a vote", day, "economics")
    assert case_id("A vote", day, "economics") != case_id("A vote", EventDate.parse("2020-01"), "economics")


def test_a_slug_is_short_and_plain() -> None:
    made = slug("Türkiye’s lira falls 5 % " * 9, EventDate.parse("2020-01"))
    assert made.startswith("turkiyes-lira-falls-5")
    assert len(made) <= 60
