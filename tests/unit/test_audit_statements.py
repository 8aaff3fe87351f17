"""When one text states what another asks: entities, aliases, figures and near-duplicates. All facts FICTIONAL."""

from __future__ import annotations

import pytest

from corpus.audit.statements import AnswerIndex, Reader

ANSWER = "The Federal Reserve raises its policy rate by 50 basis points to 2.5 percent"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ANSWER, True),
        (
            "Its policy rate is raised by the Fed by 50 basis points, to 2.5 percent, after a long debate",
            True,
        ),
        ("The FOMC raised the policy rate by half a percentage point to 2.5 %", True),
        ("The Federal Reserve raises its policy rate by 75 basis points to 2.75 percent", False),
        ("The Federal Reserve raises its policy rate", False),
        ("The Federal Reserve cuts its policy rate by 50 basis points to 2.5 percent", False),
        ("The Bank of Ruritania raises its policy rate by 50 basis points to 2.5 percent", False),
        ("The Federal Reserve publishes its yearly report on 50 banks, 2.5 percent of all", False),
    ],
)
def test_an_answer_is_known_again_in_other_words_and_not_in_another_event(text: str, told: bool) -> None:
    reader = Reader([ANSWER, text])
    index = AnswerIndex([reader.read(ANSWER)])
    assert list(index.stated_by(reader.read(text))) == ([0] if told else [])


def test_an_abbreviation_stands_for_the_name_that_the_corpus_spells_out() -> None:
    answer = "The Ruritanian Grain Board closes the mills of Strelsau"
    said = "The RGB closed the mills of Strelsau"
    spelled = Reader([answer, said])
    assert list(AnswerIndex([spelled.read(answer)]).stated_by(spelled.read(said))) == [0]
    two = Reader(
        [answer, said, "The Royal Geological Branch meets"]
    )  # the letters fit two names: neither is meant
    assert list(AnswerIndex([two.read(answer)]).stated_by(two.read(said))) == []
