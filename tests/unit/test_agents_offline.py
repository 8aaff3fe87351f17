"""The pieces of the offline roles: wording, subjects, topics, base rates, fates."""

from __future__ import annotations

import pytest

from agents.offline.base_rates import ENOUGH, BaseRates
from agents.offline.mentions import mentions
from agents.offline.phrasing import MAX_WORDS, event_wording
from agents.offline.subjects import speaks_of
from agents.offline.topic import Rarity, Topic
from agents.reading.dates import find_dates
from corpus.dates import EventDate
from corpus.kinds import kind_of, same_kind
from tests.builders import level, sound_case
from tests.fictional import documents

SENTENCES = [
    (
        "On 15 June 2022 the Bank raised its rate by 75 basis points.",
        "The Bank raised its rate by 75 basis points",
    ),
    ("On Wednesday, the Bank raised its rate, officials said.", "The Bank raised its rate"),
    ("However, the senate (which sat late) passed the bill on 3 May 2021.", "The senate passed the bill"),
    (
        "The bank raised its rate by 75 points on 8 September, effective on 14 September 2022, and more will follow.",
        "The bank raised its rate by 75 points, and more will follow",
    ),
    (
        "Shares in Freedonia rose 3 percent on 11 June 2019 as banks reported higher profits.",
        "Shares in Freedonia rose 3 percent as banks reported higher profits",
    ),
    ("The senate passed the bill, according to the Herald.", "The senate passed the bill"),
    (
        "Within hours of its approval by the House, President Doe signed a bill of $2 trillion on 27 March 2020.",
        "President Doe signed a bill of $2 trillion",
    ),
    (
        "Less than 24 hours after Freedonia had raised tariffs, Sylvania answered with duties of its own.",
        "Sylvania answered with duties of its own",
    ),
    (
        "Freedonia announced on Sunday, 12 June 2022, that it leaves the bloc at once.",
        "Freedonia announced that it leaves the bloc at once",
    ),
    (
        "The complaint, filed on Thursday, says that the tie is illegal.",
        "The complaint says that the tie is illegal",
    ),
    ("He was named prime minister again late on 10 June 2022.", "He was named prime minister again"),
    ("As the polls closed, the count had hardly begun.", "As the polls closed, the count had hardly begun"),
    (
        "The company missed interest of $83 million by Thursday's deadline.",
        "The company missed interest of $83 million by the deadline",
    ),
    (
        "His account was opened again on Saturday night after a poll.",
        "His account was opened again after a poll",
    ),
    (
        "The challenger won the primary on a Sunday earlier this month by a wide margin.",
        "The challenger won the primary by a wide margin",
    ),
]


@pytest.mark.parametrize(("sentence", "wording"), SENTENCES)
def test_wording_drops_dates_asides_and_attribution(sentence: str, wording: str) -> None:
    spans = [(m.start, m.end) for m in find_dates(sentence, EventDate.parse("2022-06-16"))]
    assert event_wording(sentence, spans) == wording


def test_wording_is_bounded_and_adds_nothing() -> None:
    long = "The bank raised its rate again, " + ", ".join(
        f"and clause number {n} follows here" for n in range(20)
    )
    made = event_wording(long, [])
    assert len(made.split()) <= MAX_WORDS
    assert long.startswith(made)


def test_subjects() -> None:
    text = "The central bank raised its interest rate by 50 basis points to curb inflation."
    assert speaks_of("economics", text, text) > 0
    assert speaks_of("health", text, text) == 0
    assert speaks_of("deep-sea", text, text) == 0
    assert speaks_of("deep-sea", "A dive", "The deep-sea vessel dived.") > 0


def test_mentions_are_dated_statements_in_english() -> None:
    found = {m.wording: str(m.date) for d in documents() for m in mentions(d)}
    assert found["The crown of Ruritania fell 7 percent against the dollar"] == "2019-05-02"
    assert not [m for d in documents() if d.language == "fr" for m in mentions(d)]
    assert not [text for text in found if "expect" in text]


def test_a_topic_covers_its_own_chain_more_than_noise() -> None:
    by_url = {d.url: d for d in documents()}
    rarity = Rarity(by_url.values())
    topic = Topic(sound_case(), ())
    crown = by_url["https://herald.example.com/crown"].text
    noise = by_url["https://gazette.example.net/freedonia"].text
    assert topic.covers(crown, rarity) > 2 * topic.covers(noise, rarity)


def test_kinds_leave_names_numbers_and_dates_out() -> None:
    a = kind_of("The Fed raises its policy rate by 75 basis points")
    b = kind_of("The ECB raises its policy rate by 0.5 percentage points in June 2022")
    assert same_kind(a, b)
    assert not same_kind(a, kind_of("The Fed cuts its staff"))


def test_base_rates_need_enough_earlier_cases() -> None:
    cases = [
        sound_case(case_id=f"c{n}", outcomes=(level(),), seed_date=EventDate.parse("2019-03-10"))
        for n in range(ENOUGH)
    ]
    text, after = (
        "The Freedonian crown falls 2 percent against the dollar",
        EventDate.parse("2020-01-01").end(),
    )
    rate = BaseRates(cases).rate(text, "economics", 3, after)
    assert rate is not None
    assert rate.listed == ENOUGH
    assert rate.value == pytest.approx((ENOUGH + 2 / 3) / (ENOUGH + 2))
    assert rate.low <= rate.value <= rate.high
    before = EventDate.parse("2019-04-01").end()
    assert BaseRates(cases).rate(text, "economics", 3, before) is None
    assert BaseRates(cases).rate(text, "health", 3, after) is None
    assert BaseRates(cases[1:]).rate(text, "economics", 3, after) is None
