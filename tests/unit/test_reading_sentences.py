"""Sentence splitting: places, abbreviations, quotes, wrapped text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reading.sentences import sentences


def split(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["The Fed raised rates by 0.75 percentage points.", "Stocks fell."],
        ["Gov. J. Smith met Dr. A. B. Jones on Sept. 21, 2022.", "They agreed."],
        ["U.S. stocks fell 3.5 percent.", "The dollar rose."],
        ["He moved back to the U.S.", "The court agreed."],
        ["It opens at 9 a.m. Monday in New York.", "Nobody came."],
        ['"We will act," he said.', '"Rates must rise."', "Nobody objected."],
        ["“Will it end?” she asked.", "“No.”", "He left."],
        ["Acme Corp. said profit fell to $1.2 bn.", "Shares dropped 4 %."],
        ["Yahoo! Inc. was sold.", "Why?", "Nobody knows!"],
        ["The index, i.e. the No. 5 measure, rose.", "It fell later (by 3 %).", "Then came 2020."],
        ["Inflation hit 9.1 percent in June 2022.", "5 of 9 members voted for a rise."],
        ["George W. Bush spoke.", "So did J. Powell."],
        ["They waited...", "Nothing came."],
        ["The bank, led by Mr. King et al., cut rates.", "1. The first point is short."],
    ],
)
def test_a_text_of_known_sentences_comes_apart_where_they_meet(parts):
    assert split(" ".join(parts)) == parts


def test_a_headline_without_a_full_stop_is_a_sentence_of_its_own():
    assert split("Fed raises rates\n\nThe Fed acted on Wednesday.\nMarkets fell.") == [
        "Fed raises rates",
        "The Fed acted on Wednesday.",
        "Markets fell.",
    ]


def test_hard_wrapped_text_is_joined_across_its_lines():
    text = (
        "The Federal Open Market Committee decided to raise the target range\n"
        "for the federal funds rate to 3 to 3-1/4 percent and anticipates that\n"
        "ongoing increases will be appropriate. It will act\n"
        "again.\n\nVoting for the action were nine members."
    )
    assert len(sentences(text)) == 3


@given(st.text(alphabet="aB. !?\n\"”(5'é\u2009", max_size=200))
def test_sentences_are_exact_ordered_and_lose_nothing_but_blanks(text):
    found = sentences(text)
    assert all(text[s.start : s.end] == s.text == s.text.strip() for s in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert "".join("".join(s.text.split()) for s in found) == "".join(text.split())
