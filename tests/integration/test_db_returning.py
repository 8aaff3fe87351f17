"""A case that was sent back is seen by a curator again, whatever its new research came to. All facts FICTIONAL."""

from __future__ import annotations

from corpus.case import Case, Status
from db.decisions import Decision
from db.putting import PutResult
from db.repository import Cases
from db.run_records import RunSeed, SeedFailure
from db.runs import Runs
from db.session import Store
from db.tables import EventKind, RunState
from tests.storing import case, of_run

NOTE = "find a second source"


def sent_back(store: Store, made: Case, key: str = "k") -> None:
    Cases(store).put(made)
    Cases(store).set_status(Decision(made.case_id, 1, Status.NEEDS_WORK, "FICTIONAL Ann", NOTE, key))


def claimed(runs: Runs) -> RunSeed:
    run = runs.create({}, {}, program="0", commit="")
    runs.add_seeds(run.run_id, [("seed", {})])
    found = runs.claim(run.run_id)
    assert found is not None
    return found


def test_research_that_finds_the_same_puts_the_case_before_a_curator_again(store: Store) -> None:
    made, runs, cases = of_run(case(), "r1"), Runs(store), Cases(store)
    sent_back(store, made)
    for turn in range(2):  # sent back a second time, the next run's answer comes back as well
        seed = claimed(runs)
        put = runs.finish_seed(seed, of_run(made, seed.run_id))
        assert (put.result, put.revision) == (PutResult.UNCHANGED, 1)
        assert cases.get(made.case_id).case.status is Status.PENDING
        event = cases.history(made.case_id)[-1]
        assert (event.kind, event.before, event.after) == (
            EventKind.RESEARCHED,
            Status.NEEDS_WORK,
            Status.PENDING,
        )
        assert (event.author, event.reason) == ("agents", "Researched again: the same was found.")
        assert event.details == {"run_id": seed.run_id}
        runs.finish(seed.run_id, RunState.FINISHED, {})
        cases.set_status(Decision(made.case_id, 1, Status.NEEDS_WORK, "FICTIONAL Ann", NOTE, f"again {turn}"))


def test_research_that_fails_puts_the_case_before_a_curator_again_and_says_why(store: Store) -> None:
    made, runs, cases = case(), Runs(store), Cases(store)
    sent_back(store, made)
    runs.fail_seed(claimed(runs), SeedFailure("no_evidence", "chain: nothing speaks of it", ""), made.case_id)
    event = cases.history(made.case_id)[-1]
    assert cases.get(made.case_id).case.status is Status.PENDING
    assert event.reason == "Researched again, without a case: chain: nothing speaks of it"


def test_research_of_a_case_that_was_decided_meanwhile_changes_nothing(store: Store) -> None:
    made, runs, cases = case(), Runs(store), Cases(store)
    sent_back(store, made)
    cases.set_status(Decision(made.case_id, 1, Status.REJECTED, "FICTIONAL Bob", "", "r"))
    before = cases.history(made.case_id)
    runs.finish_seed(claimed(runs), made)
    runs.fail_seed(claimed(runs), SeedFailure("broken", "x", ""), made.case_id)
    assert cases.history(made.case_id) == before


def test_an_import_of_the_same_file_does_not_answer_a_note(store: Store) -> None:
    made, cases = case(), Cases(store)
    sent_back(store, made)
    assert cases.put(made).result is PutResult.UNCHANGED
    assert cases.get(made.case_id).case.status is Status.NEEDS_WORK
