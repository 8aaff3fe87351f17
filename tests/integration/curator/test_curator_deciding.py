"""Deciding, undoing and rejecting by the page, on both databases. All facts FICTIONAL."""

from __future__ import annotations

from datetime import timedelta

from fastapi import FastAPI

from agents.curator.desk import RejectReason
from agents.curator.guidelines import read_guidelines
from corpus.case import Status
from db.repository import Cases
from db.session import Store
from db.tables import EventKind
from tests.reviewing import (
    ANN,
    BOB,
    Clock,
    Person,
    cases,
    decide,
    enter,
    field,
    put,
    status,
)
from tests.storing import case


def test_approve_and_go_on_to_the_next(store: Store, ann: Person) -> None:
    made = cases(store, 2)
    first = ann.client.get("/", follow_redirects=False).headers["location"]
    opened = first.split("/cases/")[1]
    done = decide(ann, opened, "approve", note="fine")
    assert (done.status_code, done.headers["location"].split("?")[0]) == (303, "/")
    assert status(store, opened) is Status.APPROVED
    (other,) = [one.case_id for one in made if one.case_id != opened]
    assert ann.client.get("/", follow_redirects=False).headers["location"] == f"/cases/{other}"
    event = Cases(store).history(opened)[-1]
    assert (event.author, event.reason, event.details["guidelines"]) == (
        ANN,
        "fine",
        read_guidelines(None).version,
    )
    assert "1</b> done today" in ann.get(f"/cases/{other}")


def test_the_same_key_decides_once(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    for _ in range(3):
        assert decide(ann, made.case_id, "approve").status_code == 303
    assert sum(event.kind is EventKind.DECIDED for event in Cases(store).history(made.case_id)) == 1
    assert decide(ann, made.case_id, "reject", reason="duplicate").status_code == 422


def test_what_a_decision_needs(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    broken = put(store, case("FICTIONAL without outcomes", "2019-03-10", outcomes=()))
    for action, more, says in (
        ("needs_work", {}, "Say in the note"),
        ("reject", {}, "Choose a reason"),
        ("reject", {"reason": "other"}, "say it in the note"),
        ("reject", {"reason": "because"}, "is no reason"),
        ("ship", {}, "is no decision"),
    ):
        answer = decide(ann, made.case_id, action, **more)
        assert answer.status_code == 422
        assert says in answer.text
    assert "has 1 errors" in decide(ann, broken.case_id, "approve").text
    assert status(store, made.case_id) is Status.PENDING
    assert decide(ann, "c0", "approve").status_code == 404
    assert decide(ann, made.case_id, "needs_work", note="find a second source").status_code == 303
    assert Cases(store).history(made.case_id)[-1].reason == "find a second source"
    assert (
        decide(ann, broken.case_id, "reject", key="r", reason=RejectReason.NO_CHAIN.value).status_code == 303
    )
    assert Cases(store).history(broken.case_id)[-1].details["reason"] == "no_chain"


def test_undo_reaches_back_twenty_decisions_and_no_further(store: Store, ann: Person, app: FastAPI) -> None:
    made = cases(store, 22)
    for n, one in enumerate(made):
        assert decide(ann, one.case_id, "approve", key=str(n)).status_code == 303
    keys = [Cases(store).history(one.case_id)[-1].key for one in made]
    assert "not among your last 20" in ann.post("/undo", taken=keys[1], key="u1").text
    for again in range(2):
        assert ann.post("/undo", taken=keys[2], key="u2").status_code == 303, again
    assert status(store, made[2].case_id) is Status.PENDING
    assert [event.kind.value for event in Cases(store).history(made[2].case_id)] == [
        "stored",
        "decided",
        "undone",
    ]
    bob = enter(app, BOB)
    assert bob.post("/undo", taken=keys[5], key="u").status_code == 422
    assert ann.post("/undo", taken=keys[1], key="u3").status_code == 303  # the list moved up by one


def test_a_decision_on_an_old_revision_is_answered_by_what_changed(
    store: Store, ann: Person, app: FastAPI
) -> None:
    (made,) = cases(store, 1)
    bob = enter(app, BOB)
    form = {"revision": 1, "summary": "FICTIONAL summary by Bob", "reason": "clearer"}
    assert bob.post(f"/cases/{made.case_id}/edit", **form).status_code == 303
    answer = decide(ann, made.case_id, "approve")
    assert answer.status_code == 409
    assert "FICTIONAL summary by Bob" in answer.text
    assert "FICTIONAL Bob stored revision 2" in answer.text
    assert status(store, made.case_id) is Status.PENDING
    assert decide(ann, made.case_id, "approve", revision=2, key=field(answer.text, "key")).status_code == 303
    assert status(store, made.case_id) is Status.APPROVED


def test_many_are_rejected_at_once_and_none_approved(store: Store, ann: Person) -> None:
    made = cases(store, 3)
    ticked = {f"case.{one.case_id}": "1" for one in made[:2]}
    assert ann.post("/reject", key="b", reason="duplicate", **ticked).status_code == 303
    assert [status(store, one.case_id) for one in made] == [Status.REJECTED, Status.REJECTED, Status.PENDING]
    sneaky = {f"case.{made[2].case_id}": "1"}
    assert ann.post("/reject", key="c", reason="duplicate", action="approve", **sneaky).status_code == 303
    assert status(store, made[2].case_id) is Status.REJECTED
    assert ann.post("/reject", key="d", reason="duplicate").status_code == 422


def test_activity_counts_what_stands(store: Store, ann: Person, clock: Clock) -> None:
    from db.activity import Activity

    made = cases(store, 3)
    for n, one in enumerate(made):
        decide(ann, one.case_id, "approve", key=str(n))
    activity = Activity(store)
    keys = [event.key for event in activity.standing_decisions(ANN, 20)]
    ann.post("/undo", taken=keys[0], key="u")
    assert [event.key for event in activity.standing_decisions(ANN, 20)] == keys[1:]
    start = clock.now - timedelta(hours=1)
    later = clock.now + timedelta(seconds=1)
    assert activity.decided_since(ANN, start, later) == (2, 0)
    assert activity.decided_since(BOB, start) == (0,)
