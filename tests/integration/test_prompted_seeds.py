"""The Brainstormer's model over the FICTIONAL collection, and fates that evidence decides or does not."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from agents.library import ArchiveLibrary, View
from agents.prompted.brainstormer import PromptedBrainstormer
from agents.prompted.fates import FateWord, settled_level
from agents.roles import Seeds
from agents.state import Failure, FailureKind
from corpus.case import Candidate, Fate, Role
from tests.builders import level, sound_case
from tests.fictional import archive
from tests.role_player import Asked, Reply, RolePlayer, played
from tests.roles import settings

_LINE = re.compile(r"^\| \[(\d+)\] (\S+) (.*)$", re.M)


def seeds(reply: Reply, **changes: Any) -> Seeds | Failure:
    """What the Brainstormer makes of a model's reply."""

    async def go() -> Seeds | Failure:
        with played(RolePlayer({"BrainstormReply": reply}), repairs=0) as models:
            async with models:
                library = ArchiveLibrary(archive())
                return await PromptedBrainstormer(models).seeds(library, settings(**changes))

    return asyncio.run(go())


def one(event: str, *phrases: str) -> Reply:
    """One event that rests on the statements holding the phrases."""

    def reply(asked: Asked) -> Any:
        numbers = [int(n) for n, _, text in _LINE.findall(asked.user) if any(p in text for p in phrases)]
        return {"events": [{"numbers": numbers, "event": event, "worth": 5}]}

    return reply


def first(number: int, worth: float = 1) -> Reply:
    """One event on one statement."""
    return lambda asked: {"events": [{"numbers": [number], "event": "Ruritania acts", "worth": worth}]}


def every(asked: Asked) -> Any:
    """Each statement an event in its own words; the later the line, the more it is worth."""
    rows = [(int(n), text.split(" on ")[0]) for n, _, text in _LINE.findall(asked.user)]
    return {"events": [{"numbers": [n], "event": text, "worth": min(n, 10)} for n, text in rows]}


def test_a_seed_is_a_dated_statement_in_the_models_words() -> None:
    found = seeds(one("Ruritania borrows $4 billion from the Strelsau Fund", "loan of $4 billion"))
    assert isinstance(found, Seeds)
    (seed,) = found.seeds
    assert (seed.event, str(seed.date)) == (
        "Ruritania borrows $4 billion from the Strelsau Fund",
        "2019-08-20",
    )
    assert {e.role for e in seed.evidence} == {Role.SUPPORTS_EVENT}
    assert len({s.publisher for s in seed.sources}) == 2
    assert found.notes == ("The model found 1 events in the documents; 25 were wanted.",)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (one("The fleet of Freedonia borrows $4 billion", "loan of $4 billion"), "adds freedonia"),
        (one("Ruritania borrows $5 billion", "loan of $4 billion"), "adds $5 billion"),
        (one("Ruritania suffers twice", "loan of $4 billion", "7 percent"), "of different dates"),
        (first(99), "must name statements 1 to"),
        (lambda asked: {"events": first(1)(asked)["events"] * 2}, "is named twice"),
        (first(1, worth=11), "less than or equal to 10"),
    ],
)  # fmt: skip
def test_an_invented_seed_is_an_invalid_reply(reply: Reply, said: str) -> None:
    failure = seeds(reply)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.INVALID_REPLY
    assert said in failure.message


def test_the_models_ranking_chooses_all_but_the_blind_share() -> None:
    ranked = seeds(every, num_cases=2, blind_share=0.0)
    mixed = seeds(every, num_cases=2, blind_share=0.5)
    assert isinstance(ranked, Seeds)
    assert isinstance(mixed, Seeds)
    assert [s.chosen for s in ranked.seeds] == ["ranked", "ranked"]
    assert sorted(s.chosen for s in mixed.seeds) == ["blind", "ranked"]
    assert [s.date for s in ranked.seeds] == sorted(s.date for s in ranked.seeds)


def fate_of(word: FateWord, phrase: str) -> tuple[Candidate, Any]:
    """The fate of one alternative of the sound case when the model cites the lines that hold a phrase."""

    def reply(asked: Asked) -> Any:
        return {"fates": [{"option": "A", "fate": word, "evidence": asked.numbers(phrase)}]}

    alternative = Candidate(text="Ruritania agrees on a loan with the Strelsau Fund")
    happened = level().candidates[0]
    outcome = level(candidates=(happened, alternative))
    case = sound_case(outcomes=(outcome,))

    async def go() -> Any:
        with played(RolePlayer({"FateReply": reply}), repairs=0) as models:
            async with models:
                return await settled_level(
                    models, View(ArchiveLibrary(archive()), None), case, outcome, "outcomes[0]"
                )

    settled = asyncio.run(go())
    assert not isinstance(settled, Failure), settled
    return settled.outcome.candidates[1], settled


def test_an_alternative_that_happened_later_carries_its_date_and_its_quotation() -> None:
    candidate, settled = fate_of(FateWord.HAPPENED, "loan of $4 billion")
    assert (candidate.fate, str(candidate.fate_date)) == (Fate.HAPPENED_LATER, "2019-08-20")
    assert {e.role for e in candidate.evidence} == {Role.SUPPORTS_EVENT}
    assert set(settled.documents) == {e.source_id for e in candidate.evidence}


def test_a_refutation_is_quoted_as_one() -> None:
    candidate, _ = fate_of(FateWord.REFUTED, "loan of $4 billion")
    assert candidate.fate is Fate.REFUTED
    assert {e.role for e in candidate.evidence} == {Role.REFUTES}


def test_silence_leaves_an_alternative_unresolved() -> None:
    candidate, settled = fate_of(FateWord.UNKNOWN, "nothing of the kind")
    assert (candidate.fate, candidate.evidence) == (Fate.UNRESOLVED, ())
    assert settled.documents == {}
