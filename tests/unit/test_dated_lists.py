"""Which days of a period and which entries of a day are looked at: a stated rule, drawn by lot, the same again."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.dated_lists import FEWEST_DAYS, MOST_DAYS, PAGES_A_DAY, Sample
from agents.providers.base import DatedItem

DAY = date(2022, 1, 12)


def sample(length: int = 31, wanted: int = 10, seed: int = 42) -> Sample:
    first = date(2018, 1, 1)
    return Sample(first, first + timedelta(days=length - 1), wanted, ("geopolitics",), seed)


@given(length=st.integers(1, 3000), wanted=st.integers(1, 2000), seed=st.integers(0, 99))
def test_one_day_is_drawn_from_each_of_equal_stretches(length: int, wanted: int, seed: int) -> None:
    asked = sample(length, wanted, seed)
    days = asked.days()
    assert len(days) == min(max(wanted, FEWEST_DAYS), MOST_DAYS, length)
    assert days == asked.days()
    for k, day in enumerate(days):
        place = (day - asked.first).days
        assert length * k // len(days) <= place < length * (k + 1) // len(days)


def test_another_seed_draws_other_days() -> None:
    assert sample(365, 20, 1).days() != sample(365, 20, 2).days()


def entry(text: str, weight: float = 0.0, links: tuple[str, ...] = ("https://a.example/1",)) -> DatedItem:
    return DatedItem(DAY, text, "International relations", links, weight=weight)


def test_of_a_counted_list_the_most_written_about_are_read() -> None:
    items = [entry(f"Someone meets others in town {n}", weight=float(n)) for n in range(1, 9)]
    assert [item.weight for item in sample().to_read(items, "gdelt")] == [8.0, 7.0, 6.0, 5.0]


def test_of_an_uncounted_list_those_that_speak_of_a_wanted_domain_are_drawn_by_lot() -> None:
    wanted = [entry(f"The parliament of Ruritania votes on treaty {n}") for n in range(9)]
    other = [
        entry("A new film about a lighthouse opens"),
        entry("The parliament votes on a treaty", links=()),
    ]
    chosen = sample().to_read([*other, *wanted], "wikipedia")
    assert len(chosen) == PAGES_A_DAY
    assert all(item in wanted for item in chosen)
    assert chosen == sample().to_read([*other, *wanted], "wikipedia")
    assert sample(seed=7).to_read([*other, *wanted], "wikipedia") != chosen
    assert sample().to_read([], "wikipedia") == []
