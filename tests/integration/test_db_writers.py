"""Several processes and threads write to one store at once: every write is there, once."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from corpus.case import Status
from corpus.errors import StaleCase
from db.decisions import Decision
from db.putting import Edit, PutResult
from db.repository import Cases
from db.session import Store, open_store
from tests.storing import case

WRITERS, EACH = 4, 40


def write(url: str, writer: int) -> None:
    """Cases of one's own, and some that every writer has."""
    store = open_store(url)
    for number in range(EACH):
        Cases(store).put(case(f"FICTIONAL {writer}/{number}"))
        Cases(store).put(case(f"FICTIONAL shared {number}"))
    store.close()


def test_processes_write_at_once(store: Store, store_url: str) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.integration.test_db_writers", "tests.killing"])
    writers = [processes.Process(target=write, args=(store_url, number)) for number in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0] * WRITERS
    cases = Cases(store)
    assert cases.count() == (WRITERS + 1) * EACH
    assert {found.revision for found in cases.list_cases()} == {1}


def test_threads_putting_one_new_case_store_it_once(store: Store) -> None:
    cases = Cases(store)
    with ThreadPoolExecutor(16) as pool:
        puts = list(pool.map(lambda _: cases.put(case()), range(64)))
    assert sorted(put.result for put in puts) == [PutResult.NEW] + [PutResult.UNCHANGED] * 63


def test_twenty_curators_deciding_at_once_lose_nothing(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)

    def decide(number: int) -> bool:
        status = Status.APPROVED if number % 2 else Status.NEEDS_WORK
        event = cases.set_status(
            Decision(made.case_id, 1, status, f"c{number % 20}", "", f"k{number // 2}/{status}")
        )
        return event.author == f"c{number % 20}"

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(decide, range(200)))
    events = cases.history(made.case_id)[1:]
    assert len(events) == 200
    for earlier, later in pairwise(events):
        assert later.before == earlier.after
    assert cases.get(made.case_id).case.status is events[-1].after


def test_of_two_edits_of_one_revision_the_second_is_stale(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)

    def edit(number: int) -> bool:
        try:
            cases.put(made.model_copy(update={"summary": f"{number}"}), edit=Edit(1, "FICTIONAL", ""))
        except StaleCase:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(edit, range(8))) == 1
    assert cases.get(made.case_id).case.revision == 2
