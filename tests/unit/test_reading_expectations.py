"""Forward-looking statements: what, how likely, by whose account. Facts are FICTIONAL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reading.expectations import expectations
from agents.reading.probabilities import stated_probabilities
from corpus.case import Method
from corpus.dates import EventDate

PUBLISHED = EventDate.parse("2022-06-16")


def read(text):
    return expectations(text, PUBLISHED)


@pytest.mark.parametrize(
    ("text", "clause", "holder", "kind"),
    [
        (
            "Economists expect the bank to raise rates in July, according to an Example poll.",
            "the bank to raise rates in July",
            "Economists",
            Method.SURVEY,
        ),
        (
            "The bank could pause before the winter, analysts at Sample House said.",
            "The bank could pause before the winter",
            "analysts at Sample House",
            Method.EXPERT,
        ),
        (
            "Traders bet that rates will be cut in March.",
            "rates will be cut in March",
            "Traders",
            Method.MARKET,
        ),
        (
            "The government raised taxes and said it will cut spending next year.",
            "it will cut spending next year",
            "",
            Method.EXPERT,
        ),
        (
            "Parliament is likely to reject the bill; the minister disagrees.",
            "Parliament is likely to reject the bill",
            "",
            Method.EXPERT,
        ),
    ],
)
def test_what_is_expected_and_by_whom(text, clause, holder, kind):
    (found,) = read(text)
    assert found.clause == clause
    assert found.kind is kind
    assert found.probability is None
    assert found.holder == holder


@pytest.mark.parametrize(
    ("text", "values", "kind"),
    [
        (
            "Futures price in a 63 % chance of a rise and a 37 percent chance of a pause.",
            [0.63, 0.37],
            Method.MARKET,
        ),
        ("The probability of a recession is now 40 percent, Sample House estimates.", [0.4], Method.EXPERT),
        ("Some 70 percent of economists surveyed expect a recession.", [0.7], Method.SURVEY),
        ("In the poll 30 of 40 economists predicted a rise.", [0.75], Method.SURVEY),
        ("There is a one-in-four chance that the deal fails.", [0.25], Method.EXPERT),
        ("Traders see a 50-50 chance of a cut.", [0.5], Method.MARKET),
        ("Betting markets put the odds of a Yes vote at 75 percent.", [0.75], Method.MARKET),
        ("She saw a 60 to 70 percent chance of a default.", [0.65], Method.EXPERT),
    ],
)
def test_stated_probabilities_and_their_kind(text, values, kind):
    found = read(text)
    assert [e.probability for e in found] == pytest.approx(values)
    assert {e.kind for e in found} == {kind}


def test_a_range_keeps_its_ends_and_a_share_how_many_were_asked():
    (ranged,) = read("She saw a 60 to 70 percent chance of a default.")
    assert (ranged.low, ranged.high, ranged.samples) == (0.6, 0.7, None)
    (share,) = read("In the poll 30 of 40 economists predicted a rise.")
    assert (share.low, share.samples, share.clause) == (None, 40, "a rise")


@pytest.mark.parametrize(
    "text",
    [
        "Inflation rose to 8.6 percent in May.",
        "Growth was slower than expected.",
        "The bank raised rates by more than economists had forecast.",
        "Will the bank act?",
        "Protesters filled the square on May 1.",
    ],
)
def test_what_looks_back_or_states_a_fact_is_no_expectation(text):
    assert read(text) == []


@pytest.mark.parametrize(
    "text", ["growth of 3 % is likely", "a 140 % chance of rain", "nought of 0 economists said"]
)
def test_other_percentages_are_no_probabilities(text):
    assert stated_probabilities(text) == []


def test_a_sentence_that_first_tells_what_happened_says_so():
    (mixed,) = read("The bank raised rates on Wednesday and is expected to raise them again in July.")
    assert not mixed.main
    assert [str(m.date) for m in mixed.dates] == ["2022-06-15", "2022-07"]
    (plain,) = read("Officials said the bank will raise rates in July.")
    assert plain.main


_PIECES = st.sampled_from(
    "expect|the bank|to rise|63 %|chance of|a 50-50 chance of|economists|of 40|30|could|fall|, he said|.|?| will |that|"
    "is likely to|odds of|at 70 percent|\n|İ|said|according to|“|”|the probability of|is|one in three".split(
        "|"
    )
)


@given(st.lists(_PIECES, max_size=16))
def test_every_place_is_exact_and_every_number_a_probability(pieces):
    text = " ".join(pieces)
    for found in read(text):
        assert text[found.start : found.end] == found.text
        assert text[found.clause_start : found.clause_end] == found.clause != ""
        assert found.start <= found.clause_start < found.clause_end <= found.end
        assert found.probability is None or 0.0 <= found.probability <= 1.0


def test_a_chance_of_nothing_is_no_expectation() -> None:
    assert expectations("a 50-50 chance of ”", None) == []


def test_anticipates_is_one_word() -> None:
    found = expectations("The bank anticipates more increases over the coming meetings.", None)
    assert [e.clause for e in found] == ["more increases over the coming meetings"]


def test_between_is_no_bet() -> None:
    """A word that begins like a cue is none."""
    assert not expectations(
        "Riots broke out between supporters and critics of Doe.", EventDate.parse("2022-06-16")
    )
