"""Import: both seed shapes, our own, and every way a row can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.case import Case
from corpus.identity import case_json
from corpus.importing import Imported, Refused, read_cases
from corpus.problems import Code
from corpus.validation import validate
from tests.builders import sound_case

CHAIN: dict[str, Any] = {
    "case_id": "ignored",
    "seed_event": "FICTIONAL. Ruritania votes to leave",
    "seed_date": "2016-06-23",
    "domain": "Geopolitics",
    "context": {"polls": "remain ahead", "turnout": "72 %"},
    "outcome_chain": [
        {"depth": 1, "event": "The crown falls 10 %", "date": "2016-06-24", "timeframe_months": 0,
         "probability_in_retrospect": 0.85},
        {"depth": 2, "event": "Notice is given", "date": "2017-03-29", "timeframe_months": 9,
         "actual_probability": 0.65, "alternative_outcomes": [{"event": "A second vote", "probability": 0.2}],
         "sources": ["https://notice.example.com/a"]},
        {"depth": 3, "event": "The prime minister resigns", "date": "2019-07-24", "timeframe_months": 28,
         "probability_retrospective": 0.3, "alternatives": [{"event": "She stays", "prob": 0.5}]},
    ],
    "sources": ["https://saga.example.org/b"],
}  # fmt: skip
CANDIDATES: dict[str, Any] = {
    "seed": {"event": "FICTIONAL. Layoffs at Acme", "date": "2023-01-15", "domain": "technology"},
    "levels": [
        {
            "depth": 1,
            "candidates": [{"event": "Stock drops 15%", "label": 1}, {"event": "IPO delayed", "label": 0}],
        }
    ],
}


def read(tmp_path: Path, *lines: str, allow_new_domain: bool = False) -> list[Imported | Refused]:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = read_cases(path, registrable=lambda host: host, allow_new_domain=allow_new_domain)
    return list(found)


def only(found: list[Imported | Refused]) -> Case:
    assert isinstance(found[0], Imported)
    assert len(found) == 1
    return found[0].case


def test_the_chain_shape_with_all_its_aliases(tmp_path: Path) -> None:
    case = only(read(tmp_path, json.dumps(CHAIN)))
    assert [fact.text for fact in case.context] == ["polls: remain ahead", "turnout: 72 %"]
    assert case.domain == "geopolitics"
    points = [([c.probability_bp for c in o.candidates], o.remainder.probability_bp) for o in case.outcomes]
    assert points == [([8500], 1500), ([6500, 2000], 1500), ([3000, 5000], 2000)]
    assert {source.url for source in case.sources} == {
        "https://saga.example.org/b",
        "https://notice.example.com/a",
    }


def test_a_stated_month_that_differs_is_kept_as_a_note(tmp_path: Path) -> None:
    """28 fits the parent and 37 the seed: no note. 5 fits neither."""
    assert only(read(tmp_path, json.dumps(CHAIN))).outcomes[2].note == ""
    wrong = json.loads(json.dumps(CHAIN))
    wrong["outcome_chain"][2]["timeframe_months"] = 5
    assert only(read(tmp_path, json.dumps(wrong))).outcomes[2].note == (
        "The import states 5 months; the dates give 28 or 37."
    )


def test_085_without_alternatives_is_imported_with_that_problem_open(tmp_path: Path) -> None:
    codes = {(p.code, p.path) for p in validate(only(read(tmp_path, json.dumps(CHAIN))))}
    assert (Code.NO_ALTERNATIVES, "outcomes[0].candidates") in codes
    assert (Code.NO_EVIDENCE, "outcomes[0].evidence") in codes


def test_equal_shares_over_successive_events_are_no_probabilities(tmp_path: Path) -> None:
    record = {
        "seed_event": "FICTIONAL. Layoffs", "seed_date": "2023-01-15", "domain": "technology",
        "outcomes": [{"event": e, "probability": 0.25, "timeframe_months": 1} for e in ("A a", "B b", "C c", "D d")],
    }  # fmt: skip
    case = only(read(tmp_path, json.dumps(record)))
    assert [o.candidates[0].estimates for o in case.outcomes] == [()] * 4
    assert "no probabilities" in case.provenance.note


def test_the_candidate_shape(tmp_path: Path) -> None:
    case = only(read(tmp_path, json.dumps(CANDIDATES)))
    assert [(c.text, c.happened) for c in case.outcomes[0].candidates] == [
        ("Stock drops 15%", True),
        ("IPO delayed", False),
    ]
    assert case.outcomes[0].event == "Stock drops 15%"


def test_our_own_shape_comes_back_as_it_was(tmp_path: Path) -> None:
    assert only(read(tmp_path, case_json(sound_case()))) == sound_case()


def test_a_json_array_and_an_object_over_several_lines(tmp_path: Path) -> None:
    assert len(read(tmp_path, json.dumps([CHAIN, CANDIDATES]))) == 2
    assert len(read(tmp_path, *json.dumps(CHAIN, indent=2).splitlines())) == 1


BAD: list[tuple[str, str]] = [
    ('{"seed_event": "half', "is not JSON"),
    ("[1]", "a case is a JSON object"),
    (json.dumps(CHAIN | {"seed_date": "20222-06-23"}), "'20222-06-23' is not a date"),
    (json.dumps(CHAIN | {"seed_event": ""}), "seed_event is ''"),
    (json.dumps(CHAIN | {"domain": "astrology"}), "'astrology' is not a known domain"),
    (
        json.dumps({k: v for k, v in CHAIN.items() if k != "outcome_chain"}),
        "neither 'outcome_chain' nor 'levels'",
    ),
    (json.dumps(CHAIN | {"outcome_chain": "none"}), "outcome_chain is str"),
    (json.dumps(CHAIN | {"outcome_chain": [{"event": "x", "probability": 1.7}]}), "less than or equal to 1"),
    (
        json.dumps(CHAIN | {"outcome_chain": [{"event": "x", "probability": "high"}]}),
        "'high' is not a probability",
    ),
    (json.dumps(CANDIDATES | {"levels": [{"candidates": [{"event": "x", "label": 2}]}]}), "2 is not a label"),
]


@pytest.mark.parametrize(("row", "words"), BAD)
def test_a_bad_row_is_named_and_the_good_ones_are_kept(tmp_path: Path, row: str, words: str) -> None:
    found = read(tmp_path, json.dumps(CHAIN), row, json.dumps(CANDIDATES))
    assert [type(f) for f in found] == [Imported, Refused, Imported]
    assert isinstance(found[1], Refused)
    assert found[1].line == 2
    assert found[1].message.startswith("line 2")
    assert words in found[1].message


def test_a_new_domain_when_it_is_wanted(tmp_path: Path) -> None:
    row = json.dumps(CHAIN | {"domain": "Deep Sea"})
    assert only(read(tmp_path, row, allow_new_domain=True)).domain == "deep-sea"
