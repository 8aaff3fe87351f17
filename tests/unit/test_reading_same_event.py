"""Same event or not: contrasts written for the project, symmetry, dates, clusters. Facts are FICTIONAL."""

import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.reading.clustering import Statement, cluster
from agents.reading.same_event import same_event, threshold
from corpus.dates import EventDate

CONTRASTS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "event_contrasts.jsonl").read_text().splitlines()
]


def _date(row, key):
    return EventDate.parse(row[key]) if key in row else None


@pytest.mark.parametrize("row", CONTRASTS, ids=lambda row: f"{row['why']}-{row['same']}")
def test_a_rise_is_no_fall_and_ten_percent_is_not_fifteen(row):
    score = same_event(row["a"], row["b"], date_a=_date(row, "date_a"), date_b=_date(row, "date_b"))
    assert (score >= threshold()) == row["same"]


_TEXTS = st.lists(
    st.sampled_from(
        "Fed raised cut rates 75 basis points 10 % Monday Freedonia bank not the Ada Sample".split()
    ),
    max_size=10,
).map(" ".join)
_DATES = st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(EventDate)


@given(_TEXTS, _TEXTS, _DATES, _DATES)
def test_the_score_is_a_probability_and_symmetric(a, b, date_a, date_b):
    score = same_event(a, b, date_a=date_a, date_b=date_b)
    assert 0.0 <= score <= 1.0
    assert score == pytest.approx(same_event(b, a, date_a=date_b, date_b=date_a))


REPORTS = [
    ("The Fed raised rates by 75 basis points.", "2022-06-15"),
    ("The Federal Reserve lifted its rate by three-quarters of a percentage point.", "2022-06-16"),
    ("The Fed raised rates by 75 basis points.", "2022-07-27"),
    ("An earthquake killed 40 people in Freedonia.", "2022-06-15"),
    ("A quake in Freedonia killed 40 people.", "2022-06-16"),
    ("Football fans went home disappointed.", "2022-06-15"),
]


def groups(reports):
    found = cluster([Statement(text, EventDate.parse(day)) for text, day in reports])
    return {frozenset(reports[i] for i in group) for group in found}


def test_reports_of_one_event_come_together_and_the_next_meeting_stays_apart():
    assert groups(REPORTS) == {
        frozenset(REPORTS[:2]),
        frozenset(REPORTS[2:3]),
        frozenset(REPORTS[3:5]),
        frozenset(REPORTS[5:]),
    }


@settings(max_examples=20)
@given(st.permutations(REPORTS))
def test_the_order_of_the_input_does_not_matter(reports):
    assert groups(list(reports)) == groups(REPORTS)


def test_every_statement_stands_in_exactly_one_group_whatever_its_date():
    texts = [text for text, _ in REPORTS]
    dates = [None, "2022", "2022-06", "2022-Q2", "2022-06-15", "2021-12-31"]
    statements = [Statement(t, EventDate.parse(d) if d else None) for t, d in zip(texts, dates, strict=True)]
    found = cluster(statements)
    assert sorted(place for group in found for place in group) == list(range(len(statements)))
    assert cluster([]) == []
    assert cluster([Statement("", None), Statement("", None)]) in ([(0,), (1,)], [(0, 1)])


def test_thousands_of_statements_take_seconds():
    draw = random.Random(1)
    start = EventDate.parse("2022-01-01").first_day
    names = [
        f"{a}{b}"
        for a in ("Free", "Syl", "Rurit", "Bord")
        for b in ("donia", "vania", "ania", "uria", "mark")
    ]
    verbs = ["raised its tariff", "lost a harvest", "signed a treaty", "opened a mine", "closed a port"]
    statements = [
        Statement(
            f"{draw.choice(names)} {draw.choice(verbs)} worth {draw.randrange(2, 90)} million dollars",
            EventDate(start + timedelta(days=draw.randrange(360))),
        )
        for _ in range(2000)
    ]
    found = cluster(statements)
    assert sum(map(len, found)) == 2000
    assert len(found) > 500
