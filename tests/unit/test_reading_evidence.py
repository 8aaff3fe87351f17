"""Numbered evidence: exact quotations, order, budget, repetitions. Facts are FICTIONAL."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reading.document import Document
from agents.reading.evidence import (
    count_tokens,
    document_relevance,
    number_evidence,
    passages,
    quote,
    relevance,
)
from corpus.case import Role
from corpus.dates import EventDate

SEED = "The central bank of Freedonia raises its rate by 75 basis points"
TEXT = (
    "The central bank of Freedonia raised its rate by 75 basis points on Wednesday. Governor Ada Sample spoke for an "
    "hour. A football match in Sylvania ended in a draw. Rates in Freedonia had been at zero since 2009."
)


def document(text=TEXT, number=1, language="en"):
    address = f"https://example.org/{number}"
    return Document(
        url=address,
        canonical_url=address,
        publisher="example.org",
        title="Rates rise",
        text=text,
        language=language,
        published_at=EventDate.parse("2022-06-16"),
    )


def test_passages_are_exact_dated_and_ranked_by_what_they_have_to_do_with_the_seed():
    found = passages(document(), SEED)
    assert all(p.text == TEXT[p.start : p.end] for p in found)
    assert [str(p.date) for p in found] == ["2022-06-15", "2022-06-16", "2022-06-16", "2022-06-16"]
    assert found[0].relevance > found[3].relevance > found[2].relevance
    assert document_relevance(document(), SEED) > document_relevance(
        document("A match ended in a draw."), SEED
    )


def test_another_language_gives_no_passages():
    assert passages(document("Die Bank hat den Zins erhöht.", language="de"), SEED) == []


def test_the_most_useful_comes_first_and_repetitions_come_once():
    again = document("In short: " + TEXT.split(". ")[0] + ".", number=2)
    found = number_evidence(passages(document(), SEED) + passages(again, SEED), budget=1000)
    assert [item.number for item in found] == [1, 2, 3, 4]
    assert found[0].passage.start == 0
    assert [p.document.url for p in found[0].repeats] == ["https://example.org/2"]
    assert found[0].line().startswith("[1] 2022-06-15 (example.org) The central bank")


@given(st.integers(0, 120))
def test_the_budget_is_kept(budget):
    found = number_evidence(passages(document(), SEED), budget=budget)
    assert sum(count_tokens(item.line()) for item in found) <= budget
    assert [item.number for item in found] == list(range(1, len(found) + 1))


def test_what_has_nothing_to_do_with_the_seed_can_be_left_out():
    found = number_evidence(passages(document(), SEED), budget=1000, at_least=0.5)
    assert [item.passage.start for item in found] == [0]


@given(st.text(min_size=1, max_size=80).filter(lambda t: t.isprintable()), st.data())
def test_a_quotation_stands_at_its_place_with_its_surroundings(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    moment = datetime(2022, 6, 15, tzinfo=UTC)
    found = quote(document(text), start, end, Role.SUPPORTS_EVENT, read_until=moment)
    assert text[found.start : found.end] == found.exact
    assert text[: found.start].endswith(found.prefix)
    assert text[found.end :].startswith(found.suffix)
    assert found.read_until == moment


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (0, 9999)])
def test_places_outside_the_text_are_refused(start, end):
    with pytest.raises(ValueError, match="is no stretch"):
        quote(document(), start, end, Role.REFUTES)


def test_relevance_lies_between_nothing_and_the_seed_itself():
    assert relevance(SEED, SEED) == pytest.approx(1.0)
    assert relevance("", SEED) == relevance(SEED, "") == 0.0


def test_tokens_are_counted_rather_too_many():
    assert count_tokens("The bank raised its rate by 75 basis points on Wednesday.") >= 13
    assert count_tokens("x" * 400) == 100
