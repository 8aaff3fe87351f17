"""The queue: its order, its filters, leases and what is put off, on both databases. All facts FICTIONAL."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from fastapi import FastAPI

from agents.curator.application import create_app
from agents.curator.digests import digest
from agents.curator.queue import SLICE, Order, QueueFilter, drawing
from corpus.case import Case, Method
from db.repository import Cases
from db.session import Store
from db.tables import EventKind
from tests.builders import estimate
from tests.reviewing import (
    ANN,
    BOB,
    SETTINGS,
    Clock,
    Person,
    cases,
    enter,
    put,
)
from tests.storing import case


def test_leases_keep_two_from_the_same_case_and_expire(
    store: Store, ann: Person, app: FastAPI, clock: Clock
) -> None:
    cases(store, 2)
    bob = enter(app, BOB)
    first = ann.client.get("/", follow_redirects=True).url.path
    second = bob.client.get("/", follow_redirects=True).url.path
    assert first != second
    assert "FICTIONAL Ann has this case open" in bob.get(first)
    clock.advance(minutes=16)
    assert "has this case open" not in bob.get(first)


def test_skipped_cases_come_last_and_stay_so_after_a_restart(store: Store, ann: Person, clock: Clock) -> None:
    cases(store, 3)
    seen = []
    for _ in range(3):
        at = ann.client.get("/", follow_redirects=True).url.path
        seen.append(at)
        for _ in range(2):  # sent twice, it counts once
            assert ann.post(f"{at}/skip", revision=1).status_code == 303
    assert len(set(seen)) == 3
    assert ann.post(f"{at}/skip", revision=9).status_code == 404
    case_id = seen[0].split("/")[-1]
    assert [e.kind for e in Cases(store).history(case_id)] == [EventKind.STORED, EventKind.SKIPPED]
    assert "skipped, still" in ann.get(f"{seen[0]}/history")
    again = enter(create_app(store, SETTINGS, clock))
    assert again.get("/", follow_redirects=True).count('<span class="tag">skipped</span>') == 3
    assert (
        enter(create_app(store, SETTINGS, clock), BOB).get("/", follow_redirects=True).count(">skipped<") == 0
    )


def test_filters_stand_in_the_address(store: Store, ann: Person) -> None:
    cases(store, 2)
    put(store, case("FICTIONAL outbreak", "2020-05-01", domain="health"))
    for query, left in (
        ({"domain": "health"}, 1), ({"period": "2019"}, 2), ({"flag": "uniform"}, 0), ({"status": ""}, 3),
        ({"run": "r0"}, 0), ({"flag": "disagreement"}, 0), ({"order": "fifo"}, 3),
    ):  # fmt: skip
        page = ann.client.get(f"/?{urlencode(query)}", follow_redirects=True)
        assert f"<b>{left}</b> left" in page.text, query
    assert ann.client.get("/?status=lost").status_code == 422
    assert ann.client.get("/?period=20222").status_code == 422


def test_one_case_in_ten_comes_at_random(store: Store, app: FastAPI) -> None:
    cases(store, 60)
    desk = app.state.desk
    items = desk.listing(QueueFilter(), ANN)
    drawn = [n for n, item in enumerate(items) if item.in_slice]
    assert 1 <= len(drawn) <= 15
    assert drawn[0] == 9
    assert [i.summary.case_id for i in desk.listing(QueueFilter(), BOB)] == [i.summary.case_id for i in items]


def test_first_in_first_out_is_the_order_of_storing_and_outlives_an_edit(
    store: Store, ann: Person, app: FastAPI
) -> None:
    made = cases(store, 12)
    edit = {"revision": 1, "summary": "FICTIONAL and edited"}
    assert ann.post(f"/cases/{made[0].case_id}/edit", **edit).status_code == 303
    items = app.state.desk.listing(QueueFilter(order=Order.FIFO), ANN)
    assert items.ids() == [one.case_id for one in made]
    assert items.ids() != app.state.desk.listing(QueueFilter(), ANN).ids()
    opened = ann.client.get("/?order=fifo", follow_redirects=True).url
    assert (opened.path, opened.params["order"]) == (f"/cases/{made[0].case_id}", "fifo")


def with_value(name: str, *, weak: bool, disagree: bool) -> Case:
    """A sound case whose look is worth more where its evidence is weak and its estimates differ."""
    made = case(name)
    level = made.outcomes[0]
    first = level.candidates[0]
    if disagree:
        far = estimate(0.9, "2019-03-10", Method.EXPERT)
        first = first.model_copy(update={"estimates": (*first.estimates, far)})
    shown = level.evidence[:1] if weak else level.evidence
    changed = level.model_copy(update={"evidence": shown, "candidates": (first, *level.candidates[1:])})
    return made.model_copy(update={"outcomes": (changed,)})


def test_the_queue_begins_with_what_a_look_is_worth_most(store: Store, app: FastAPI) -> None:
    worth = {"both": (True, True), "weak": (True, False), "disagree": (False, True), "sound": (False, False)}
    drawn = drawing(SETTINGS.slice_seed)
    ids = {}
    for name, (weak, disagree) in worth.items():
        tried = (with_value(f"FICTIONAL {name} {n}", weak=weak, disagree=disagree) for n in range(50))
        made = put(
            store, next(one for one in tried if drawn(one.case_id) % SLICE)
        )  # none of the random tenth
        ids[made.case_id] = name
    items = app.state.desk.listing(QueueFilter(), ANN)
    assert [ids[key] for key in items.ids()] == ["both", "weak", "disagree", "sound"]
    values = [item.digest.value for item in items]
    assert values == sorted(values, reverse=True)
    few = digest(case()).value
    one_source = case().model_copy(update={"sources": case().sources[:1]})
    assert digest(one_source).value > few


def test_the_tenth_is_drawn_by_its_seed_alone(store: Store) -> None:
    ids = [one.case_id for one in cases(store, 60)]
    picked = [
        {i.summary.case_id for i in create_app(store, replace(SETTINGS, slice_seed=s)).state.desk.listing(
            QueueFilter(), ANN) if i.in_slice}
        for s in (0, 0, 1)
    ]  # fmt: skip
    assert picked[0] == picked[1] != picked[2]
    assert picked[0] < set(ids)


def test_an_open_case_is_let_go_when_its_lease_has_ended(
    store: Store, ann: Person, app: FastAPI, clock: Clock
) -> None:
    (made,) = cases(store, 1)
    assert ann.client.get("/", follow_redirects=True).url.path == f"/cases/{made.case_id}"
    bob = enter(app, BOB)
    assert "Nothing to review here" in bob.get("/")
    clock.advance(minutes=14)
    ann.get(f"/progress?case={made.case_id}")  # the open page asks for it, which prolongs the lease
    clock.advance(minutes=14)
    assert "Nothing to review here" in bob.get("/")
    clock.advance(minutes=2)
    assert bob.client.get("/", follow_redirects=True).url.path == f"/cases/{made.case_id}"
