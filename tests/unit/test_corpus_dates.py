"""Dates with precision: text form and back, order, horizons, months."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.dates import EventDate, Precision, add_months, horizon_end, months_between
from corpus.errors import InvalidDate

days = st.dates(min_value=date(1000, 1, 1), max_value=date(2999, 12, 31))
event_dates = st.builds(EventDate, days, st.sampled_from(Precision))


@given(event_dates)
def test_text_form_and_back(when: EventDate) -> None:
    assert EventDate.parse(str(when)) == when


@given(event_dates)
def test_a_period_contains_its_own_ends(when: EventDate) -> None:
    assert when.first_day <= when.last_day
    assert when.contains(EventDate(when.first_day))
    assert when.contains(EventDate(when.last_day))


@given(event_dates, event_dates)
def test_order_is_total_and_overlap_symmetric(a: EventDate, b: EventDate) -> None:
    assert (a < b) + (b < a) + (a == b) == 1
    assert a.overlaps(b) == b.overlaps(a)
    assert (a.days_to(b) == 0) == a.overlaps(b)
    assert not (a.surely_before(b) and a.overlaps(b))


@given(days, st.integers(0, 600))
def test_adding_months_counts_back(day: date, months: int) -> None:
    if day.year + months // 12 >= 2998:
        return
    later = add_months(day, months)
    assert months_between(EventDate(day), EventDate(later)) == months
    assert later.day == day.day or (later.day < day.day and add_months(later, 0).day == later.day)


@pytest.mark.parametrize(
    "text", ["20222-01-01", "2022-13", "2022-02-30", "2022-Q5", "yesterday", "", "0999", "3000", "2022-1-1"]
)
def test_what_is_no_date_is_named(text: str) -> None:
    with pytest.raises(InvalidDate) as fault:
        EventDate.parse(text)
    assert text.split("-")[0] in str(fault.value)


def test_brexit_counts_as_the_seeds_do() -> None:
    """The seeds' 28 months are counted from the parent of 29 March 2017; from the vote they are 37."""
    end = EventDate.parse("2019-07-24")
    assert months_between(EventDate.parse("2017-03-29"), end) == 28
    assert months_between(EventDate.parse("2016-06-23"), end) == 37


def test_the_horizon_counts_from_the_last_day_the_parent_can_have_been() -> None:
    assert horizon_end(EventDate.parse("2020-01-31"), 1) == date(2020, 2, 29)
    assert horizon_end(EventDate.parse("2020"), 36) == date(2023, 12, 31)
    assert EventDate.parse("2022-Q2").end().isoformat() == "2022-06-30T23:59:59+00:00"
