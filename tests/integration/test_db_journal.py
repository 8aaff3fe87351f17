"""The journal: responses are kept for ever, the cap holds with many threads, nothing is settled twice."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from corpus.errors import NotFound
from db.budget import CapReached
from db.journal import CallRecord, Journal, ResponseRecord
from db.owner import Owner
from db.run_records import Spending
from db.runs import Runs
from db.session import Store
from db.tables import AttemptRow, AttemptState, CallKind, RunState

CALL = CallRecord("k", CallKind.MODEL, "estimator", {"prompt": "p\0"}, reserve_nanousd=100)
ANSWER = ResponseRecord(b"\x00\xffraw", {"status": 200}, cost_nanousd=30)


def new_run(store: Store, cap: int | None = None) -> str:
    return Runs(store).create({}, {}, program="0", commit="", cap_nanousd=cap).run_id


def spending(store: Store, run_id: str) -> Spending:
    return Runs(store).get(run_id).spending


def begun(journal: Journal, call: CallRecord) -> int:
    attempt = journal.begin(call)
    assert isinstance(attempt, int)
    return attempt


def test_a_response_is_found_by_its_call_from_any_run(store: Store) -> None:
    run_id = new_run(store)
    journal = Journal(store, run_id)
    assert journal.lookup("k") is None
    attempt = begun(journal, CALL)
    assert spending(store, run_id) == Spending(None, 0, 100)
    assert [found.state for found in journal.attempts()] == [AttemptState.OPEN]
    journal.finish(attempt, ANSWER)
    assert spending(store, run_id) == Spending(None, 30, 0)
    assert Journal(store).lookup("k") == ANSWER
    assert journal.attempts(AttemptState.OPEN) == []


def test_the_first_response_stays_and_every_cost_counts(store: Store) -> None:
    run_id = new_run(store)
    journal = Journal(store, run_id)
    first, second = begun(journal, CALL), begun(journal, CALL)
    journal.finish(first, ANSWER)
    journal.finish(first, ANSWER)
    journal.finish(second, replace(ANSWER, body=b"other", cost_nanousd=31))
    assert journal.lookup("k") == ANSWER
    assert spending(store, run_id) == Spending(None, 61, 0)


def test_a_failed_attempt_costs_what_it_may_have_cost(store: Store) -> None:
    run_id = new_run(store)
    journal = Journal(store, run_id)
    journal.fail(begun(journal, CALL), "connection refused", cost_nanousd=0)
    assert spending(store, run_id) == Spending(None, 0, 0)
    journal.fail(begun(journal, CALL), "timed out after the request was sent")
    assert spending(store, run_id) == Spending(None, 100, 0)
    assert [found.failure for found in journal.attempts(AttemptState.FAILED)] == [
        "connection refused",
        "timed out after the request was sent",
    ]
    assert journal.lookup("k") is None


def test_a_call_over_the_cap_is_refused_and_nothing_is_written(store: Store) -> None:
    run_id = new_run(store, cap=150)
    journal = Journal(store, run_id)
    begun(journal, CALL)
    assert journal.begin(CALL) == CapReached(150, 0, 100, 100)
    assert len(journal.attempts()) == 1
    assert isinstance(journal.begin(replace(CALL, reserve_nanousd=50)), int)


def test_calls_outside_a_run_have_no_cap(store: Store) -> None:
    journal = Journal(store)
    journal.finish(begun(journal, replace(CALL, kind=CallKind.FETCH, reserve_nanousd=0)), ANSWER)
    assert [found.run_id for found in journal.attempts()] == [None]


def test_unknown_runs_and_attempts_are_named(store: Store) -> None:
    with pytest.raises(NotFound, match="no attempt 77"):
        Journal(store).finish(77, ANSWER)
    with pytest.raises(NotFound, match="no run 'r0'"):
        Journal(store, "r0").begin(CALL)


def test_what_a_dead_process_had_under_way_counts_as_paid_until_it_answers(store: Store) -> None:
    dead = Runs(store, replace(Owner.here(), host="gone"))
    run = dead.create({}, {}, program="0", commit="", cap_nanousd=1_000)
    journal = Journal(store, run.run_id)
    attempt = begun(journal, CALL)
    dead.finish(run.run_id, RunState.STOPPED, {})
    Runs(store).take(run.run_id)
    assert spending(store, run.run_id) == Spending(1_000, 100, 0)
    assert [found.state for found in journal.attempts()] == [AttemptState.LOST]
    journal.finish(attempt, ANSWER)  # the answer came in after all
    assert spending(store, run.run_id) == Spending(1_000, 30, 0)


def test_the_cap_holds_with_64_calls_in_flight(store: Store) -> None:
    """600 calls of at most 100 under a cap that carries some 200: it is never passed, at no moment.

    Refusals come early while many are in flight; one by one, the rest of the cap can still be spent.
    """
    cap = 10_000
    run_id = new_run(store, cap)
    journal = Journal(store, run_id)

    def call(number: int) -> int | None:
        dice = random.Random(number)
        attempt = journal.begin(replace(CALL, key=f"k{number}", reserve_nanousd=100))
        if isinstance(attempt, CapReached):
            assert attempt.spent_nanousd + attempt.reserved_nanousd <= cap
            return None
        cost = dice.randint(1, 100)
        if dice.random() < 0.1:
            journal.fail(attempt, "FICTIONAL fault", cost_nanousd=cost)
        else:
            journal.finish(attempt, ResponseRecord(b"x", {}, cost))
        return cost

    with ThreadPoolExecutor(64) as pool:
        costs = list(pool.map(call, range(600)))
    assert None in costs
    while (cost := call(len(costs))) is not None:
        costs.append(cost)
    found = spending(store, run_id)
    assert found == Spending(cap, sum(cost for cost in costs if cost is not None), 0)
    assert cap - 100 < found.spent_nanousd <= cap
    mine = col(AttemptRow.run_id) == run_id
    with store.reading() as session:
        booked = session.execute(select(func.sum(AttemptRow.cost_nanousd)).where(mine)).scalar_one()
    assert booked == found.spent_nanousd
