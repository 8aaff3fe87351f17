"""Samples, figures and verdicts of a calibration, on FICTIONAL items with forecasters of known quality."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from agents.calibration.asking import Asked
from agents.calibration.capped import CappedJournal
from agents.calibration.items import Item, of_case, of_question, read_items
from agents.calibration.judging import Verdict, judge
from agents.calibration.ledger import Entry, append, has_passed, measured_prompts, read_ledger, used_items
from agents.calibration.report import Origin, as_html, as_json
from agents.calibration.sampling import stratified
from agents.journal import Attempt, BudgetFull, Call, CallKind, Response
from agents.state import Failure, FailureKind, Stage
from corpus.case import Method, Status
from corpus.errors import InvalidFile, InvalidInput
from evaluation.questions import Question
from tests.builders import estimate, level, sound_case
from tests.journals import MemoryJournal

ORIGIN = Origin(
    "tiny", "http://x/v1", "weigh=1", "q.jsonl", "0" * 64, 42, "2024-01-01", 5000, 500, 1_000_000, True
)


def items(count: int, seed: int = 0) -> list[Item]:
    """Questions of two sources whose crowd is right about its own probabilities."""
    rng = random.Random(seed)
    found = []
    for n in range(count):
        p = rng.choice([0.1, 0.3, 0.5, 0.7, 0.9])
        question = Question(
            source="fictional" if n % 3 else "invented", id=f"q{n}", asked=date(2019, 3, 1), resolved=date(2019, 6, 1),
            outcome=float(rng.random() < p), question=f"FICTIONAL. Will event {n} happen?", crowd=p,
        )  # fmt: skip
        found.append(of_question(question))
    return found


def answered(item: Item, yes: float, recall: bool = False) -> Asked:
    return Asked(item, (yes, 1 - yes), recall)


def test_a_question_is_asked_as_of_its_day_and_its_crowd_is_not_shown() -> None:
    item = items(1)[0]
    assert str(item.read_until.date()) == "2019-03-01"
    assert item.crowd is not None
    assert str(item.crowd[0]) not in item.level.story() + item.candidates[0].text
    assert [c.estimates for c in item.candidates] == [()]


def test_only_approved_levels_with_a_market_or_a_survey_are_items() -> None:
    market = level(
        candidates=tuple(
            c.model_copy(update={"estimates": (estimate(0.4, "2019-03-10", Method.MARKET),)})
            for c in level().candidates
        )
    )
    case = sound_case(outcomes=(market,), status=Status.APPROVED)
    (found,) = of_case(case, "family")
    assert found.item_id == f"{case.case_id}/1"
    assert found.outcome == 0
    assert found.crowd is not None
    assert sum(found.crowd) == pytest.approx(1)
    assert all(not c.happened and not c.estimates for c in found.candidates)
    assert list(of_case(case.model_copy(update={"status": Status.PENDING}), "family")) == []
    assert list(of_case(sound_case(status=Status.APPROVED), "family")) == []


def test_a_sample_keeps_the_strata_and_is_the_same_again() -> None:
    pool = items(600)
    sample = stratified(pool, frozenset(), size=60, seed=1)
    assert len({item.item_id for item in sample}) == 60
    whole, drawn = Counter(i.stratum for i in pool), Counter(i.stratum for i in sample)
    assert all(abs(drawn[s] - count / 10) <= 1 for s, count in whole.items())
    assert sample == stratified(list(reversed(pool)), frozenset(), size=60, seed=1)
    assert sample != stratified(pool, frozenset(), size=60, seed=2)


def test_a_second_sample_is_fresh_and_a_third_is_refused() -> None:
    pool = items(100)
    first = stratified(pool, frozenset(), size=50, seed=1)
    used = frozenset(item.item_id for item in first)
    second = stratified(pool, used, size=50, seed=1)
    assert not used & {item.item_id for item in second}
    with pytest.raises(InvalidInput, match="100 items, 100 of them used by an earlier calibration"):
        stratified(pool, used | {item.item_id for item in second}, size=50, seed=1)


def test_one_who_knows_the_chances_passes() -> None:
    judged = judge([answered(item, item.crowd[0]) for item in items(400) if item.crowd])
    assert judged.verdict is Verdict.PASS, judged.gates
    assert judged.figures["distance_to_crowd"].value == pytest.approx(0)


def test_one_who_says_the_contrary_fails() -> None:
    judged = judge([answered(item, 1 - item.crowd[0]) for item in items(400) if item.crowd])
    assert judged.verdict is Verdict.FAIL
    assert {g.figure for g in judged.gates if g.verdict is Verdict.FAIL} >= {
        "gain_over_uniform",
        "calibration",
    }


def test_few_items_decide_nothing() -> None:
    assert (
        judge([answered(item, item.crowd[0]) for item in items(12) if item.crowd]).verdict is Verdict.REVIEW
    )


def test_one_who_remembers_fails_whatever_the_figures() -> None:
    judged = judge([answered(i, i.crowd[0], recall=True) for i in items(200) if i.crowd])
    assert next(g.verdict for g in judged.gates if g.figure == "recall_share") is Verdict.FAIL


def test_items_without_an_answer_count_and_are_not_zero() -> None:
    failure = Failure(kind=FailureKind.INVALID_REPLY, message="prose", stage=Stage.ESTIMATE)
    pool = items(200)
    rows = [
        Asked(i, None, failure=failure) if n % 2 else answered(i, i.crowd[0])
        for n, i in enumerate(pool)
        if i.crowd
    ]
    judged = judge(rows)
    assert judged.figures["answered"].value == 0.5
    assert judged.figures["log_loss"].items == 100
    assert judge([Asked(pool[0], None, failure=failure)]).calibration is None


def test_without_a_crowd_the_agreement_is_not_scored() -> None:
    judged = judge([answered(replace(item, crowd=None), 0.5) for item in items(20)])
    assert "distance_to_crowd" not in judged.figures


def test_the_report_says_what_was_found_as_html_and_json() -> None:
    rows = [answered(item, item.crowd[0]) for item in items(60) if item.crowd]
    judged = judge(rows)
    report = as_json(ORIGIN, judged, rows)
    assert report["cost_per_item_usd"] == pytest.approx(0.001 / 60)
    assert report["figures"]["log_loss"]["low"] < report["figures"]["log_loss"]["value"]
    assert sum(row["items"] for row in report["strata"]) == 60
    page = as_html(replace(ORIGIN, model="<script>"), judged, rows)
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<svg" in page
    assert as_json(replace(ORIGIN, priced=False), judged, rows)["cost_per_item_usd"] is None


def test_a_pass_counts_for_its_model_and_prompts_and_the_newest_word_holds(tmp_path: Path) -> None:
    ledger = tmp_path / "deep" / "ledger.jsonl"
    entry = Entry("2024-01-01", "tiny", "http://x/v1", measured_prompts(), ("a", "b"), "PASS", "")
    append(ledger, entry)
    found = read_ledger(ledger)
    assert found == [entry]
    assert used_items(found) == {"a", "b"}
    assert has_passed(found, "tiny", "http://x/v1")
    assert not has_passed(found, "other", "http://x/v1")
    assert not has_passed([replace(entry, prompts="weigh=0-old")], "tiny", "http://x/v1")
    append(ledger, replace(entry, items=("c",), verdict="FAIL"))
    assert not has_passed(read_ledger(ledger), "tiny", "http://x/v1")
    ledger.write_text("{}\n")
    with pytest.raises(InvalidFile, match="is no ledger entry"):
        read_ledger(ledger)


def test_files_that_hold_no_items_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="does not exist"):
        read_items(tmp_path / "none.jsonl")
    (tmp_path / "cases.jsonl").write_text(sound_case(status=Status.APPROVED).model_dump_json() + "\n")
    with pytest.raises(InvalidFile, match="no level of an approved case with a market or survey"):
        read_items(tmp_path)


async def _spend(cap: int, calls: int) -> tuple[int, int, int]:
    journal = CappedJournal(MemoryJournal(), cap)
    begun = [await journal.begin(Call(f"k{n}", CallKind.MODEL, "estimator", {}, 100)) for n in range(calls)]
    taken = [attempt for attempt in begun if isinstance(attempt, Attempt)]
    for attempt in taken[1:]:
        await journal.commit(attempt, Response(b"", {}, 40))
    await journal.abandon(taken[0], "timeout", billable=True)
    again = await journal.begin(Call("more", CallKind.MODEL, "estimator", {}, 100))
    return len(taken), journal.spent_nanousd, int(isinstance(again, BudgetFull))


def test_the_cap_of_a_calibration_counts_what_is_held_and_what_was_lost() -> None:
    import asyncio

    assert asyncio.run(_spend(250, 5)) == (2, 140, 0)
    assert asyncio.run(_spend(220, 5)) == (2, 140, 1)
