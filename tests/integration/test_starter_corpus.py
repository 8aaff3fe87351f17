"""The starter corpus as shipped: its README counts what its files hold, and no level was left unsearched."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

STARTER = Path(__file__).parents[2] / "corpus" / "starter"
README = " ".join((STARTER / "README.md").read_text().split())


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


CASES = [case for path in sorted((STARTER / "authored").glob("*.jsonl")) for case in _rows(path)]
LEVELS = {(case["slug"], level["depth"]): level for case in CASES for level in case["levels"]}
DATED = {
    key
    for key, level in LEVELS.items()
    if any(one["method"] != "retrospective" for one in level["estimates"])
}


def test_the_readme_counts_documents_and_levels_with_a_dated_value() -> None:
    documents = len(_rows(STARTER / "archive.jsonl"))
    assert f"{len(CASES)} cases over {documents:,} documents" in README
    assert f"{len(DATED)} of {len(LEVELS)} levels have a value that a dated source states" in README


def test_the_readme_counts_estimates_by_method() -> None:
    made = Counter(one["method"] for level in LEVELS.values() for one in level["estimates"])
    assert (
        f"{made['retrospective']:,} in retrospect, {made['market']} from markets, "
        f"{made['expert']} from experts, {made['survey']} from surveys" in README
    )


def test_the_readme_counts_alternatives_without_a_page() -> None:
    bare = Counter(
        one["fate"] for level in LEVELS.values() for one in level["alternatives"] if not one["evidence"]
    )
    assert (
        f"{bare.total()} alternatives have no page of their own "
        f"({bare['refuted']} refuted, {bare['unresolved']} unresolved)" in README
    )


def test_every_level_without_a_dated_value_was_searched() -> None:
    searched = {(row["slug"], row["depth"]): row for row in _rows(STARTER / "searched.jsonl")}
    assert LEVELS.keys() - DATED <= searched.keys()
    assert all(len(row["queries"]) > 1 for row in searched.values())
    assert {key for key, row in searched.items() if row["found"] == "taken"} == DATED & searched.keys()


def test_the_alternatives_searched_for_by_name_are_those_of_the_cases() -> None:
    rows = _rows(STARTER / "searched_alternatives.jsonl")
    evidence = {
        (slug, depth, one["text"]): one["evidence"]
        for (slug, depth), level in LEVELS.items()
        for one in level["alternatives"]
    }
    keys = [(row["slug"], row["depth"], row["alternative"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert all((row["found"] == "taken") == bool(evidence[key]) for key, row in zip(keys, rows, strict=True))
    vain = [row for row in rows if not row["found"]]
    named = [row for row in rows if row["found"] and row["queries"]]
    assert all(row["queries"] for row in vain)
    bare = sum(not one for one in evidence.values())
    assert f"For {len(rows) - len(vain)} of them one was found since: {len(named)} by a query" in README
    assert f"{len(vain)} were searched for by name in vain" in README
    assert bare == len(vain), "every alternative without a page was searched for by name"
