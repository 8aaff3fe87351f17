"""Explicit dates: every common form of a day is read back, ambiguous and impossible ones are not."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.dates import EventDate, Precision
from corpus.datetext import explicit_dates

_DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))
_FORMS = st.sampled_from(
    ["%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d %b %Y", "%b. %d, %Y", "%d-%b-%Y", "%Y/%m/%d"]
)


@given(_DAYS, _FORMS, st.sampled_from(["", "On ", "It rose 3.5 % by 2021, then on "]))
def test_every_common_form_of_a_day_reads_back(day, form, before):
    text = before + day.strftime(form) + " it ended."
    assert explicit_dates(text)[-1].date == EventDate(day)


@given(_DAYS)
def test_months_quarters_and_years_read_back(day):
    month, quarter = EventDate(day, Precision.MONTH), EventDate(day, Precision.QUARTER)
    assert explicit_dates(f"in {day.strftime('%B %Y')}")[0].date == month
    assert explicit_dates(f"in Q{(day.month + 2) // 3} {day.year}")[0].date == quarter
    assert explicit_dates(f"in {day.year}")[0].date == EventDate(day, Precision.YEAR)


@pytest.mark.parametrize("text", ["03/04/2022", "31 February 2022", "in 20222", "99/99/2022", "2022 people"])
def test_ambiguous_and_impossible_dates_are_left_out(text):
    assert explicit_dates(text) == []


def test_all_figures_are_read_where_only_one_order_fits():
    assert [str(m.date) for m in explicit_dates("13/04/2022, 04/13/2022, 5.5.2022")] == [
        "2022-04-13",
        "2022-04-13",
        "2022-05-05",
    ]


def test_many_dates_far_apart_are_all_found_in_order():
    text = " ".join(f"{'word ' * (i % 9)}On June {i}, 2022 it rained." for i in range(1, 29))
    assert [m.date.first_day.day for m in explicit_dates(text)] == list(range(1, 29))


@given(st.text(alphabet="June 1522,0-/.Q3rdthird quarterof", max_size=60))
def test_mentions_are_exact_and_do_not_overlap(text):
    found = explicit_dates(text)
    assert all(text[m.start : m.end] == m.text for m in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
