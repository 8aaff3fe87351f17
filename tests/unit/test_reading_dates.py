"""Dates in prose: places, precision, anchors, tense, what stays unresolved."""

import itertools
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reading.dates import find_dates, statement_date
from corpus.dates import EventDate, Precision

PUBLISHED = EventDate.parse("2022-06-16")


def read(text: str, published: str = "2022-06-16") -> list[str]:
    return [str(mention.date) for mention in find_dates(text, EventDate.parse(published))]


def test_a_weekday_is_the_last_one_for_what_was_and_the_coming_one_for_what_will_be():
    assert read("The Fed raised rates on Wednesday.") == ["2022-06-15"]
    assert read("The bank will meet on Wednesday.") == ["2022-06-22"]


def test_comparisons_count_from_the_date_named_before_them():
    assert read("Prices rose 8.6 percent in May from a month earlier and a year earlier.") == [
        "2022-05",
        "2022-04",
        "2021-05",
    ]


def test_a_story_of_long_ago_is_not_dated_by_its_publication():
    text = (
        "The bank failed on 15 September 2008. Three days later markets closed. In October a law was passed."
    )
    assert read(text) == ["2008-09-15", "2008-09-18", "2008-10"]


def test_a_date_merely_compared_with_starts_no_story():
    assert read("It was the highest since December 1981. In April it was lower.") == ["1981-12", "2022-04"]


def test_both_ends_of_a_range_of_days_are_found():
    assert read("It met on June 14-15, 2022.") == ["2022-06-14", "2022-06-15"]
    assert read("It met on June 14-15.") == ["2022-06-14", "2022-06-15"]
    assert read("It met on 14 and 15 June.") == ["2022-06-14", "2022-06-15"]


@pytest.mark.parametrize(
    "text",
    [
        "The parties may agree.",
        "Protesters march through town.",
        "Theresa May resigned.",
        "The deal of 03/04/2022 failed.",
        "Sales fell over the past year.",
        "It ended a few weeks ago.",
        "Profit rose in the fiscal third quarter.",
        "He predicted it for 20222.",
        "Black Friday sales rose.",
        "Rates stood at 15 percent.",
        "On the following Thursday it rained.",
        "February 30 is no day.",
    ],
)
def test_what_cannot_be_resolved_is_left_out(text):
    assert read(text) == []


def test_without_publication_only_what_the_text_says_itself_is_found():
    found = find_dates("On Monday it said that since June 2021, and a month later, prices fell.", None)
    assert [str(mention.date) for mention in found] == ["2021-06"]


def test_a_month_of_publication_resolves_months_but_no_days():
    assert read("It fell last month and rose on Thursday.", "2022-06") == ["2022-05"]


def test_an_aware_moment_serves_as_publication():
    moment = datetime(2022, 6, 16, 12, tzinfo=UTC)
    assert find_dates("yesterday", moment) == find_dates("yesterday", date(2022, 6, 16))


def test_the_statement_takes_its_finest_date_that_is_no_comparison():
    text = "Prices rose in May, the Bureau said on June 10, by the most since 1981."
    mentions = find_dates(text, PUBLISHED)
    assert statement_date(0, len(text), mentions, PUBLISHED) == EventDate.parse("2022-06-10")
    plain = "Prices rose by the most since 1981."
    assert statement_date(0, len(plain), find_dates(plain, PUBLISHED), PUBLISHED) == PUBLISHED


_PIECES = st.sampled_from(
    "on Thursday|last|May|June|15|2022|, |the|third|quarter|a|year|earlier|three|days|later|ago|next|İ|31|st|-"
    "|may|of|20222|in|week|weekend|Christmas|\n|. |Q3|first|half|and|Wednesday".split("|")
)


@given(
    st.lists(_PIECES, max_size=14),
    st.dates(date(1990, 1, 1), date(2030, 12, 31)),
    st.sampled_from(list(Precision)),
)
def test_any_text_gives_exact_ordered_mentions(pieces, day, precision):
    text = " ".join(pieces)
    found = find_dates(text, EventDate(day, precision))
    assert all(text[m.start : m.end] == m.text for m in found)
    assert [m.start for m in found] == sorted(m.start for m in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
