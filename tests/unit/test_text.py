"""The shared text rules: words, stems, names, directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.text import (
    Direction,
    content_words,
    directions,
    jaccard,
    names,
    normalise,
    opposed,
    shingles,
    stem,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rates rose.", {Direction.UP}),
        ("Rates did not rise.", {Direction.FLAT}),
        ("The bank cut rates.", {Direction.DOWN}),
        ("Rates were left unchanged.", {Direction.FLAT}),
        ("Parliament rejected the bill.", {Direction.NO}),
        ("Parliament approved the bill.", {Direction.YES}),
        ("A dog barked.", set()),
    ],
)
def test_directions_of_plain_sentences(text, expected):
    assert directions(text) == expected


def test_contrary_directions_are_opposed_both_ways():
    up, down, flat = (directions(text) for text in ("it rose", "it fell", "it held steady"))
    assert opposed(up, down)
    assert opposed(down, up)
    assert opposed(up, flat)
    assert not opposed(up, up)
    assert not opposed(up, frozenset())


def test_names_come_by_their_capitals_and_not_by_a_sentence_opening():
    assert names("Yesterday the Bank of Freedonia met Ada Sample.") == {"bank freedonia", "ada sample"}
    assert names("Rates rose on Monday in June.") == frozenset()


def test_endings_come_off():
    assert {stem(word) for word in ("raise", "raises", "raised", "raising")} == {"rais"}
    assert {stem(word) for word in ("cuts", "cutting")} == {"cut"}
    assert content_words("The banks' policies") == ["bank", "policy"]


@given(st.text(max_size=120))
def test_any_text_is_cut_into_words_and_stays_normal(text):
    assert normalise(normalise(text)) == normalise(text)
    assert all(word and word == word.casefold() for word in words(text))
    assert all(token for token in content_words(text))


@given(st.frozensets(st.text(max_size=3)), st.frozensets(st.text(max_size=3)))
def test_jaccard_is_symmetric_and_bounded(a, b):
    assert 0.0 <= jaccard(a, b) == jaccard(b, a) <= 1.0
    assert jaccard(a, a) == (1.0 if a else 0.0)


@given(st.lists(st.sampled_from(["rate", "bank", "tariff", "vote"]), max_size=8))
def test_shingles_are_runs_of_content_words(listed):
    found = shingles(" ".join(listed))
    assert all(len(piece.split()) == 3 for piece in found) or len(listed) < 3
