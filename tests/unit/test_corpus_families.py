"""One event, one family: by seed, by outcome, by either."""

from __future__ import annotations

import random

import corpus.families as families_module
from corpus.case import Case
from corpus.dates import EventDate
from corpus.families import families
from tests.builders import level, sound_case


def case(
    name: str,
    event: str,
    day: str,
    outcome: str | None = None,
    outcome_day: str = "2019-09-02",
    quoted: bool = False,
) -> Case:
    """A case whose outcome is `quoted` from the builder's two pages, or from none."""
    evidence = level().evidence if quoted else ()
    outcomes = (
        ()
        if outcome is None
        else (level(event=outcome, date=EventDate.parse(outcome_day), evidence=evidence),)
    )
    return sound_case(
        case_id=name, seed_event=event, seed_date=EventDate.parse(day), outcomes=outcomes, seed_evidence=()
    )


RISE = "The Bank of Ruritania raises its rate by 50 basis points"


def joined(*cases: Case) -> bool:
    return len(set(families(cases).values())) == 1


def test_the_same_seed_told_in_other_words_and_a_day_off() -> None:
    told = "Ruritania's central Bank raises the rate 0.5 percentage points"
    assert joined(case("a", RISE, "2019-03-10"), case("b", told, "2019-03-11"))


def test_other_numbers_directions_or_days_are_other_events() -> None:
    base = case("a", RISE, "2019-03-10")
    assert not joined(base, case("b", RISE.replace("50", "75"), "2019-03-10"))
    assert not joined(base, case("b", RISE.replace("raises", "cuts"), "2019-03-10"))
    assert not joined(base, case("b", RISE, "2019-03-30"))


def test_an_outcome_that_is_another_cases_seed_joins_them() -> None:
    first = case("a", "An election is called in Ruritania", "2019-01-02", RISE, "2019-03-10")
    assert families([first, case("b", RISE, "2019-03-10")]) == {"a": "a", "b": "a"}


def test_one_page_that_tells_of_both_joins_events_of_one_time() -> None:
    """All builder outcomes are quoted from the same two pages; only the date keeps them apart here."""
    one = case(
        "a",
        "Alpha strike begins in the port",
        "2019-01-02",
        "Ships wait off the coast",
        "2019-06-01",
        quoted=True,
    )
    near = case(
        "b", "A harbour master resigns", "2018-01-02", "The pier is closed", "2019-06-02", quoted=True
    )
    far = case("c", "A lighthouse goes dark", "2017-01-02", "The ferry sinks", "2019-06-20", quoted=True)
    assert families([one, near, far]) == {"a": "a", "b": "a", "c": "c"}


def test_a_date_known_by_its_month_meets_a_day_in_it() -> None:
    assert joined(case("a", RISE, "2019-03"), case("b", RISE, "2019-03-28"))


def test_families_are_chains_and_keep_the_smallest_id() -> None:
    one = case("c", "Alpha strike begins in the port", "2019-01-02", RISE, "2019-03-10")
    two = case("b", RISE, "2019-03-10", "The port of Alpha reopens", "2019-06-01")
    three = case("a", "The port of Alpha reopens", "2019-06-01")
    lone = case("z", "A bridge collapses in Freedonia", "2019-03-10")
    assert families([one, two, three, lone]) == {"a": "a", "b": "a", "c": "a", "z": "z"}


def test_the_index_by_time_misses_no_pair() -> None:
    dice = random.Random(5)
    words = "bank rates rise fall crown strike vote flood".split()
    dates = [
        "2019-03-01",
        "2019-03-04",
        "2019-03-05",
        "2019-03",
        "2019-04",
        "2019-Q1",
        "2019",
        "2018-12-31",
        "2020-01-03",
    ]
    events = [
        families_module._Event(
            f"c{n}",
            "",
            EventDate.parse(dice.choice(dates)),
            frozenset(dice.sample(words, dice.randint(1, 4))),
            frozenset(),
        )
        for n in range(80)
    ]
    found = {(a.case_id, b.case_id) for a, b in families_module._similar_pairs(events)}
    expected = {
        (a.case_id, b.case_id)
        for i, a in enumerate(events)
        for b in events[i + 1 :]
        if a.date.days_to(b.date) <= families_module.MAX_DAYS and families_module._jaccard_reaches(a, b)
    }
    assert found == expected
    assert len(expected) > 100
