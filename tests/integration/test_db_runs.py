"""Runs: one owner at a time, seeds claimed once, a seed's end and its case stored together."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from corpus.errors import InvalidInput, NotFound, StoreBusy
from corpus.identity import text_sha256
from db.documents import Documents
from db.mapping import StoredDocument
from db.owner import SILENCE, Owner
from db.repository import Cases
from db.run_records import Run, SeedFailure
from db.runs import Runs
from db.session import Store
from db.tables import RunState, SeedState
from tests.builders import SEED_SOURCE, SEED_TEXT
from tests.storing import case

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def started(runs: Runs, seeds: int = 0, cap: int | None = None) -> Run:
    """A run with numbered seeds."""
    run = runs.create({"period": "2019"}, {"seed": 42}, program="0", commit="c0ffee", cap_nanousd=cap)
    runs.add_seeds(run.run_id, [(f"seed-{number}", {"number": number}) for number in range(seeds)])
    return run


def test_a_run_is_kept_with_what_was_asked(store: Store) -> None:
    runs = Runs(store)
    run = started(runs)
    found = runs.get(run.run_id)
    assert found == replace(run, heartbeat=found.heartbeat)
    assert (found.arguments, found.resolved, found.state) == (
        {"period": "2019"},
        {"seed": 42},
        RunState.RUNNING,
    )
    ended = runs.finish(run.run_id, RunState.FINISHED, {"cases": 3})
    assert runs.get("last") == ended
    assert (ended.state, ended.summary) == (RunState.FINISHED, {"cases": 3})
    assert ended.finished is not None


def test_runs_are_found_by_the_start_of_their_id(store: Store) -> None:
    runs = Runs(store)
    with pytest.raises(NotFound, match="holds none yet"):
        runs.get("last")
    first, second = started(runs), started(runs)
    assert runs.get(first.run_id[:-1]).run_id == first.run_id
    assert [run.run_id for run in runs.list_runs()] == [second.run_id, first.run_id]
    with pytest.raises(InvalidInput, match="fits several runs"):
        runs.get("r")
    with pytest.raises(NotFound, match=f"the newest are {second.run_id}"):
        runs.get("x")


def test_seeds_are_added_once_and_claimed_in_order(store: Store) -> None:
    runs = Runs(store)
    run = started(runs, seeds=3)
    assert runs.add_seeds(run.run_id, [("seed-1", {}), ("seed-9", {"number": 9})]) == 1
    claimed = [runs.claim(run.run_id) for _ in range(5)]
    assert [seed.seed["number"] if seed else None for seed in claimed] == [0, 1, 2, 9, None]
    assert [seed.position for seed in runs.seeds(run.run_id)] == [0, 1, 2, 3]


def test_a_seed_ends_with_its_case_and_texts(store: Store) -> None:
    runs = Runs(store)
    run = started(runs, seeds=3)
    done, failed, back = (seed for seed in (runs.claim(run.run_id) for _ in range(3)) if seed)
    runs.advance(done, "chain")
    assert runs.seeds(run.run_id, SeedState.WORKING)[0].stage == "chain"
    put = runs.finish_seed(done, case(), (), [StoredDocument(SEED_SOURCE, SEED_TEXT)])
    failure = SeedFailure("invalid_reply", "No JSON.", "a\0reply")
    runs.fail_seed(failed, failure)
    runs.put_back(back)
    assert {seed.seed_key: seed.state for seed in runs.seeds(run.run_id)} == {
        "seed-0": SeedState.DONE,
        "seed-1": SeedState.FAILED,
        "seed-2": SeedState.WAITING,
    }
    assert runs.seeds(run.run_id, SeedState.DONE)[0].case_id == put.case_id
    assert runs.seeds(run.run_id, SeedState.FAILED)[0].failure == replace(failure, detail="a�reply")
    assert Cases(store).get(put.case_id).case.seed_event == case().seed_event
    stored = Documents(store).of_case(case())
    assert stored[SEED_SOURCE.source_id].text == SEED_TEXT
    with pytest.raises(StoreBusy, match="claim it first"):
        runs.finish_seed(done, case())


def test_a_seed_that_cannot_be_stored_whole_is_not_stored_at_all(store: Store) -> None:
    runs = Runs(store)
    run = started(runs, seeds=1)
    seed = runs.claim(run.run_id)
    assert seed
    with pytest.raises(InvalidInput, match="store the text that was quoted from"):
        runs.finish_seed(seed, case(), (), [StoredDocument(SEED_SOURCE, "another text")])
    assert Cases(store).count() == 0
    assert runs.count_seeds(run.run_id)[SeedState.WORKING] == 1


def test_a_run_belongs_to_one_process_at_a_time(store: Store) -> None:
    mine, theirs = Runs(store), Runs(store)
    run = started(mine, seeds=2)
    with pytest.raises(StoreBusy, match=f"process {os.getpid()} on"):
        theirs.take(run.run_id)
    mine.finish(run.run_id, RunState.STOPPED, {})
    assert theirs.take(run.run_id).state is RunState.RUNNING
    for action in (lambda: mine.claim(run.run_id), lambda: mine.beat(run.run_id)):
        with pytest.raises(StoreBusy, match="belongs to process"):
            action()
    assert theirs.claim(run.run_id)


def test_two_different_runs_share_a_store(store: Store) -> None:
    first, second = Runs(store), Runs(store)
    one, two = started(first, seeds=1), started(second, seeds=1)
    for runs, run in ((first, one), (second, two)):
        seed = runs.claim(run.run_id)
        assert seed
        runs.finish_seed(seed, case(f"FICTIONAL {run.run_id}"))
        runs.finish(run.run_id, RunState.FINISHED, {})
    assert Cases(store).count() == 2


def test_a_dead_process_is_replaced_at_once_and_its_seeds_wait_again(store: Store) -> None:
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead = Runs(store, replace(Owner.here(), pid=int(child.stdout)))
    run = started(dead, seeds=2)
    assert dead.claim(run.run_id)
    heir = Runs(store)
    heir.take(run.run_id)
    assert heir.count_seeds(run.run_id)[SeedState.WAITING] == 2


def test_silence_decides_about_another_machine(store: Store) -> None:
    far = Owner("elsewhere", 1, "t")
    now = NOON
    theirs, mine = Runs(store, far, lambda: NOON), Runs(store, clock=lambda: now)
    run = started(theirs)
    now = NOON + SILENCE
    with pytest.raises(StoreBusy, match="process 1 on elsewhere, heard of 60 s ago"):
        mine.take(run.run_id)
    now += timedelta(seconds=1)
    mine.take(run.run_id, cap_nanousd=5)
    assert mine.get(run.run_id).spending.cap_nanousd == 5
    with pytest.raises(StoreBusy):
        theirs.beat(run.run_id)


def test_documents_are_stored_once_by_their_text(store: Store) -> None:
    documents = Documents(store)
    text = "FICTIONAL text with a NUL \0 and an emoji 🏛"
    source = SEED_SOURCE.model_copy(update={"text_sha256": text_sha256(text)})
    elsewhere = source.model_copy(update={"url": "https://example.org/copy"})
    assert documents.put([StoredDocument(source, text)]) == 1
    assert documents.put([StoredDocument(source, text), StoredDocument(elsewhere, text)]) == 0
    assert documents.get(text_sha256(text)) == StoredDocument(source, text)
    assert documents.get("0" * 64) is None
