"""Many curators at once, and a server or an export killed in the middle. All facts FICTIONAL."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import uvicorn

from agents.curator.application import create_app
from agents.curator.desk import Action, ReviewDesk, Wish
from agents.curator.queue import QueueFilter
from corpus.case import Status
from corpus.errors import SnapshotError
from corpus.snapshot import read_snapshot
from db.clock import utc_now
from db.curators import Curators
from db.decisions import Decision
from db.export import ExportChoice, export_snapshot
from db.repository import Cases
from db.session import Store, open_store
from db.tables import EventKind
from tests.commands import free_port
from tests.reviewing import SETTINGS, cases
from tests.storing import case

CURATORS, EACH = 20, 6


def test_curators_who_decide_at_once_lose_nothing_and_repeat_nothing(store: Store) -> None:
    made = cases(store, CURATORS * EACH // 2)
    names = [f"FICTIONAL {n}" for n in range(CURATORS)]
    for name in names:
        Curators(store).add(name)
    desk = ReviewDesk(store, SETTINGS, utc_now)

    def work(number: int) -> int:
        """Each case is decided by two curators, each decision is sent twice."""
        accepted = 0
        for turn in range(EACH):
            chosen = made[(number // 2 * EACH + turn) % len(made)]
            wish = Wish(chosen.case_id, 1, Action.APPROVE, f"{turn}")
            first, again = desk.decide(names[number], wish), desk.decide(names[number], wish)
            accepted += first == again
        return accepted

    with ThreadPoolExecutor(CURATORS) as pool:
        assert sum(pool.map(work, range(CURATORS))) == CURATORS * EACH
    events = [event for one in made for event in Cases(store).history(one.case_id)]
    decided = Counter(event.key for event in events if event.kind is EventKind.DECIDED)
    assert len(decided) == CURATORS * EACH
    assert set(decided.values()) == {1}
    assert {Cases(store).get(one.case_id).case.status for one in made} == {Status.APPROVED}


def test_no_two_curators_are_sent_to_one_case(store: Store) -> None:
    cases(store, CURATORS)
    names = [f"FICTIONAL {n}" for n in range(CURATORS)]
    for name in names:
        Curators(store).add(name)
    desk = ReviewDesk(store, SETTINGS, utc_now)
    with ThreadPoolExecutor(CURATORS) as pool:
        found = list(pool.map(lambda name: desk.next_case(QueueFilter(), name), names))
    assert len(set(found)) == CURATORS
    assert None not in found


def _decide_forever(url: str, names: list[str], ids: list[str]) -> None:
    desk = ReviewDesk(open_store(url), SETTINGS, utc_now)
    for n, case_id in enumerate(ids):
        desk.decide(names[n % len(names)], Wish(case_id, 1, Action.APPROVE, case_id))


def test_decisions_of_a_killed_server_are_there_once(store: Store, store_url: str) -> None:
    made, names = cases(store, 40), ["FICTIONAL Ann"]
    Curators(store).add(names[0])
    ids = [one.case_id for one in made]
    for _ in range(3):
        process = multiprocessing.get_context("spawn").Process(
            target=_decide_forever, args=(store_url, names, ids)
        )
        process.start()
        before = _decided(store, ids)
        while process.is_alive() and _decided(store, ids) < before + 3:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL) if process.pid else None
        process.join()
    desk = ReviewDesk(store, SETTINGS, utc_now)
    for case_id in ids:  # whoever got no answer sends the same decision again
        desk.decide(names[0], Wish(case_id, 1, Action.APPROVE, case_id))
    for case_id in ids:
        kinds = [event.kind for event in Cases(store).history(case_id)]
        assert kinds == [EventKind.STORED, EventKind.DECIDED]


def _serve(url: str, port: int) -> None:
    settings = replace(SETTINGS, hosts=frozenset({f"127.0.0.1:{port}"}))
    uvicorn.run(create_app(open_store(url), settings), port=port, log_level="error")


@contextmanager
def serving(url: str) -> Iterator[tuple[int, BaseProcess]]:
    """The page in a process of its own, killed at the end."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(url, port))
    process.start()
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
            break
        except ConnectionRefusedError:
            assert process.is_alive()
            time.sleep(0.02)
    try:
        yield port, process
    finally:
        process.kill()
        process.join()


def sent(port: int, case_id: str, token: str) -> socket.socket:
    """A decision on its way: the request is out, the answer is not read."""
    body = b'{"revision": 1, "action": "approve", "key": "once"}'
    lines = (
        f"POST /api/cases/{case_id}/decisions HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: close",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    head = "".join(f"{line}\r\n" for line in (*lines, ""))
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    made.sendall(head.encode() + body)
    return made


def test_a_server_killed_between_decision_and_answer_has_decided_once(store: Store, store_url: str) -> None:
    (made,) = cases(store, 1)
    token = Curators(store).add("FICTIONAL Ann")
    with serving(store_url) as (port, process):
        asking = sent(port, made.case_id, token)
        while not _decided(store, [made.case_id]):
            time.sleep(0.001)
        process.kill()  # the answer, if it was on its way, is never read
        asking.close()
        process.join()
    assert Cases(store).get(made.case_id).case.status is Status.APPROVED
    with serving(store_url) as (port, _), sent(port, made.case_id, token) as asking:
        answer = b"".join(iter(lambda: asking.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert [event.kind for event in Cases(store).history(made.case_id)] == [
        EventKind.STORED,
        EventKind.DECIDED,
    ]


def _decided(store: Store, ids: list[str]) -> int:
    return Cases(store).count_by_status()[Status.APPROVED]


def _export(url: str, folder: str) -> None:
    export_snapshot(open_store(url), Path(folder), ExportChoice(with_texts=True), program="0", commit="")


@pytest.fixture
def approved(store: Store) -> Store:
    for n in range(60):
        put = Cases(store).put(case(f"FICTIONAL strike {n} in Ruritania", "2019-03-10"))
        Cases(store).set_status(Decision(put.case_id, 1, Status.APPROVED, "FICTIONAL Ann", "", put.case_id))
    return store


def test_a_killed_export_is_never_taken_for_a_whole_one(
    approved: Store, store_url: str, tmp_path: Path
) -> None:
    folder, partial = tmp_path / "s", tmp_path / ".s.partial"
    caught = 0
    for wait in (0.0, 0.005, 0.02):
        process = multiprocessing.get_context("spawn").Process(target=_export, args=(store_url, str(folder)))
        process.start()
        while process.is_alive() and not partial.exists():
            time.sleep(0.0005)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL) if process.pid else None
        process.join()
        if folder.exists():
            assert read_snapshot(folder).manifest.cases == 60
            break
        caught += 1
        with pytest.raises(SnapshotError, match="never finished"):
            read_snapshot(folder)
    assert caught
    if not folder.exists():
        export_snapshot(approved, folder, ExportChoice(with_texts=True), program="0", commit="")
    assert read_snapshot(folder).manifest.cases == 60
    assert not partial.exists()
