"""Every rule finds its fault, with path and value; a sound case has none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.case import Candidate, Case, Estimate, Fate, Method, Outcome, Remainder, Role
from corpus.dates import EventDate
from corpus.problems import Code, Severity
from corpus.rules.levels import says_the_same
from corpus.text import content_words, directions, normalise, quantities
from corpus.validation import DuplicateFinder, errors_of, validate, validate_all
from tests.builders import (
    BEFORE_SOURCE,
    FIRST_SOURCE,
    SEED_SOURCE,
    estimate,
    level,
    quote,
    sound_case,
    source,
)

TODAY = date(2024, 6, 1)
ASOF = "2019-03-10"


def test_a_sound_case_has_no_problem() -> None:
    assert validate(sound_case(), TODAY) == []


def test_an_empty_case_says_what_is_missing() -> None:
    codes = {p.code for p in validate(sound_case(outcomes=(), seed_evidence=()), TODAY)}
    assert codes == {Code.NO_OUTCOME, Code.NO_EVIDENCE}


def with_level(**changes: Any) -> Case:
    return sound_case(outcomes=(level(**changes),))


def candidate(text: str, **changes: Any) -> Candidate:
    fields = {"fate": Fate.REFUTED, "estimates": (estimate(0.3, ASOF),)} | changes
    return Candidate(text=text, **fields)


def happened() -> Candidate:
    return level().candidates[0]


def second_level(when: str | None = "2019-08-20", **changes: Any) -> Outcome:
    fields = {
        "depth": 2,
        "event": "The Ruritanian finance minister resigns",
        "date": EventDate.parse(when) if when else None,
        "candidates": (
            candidate("The Ruritanian finance minister resigns", happened=True, fate=None),
            candidate("The Ruritanian parliament adopts a new budget"),
        ),
        "remainder": Remainder(estimates=(estimate(0.4, "2019-05-02"),)),
    }
    return level(**(fields | changes))


BROKEN = [
    (Code.DEPTH_GAP, sound_case(outcomes=(level(), second_level(depth=3))), "outcomes[1].depth"),
    (
        Code.AFTER_NOTHING,
        sound_case(outcomes=(level(event=None, date=None, candidates=(candidate("x y z"),)), second_level())),
        "outcomes[1]",
    ),
    (
        Code.NOTHING_TOO_EARLY,
        sound_case(seed_date=EventDate.parse("2023-03-10"), outcomes=(level(event=None, date=None),)),
        "outcomes[0]",
    ),
    (Code.DATE_MISSING, with_level(date=None), "outcomes[0].date"),
    (Code.DATE_BEFORE_PARENT, with_level(date=EventDate.parse("2019-02-01")), "outcomes[0].date"),
    (Code.DATE_BEFORE_PARENT, with_level(date=EventDate.parse("2019-03-10")), "outcomes[0].date"),
    (Code.DATE_BEYOND_HORIZON, with_level(date=EventDate.parse("2022-03-11")), "outcomes[0].date"),
    (Code.DATE_IN_FUTURE, with_level(date=EventDate.parse("2024-06-02")), "outcomes[0].date"),
    (
        Code.DATE_FINER_THAN_KNOWN,
        with_level(evidence=(quote(FIRST_SOURCE, "The crown fell in May 2019", Role.SUPPORTS_DATE),)),
        "outcomes[0].date",
    ),
    (
        Code.DATES_REGULAR,
        sound_case(outcomes=(level(date=EventDate.parse("2019-05-10")), second_level("2019-09-10"))),
        "outcomes",
    ),
    (Code.NO_ALTERNATIVES, with_level(candidates=(happened(),)), "outcomes[0].candidates"),
    (
        Code.TOO_MANY_ALTERNATIVES,
        with_level(candidates=(happened(), *(candidate(f"Strike number {n} begins") for n in range(1, 7)))),
        "outcomes[0].candidates",
    ),
    (
        Code.HAPPENED_COUNT,
        with_level(candidates=(candidate("One thing"), candidate("Another thing"))),
        "outcomes[0].candidates",
    ),
    (
        Code.ALTERNATIVE_IS_OUTCOME,
        with_level(
            candidates=(happened(), candidate("The Ruritanian crown falls 7 per cent against the dollar."))
        ),
        "outcomes[0].candidates[1].text",
    ),
    (
        Code.DUPLICATE_CANDIDATE,
        with_level(candidates=(happened(), candidate("Oil rises 5 %"), candidate("oil rises 5 percent"))),
        "outcomes[0].candidates[2].text",
    ),
    (
        Code.REPEATED_EVENT,
        sound_case(
            outcomes=(level(), second_level(event="the Ruritanian crown falls 7 percent against the dollar"))
        ),
        "outcomes[1].event",
    ),
    (
        Code.FATE_MISSING,
        with_level(candidates=(happened(), candidate("Oil rises 5 %", fate=None))),
        "outcomes[0].candidates[1].fate",
    ),
    (
        Code.FATE_CONTRADICTS,
        with_level(
            candidates=(
                happened(),
                candidate("Oil rises 5 %", fate=Fate.HAPPENED_LATER, fate_date=EventDate.parse("2019-04-01")),
            )
        ),
        "outcomes[0].candidates[1].fate_date",
    ),
    (
        Code.FATE_CONTRADICTS,
        with_level(
            candidates=(
                happened(),
                candidate("Oil rises 5 %", fate=Fate.HAPPENED_LATER, fate_date=EventDate.parse("2023-04-01")),
            )
        ),
        "outcomes[0].candidates[1].fate_date",
    ),
    (
        Code.WORDING_CARRIES_DATE,
        with_level(candidates=(happened(), candidate("Oil rises 5 % in June 2019"))),
        "outcomes[0].candidates[1].text",
    ),
    (
        Code.UNDISTRIBUTED,
        with_level(candidates=(happened(), candidate("Oil rises 5 %", estimates=()))),
        "outcomes[0]",
    ),
    (
        Code.UNIFORM,
        with_level(
            candidates=(
                candidate("The crown falls", happened=True, fate=None, estimates=(estimate(1 / 3, ASOF),)),
                candidate("The crown rises", estimates=(estimate(1 / 3, ASOF),)),
            ),
            remainder=Remainder(estimates=(estimate(1 / 3, ASOF),)),
        ),
        "outcomes[0]",
    ),
    (
        Code.INTERVAL,
        with_level(
            candidates=(
                happened(),
                candidate("Oil rises", estimates=(estimate(0.5, ASOF, low=0.6, high=0.7),)),
            )
        ),
        "outcomes[0].candidates[1].estimates[0]",
    ),
    (
        Code.ESTIMATE_TOO_LATE,
        with_level(candidates=(happened(), candidate("Oil rises", estimates=(estimate(0.5, "2019-03-11"),)))),
        "outcomes[0].candidates[1].estimates[0].as_of",
    ),
    (
        Code.ESTIMATE_LEAKS,
        with_level(
            candidates=(
                happened(),
                candidate(
                    "Oil rises",
                    estimates=(
                        estimate(0.5, ASOF, Method.SURVEY, evidence=quote(FIRST_SOURCE, "Ruritanian")),
                    ),
                ),
            )
        ),
        "outcomes[0].candidates[1].estimates[0].evidence",
    ),
    (Code.NO_EVIDENCE, with_level(evidence=()), "outcomes[0].evidence"),
    (
        Code.SOURCE_UNKNOWN,
        sound_case(sources=(SEED_SOURCE, FIRST_SOURCE, BEFORE_SOURCE)),
        "outcomes[0].evidence[1]",
    ),
    (
        Code.SOURCE_URL,
        sound_case(
            sources=(*sound_case().sources, source("ftp://files.example.com/a", "FICTIONAL", "2019-01-01"))
        ),
        "sources[4].url",
    ),
    (Code.SINGLE_SOURCE, with_level(evidence=level().evidence[:1]), "outcomes[0].evidence"),
    (
        Code.CONTEXT_TOO_LATE,
        sound_case(
            context=(sound_case().context[0].model_copy(update={"evidence": (quote(FIRST_SOURCE, "x"),)}),)
        ),
        "context[0].evidence[0]",
    ),
    (
        Code.EXPECTATION_TOO_LATE,
        with_level(
            candidates=(
                happened(),
                candidate("Oil rises", evidence=(quote(FIRST_SOURCE, "x", Role.EXPECTATION),)),
            )
        ),
        "outcomes[0].candidates[1].evidence[0]",
    ),
]


@pytest.mark.parametrize(
    ("code", "case", "path"), BROKEN, ids=lambda v: v.value if isinstance(v, Code) else ""
)
def test_each_rule_names_its_fault(code: Code, case: Case, path: str) -> None:
    found = [p for p in validate(case, TODAY) if p.code is code]
    assert [p.path for p in found] == [path]
    assert found[0].message.endswith((".", "it is the outcome.", "such a link is not made."))


def test_every_code_but_two_is_in_the_table() -> None:
    """SUM and DUPLICATE_CASE have tests of their own below; NO_OUTCOME one above."""
    covered = {code for code, _, _ in BROKEN} | {Code.SUM, Code.DUPLICATE_CASE, Code.NO_OUTCOME}
    assert covered == set(Code)


def test_probabilities_that_do_not_sum() -> None:
    outcome = level()
    wrong = outcome.model_copy(
        update={"remainder": outcome.remainder.model_copy(update={"probability_bp": 1})}
    )
    found = [p for p in validate(sound_case(outcomes=(wrong,)), TODAY) if p.code is Code.SUM]
    assert found[0].path == "outcomes[0]"
    assert "80.01 %" in found[0].message


def test_duplicates_across_cases() -> None:
    other = sound_case(case_id="c-other")
    results = dict((case.case_id, problems) for case, problems in validate_all([sound_case(), other], TODAY))
    assert [p.code for p in results["c-other"]] == [Code.DUPLICATE_CASE]
    assert DuplicateFinder().check(sound_case()) == []


def test_a_retrospective_estimate_may_know_everything() -> None:
    known = Estimate(method=Method.RETROSPECTIVE, value=0.3, as_of=EventDate.parse(ASOF).end(),
                     evidence=quote(FIRST_SOURCE, "Ruritanian"))  # fmt: skip
    case = with_level(candidates=(happened(), candidate("Oil rises", estimates=(known,))))
    assert Code.ESTIMATE_LEAKS not in {p.code for p in validate(case, TODAY)}


def test_warnings_do_not_bar_approval() -> None:
    problems = validate(with_level(evidence=level().evidence[:1]), TODAY)
    assert [p.severity for p in problems] == [Severity.WARNING]
    assert errors_of(problems) == []


WORDS = (
    "rate rates rises does not half a percentage point three-quarters of 50 0.5 % percent basis points and to crown"
).split()


def told_apart_slowly(a: str, b: str) -> bool:
    """Whether two texts differ, by reading the figures of both whatever their other words are."""
    if normalise(a) == normalise(b):
        return False
    read = []
    for text in (a, b):
        found, rest = quantities(text), text
        for quantity in reversed(found):
            rest = rest[: quantity.start] + " " + rest[quantity.end :]
        read.append((sorted(content_words(rest)), sorted((q.low, q.high, q.unit) for q in found)))
    return read[0] != read[1]


@given(
    st.lists(st.sampled_from(WORDS), max_size=9), st.lists(st.sampled_from(WORDS), max_size=9), st.booleans()
)
def test_the_short_way_of_telling_texts_apart_never_errs(
    one: list[str], other: list[str], same: bool
) -> None:
    a, b = " ".join(one), " ".join(one if same else other)
    b = b.replace("half a percentage point", "50 basis points")
    if told_apart_slowly(a, b):
        assert not says_the_same(a, b)
    elif directions(a) == directions(b):
        assert says_the_same(a, b)


@pytest.mark.parametrize(
    "url", ["http://[", "https://", "javascript:1", "https:///x", "HTTPS://Example.org/x"]
)
def test_odd_addresses_are_findings_and_no_crash(url: str) -> None:
    found = validate(sound_case(sources=(*sound_case().sources, source("https://a.example/", "FICTIONAL", "2019-01-01")
                                         .model_copy(update={"url": url}))), TODAY)  # fmt: skip
    assert [p.code for p in found] == ([] if url.startswith("HTTPS") else [Code.SOURCE_URL])
