"""Periods as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given

from agents.period import parse_period
from corpus.dates import EventDate
from corpus.errors import InvalidPeriod
from tests.unit.test_corpus_dates import event_dates


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2018-2022", "2018-01-01", "2022-12-31"),
        ("2018-03..2019-06", "2018-03-01", "2019-06-30"),
        ("2020-01-01 to 2020-06-30", "2020-01-01", "2020-06-30"),
        ("2020-01-01:2020-06-30", "2020-01-01", "2020-06-30"),
        ("2020-02-03-2020-02-09", "2020-02-03", "2020-02-09"),
        ("2021", "2021-01-01", "2021-12-31"),
        ("2021-Q2", "2021-04-01", "2021-06-30"),
        ("2019 – 2020", "2019-01-01", "2020-12-31"),
    ],
)
def test_periods(text: str, first: str, last: str) -> None:
    period = parse_period(text)
    assert (str(period.first.first_day), str(period.last.last_day)) == (first, last)


@given(event_dates, event_dates)
def test_any_two_dates_make_a_period_or_say_that_they_are_turned_round(a: EventDate, b: EventDate) -> None:
    if b.last_day < a.first_day:
        with pytest.raises(InvalidPeriod, match="ends before it starts"):
            parse_period(f"{a}..{b}")
    else:
        assert parse_period(f"{a}..{b}").last == b


@pytest.mark.parametrize("text", ["", "last year", "20222", "2018-13", "2018..", "18-22"])
def test_what_is_no_period_says_what_to_type(text: str) -> None:
    with pytest.raises(InvalidPeriod, match="Type for instance 2018-2022"):
        parse_period(text)
