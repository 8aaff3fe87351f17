"""Deciding, undoing, editing and weighing by the page, on both databases. All facts FICTIONAL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from agents.curator.application import create_app
from agents.curator.desk import RejectReason
from agents.curator.guidelines import read_guidelines
from corpus.case import Method, Status
from db.curators import Curators
from db.repository import Cases
from db.session import Store
from db.tables import EventKind
from tests.reviewing import ANN, BOB, SETTINGS, Clock, Person, cases, enter, field, put, served
from tests.storing import case


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(store: Store, clock: Clock) -> Iterator[FastAPI]:
    with served(store, clock) as made:
        yield made


@pytest.fixture
def ann(app: FastAPI) -> Person:
    return enter(app)


def decide(person: Person, case_id: str, action: str, revision: int = 1, key: str = "k", **more: str):  # type: ignore[no-untyped-def]
    return person.post(f"/cases/{case_id}/decisions", action=action, revision=revision, key=key, **more)


def status(store: Store, case_id: str) -> Status:
    return Cases(store).get(case_id).case.status


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


def test_two_edits_of_one_revision_are_merged(store: Store, ann: Person, app: FastAPI) -> None:
    (made,) = cases(store, 1)
    bob, at = enter(app, BOB), f"/cases/{made.case_id}/edit"
    assert (
        bob.post(at, revision=1, summary="FICTIONAL by Bob", **{"context[0].text": "Bob's fact"}).status_code
        == 303
    )
    mine = {"summary": "FICTIONAL by Ann", "outcomes[0].note": "Ann's note"}
    answer = ann.post(at, revision=1, reason="better", **mine)
    assert answer.status_code == 409
    assert answer.text.count("both changed it") == 1
    assert field(answer.text, "revision") == "2"
    assert ann.post(at, revision=2, reason="better", **mine).status_code == 303
    newest = Cases(store).get(made.case_id).case
    assert (newest.summary, newest.context[0].text, newest.outcomes[0].note) == (
        "FICTIONAL by Ann",
        "Bob's fact",
        "Ann's note",
    )
    assert newest.revision == 3
    page = ann.get(f"/cases/{made.case_id}/history")
    assert "FICTIONAL by Bob" in page
    assert "better" in page


def boxes(page: str) -> dict[str, str]:
    """The ticked boxes and hidden fields of a merge page, as a browser would send them."""
    found = re.findall(r'<input type="checkbox" name="([^"]+)" value="([^"]*)" checked>', page)
    found += re.findall(r'<input type="hidden" name="(new\.[^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


def test_added_and_removed_parts_are_carried_over_a_merge(store: Store, ann: Person, app: FastAPI) -> None:
    (made,) = cases(store, 1)
    bob, at = enter(app, BOB), f"/cases/{made.case_id}/edit"
    theirs = {"remove.context[0]": "context[0]", "add.candidate[0]": "The crown stays where it is"}
    assert bob.post(at, revision=1, **theirs).status_code == 303
    quoted = "outcomes[0].candidates[1].evidence"
    mine = {
        "add.context": "Ann's fact", "add.candidate[0]": "The crown is replaced", "add.outcome": "Ann's outcome",
        "new.outcome.date": "2019-08-01", f"add.quote.{quoted}": "lost 7 percent",
        f"new.quote.{quoted}.source": made.sources[2].source_id, f"new.quote.{quoted}.role": "refutes",
        "remove.q": "outcomes[0].evidence[1]", "happened[0]": "1", "context[0].text": "Ann's words for what is gone",
    }  # fmt: skip
    answer = ann.post(at, revision=1, **mine)
    assert answer.status_code == 409
    assert "context[0].text: Ann&#39;s words for what is gone" in answer.text
    assert "parts that are gone" in answer.text
    told = re.search(r'name="happened\[0\]" value="(\d)" checked', answer.text)
    assert told is not None
    merged = boxes(answer.text) | {"happened[0]": told[1], "revision": "2", "reason": "merged"}
    assert ann.post(at, **merged).status_code == 303
    newest = Cases(store).get(made.case_id).case
    assert [fact.text for fact in newest.context] == ["Ann's fact"]
    first = newest.outcomes[0]
    assert [c.text for c in first.candidates][2:] == ["The crown stays where it is", "The crown is replaced"]
    assert [c.happened for c in first.candidates] == [False, True, False, False]
    assert first.candidates[1].evidence[0].exact == "lost 7 percent"
    assert len(first.evidence) == 1
    assert (newest.outcomes[1].event, str(newest.outcomes[1].date)) == ("Ann's outcome", "2019-08-01")


def test_a_removal_of_what_the_other_changed_is_not_taken_for_granted(
    store: Store, ann: Person, app: FastAPI
) -> None:
    (made,) = cases(store, 1)
    bob, at = enter(app, BOB), f"/cases/{made.case_id}/edit"
    theirs = {"outcomes[0].candidates[1].fate": "unresolved", "add.outcome": "Bob's outcome"}
    assert bob.post(at, revision=1, **theirs).status_code == 303
    mine = {"remove.x": "outcomes[0].candidates[1]", "add.outcome": "Ann's outcome"}
    answer = ann.post(at, revision=1, **mine)
    assert boxes(answer.text).keys() == set()
    assert "they changed it meanwhile" in answer.text
    assert "yours would follow it" in answer.text


def test_an_estimate_a_value_and_a_source_meet_a_newer_revision(
    store: Store, ann: Person, app: FastAPI
) -> None:
    (made,) = cases(store, 1)
    bob, at = enter(app, BOB), f"/cases/{made.case_id}"
    assert bob.post(f"{at}/edit", revision=1, summary="FICTIONAL by Bob").status_code == 303
    own = {"own.0": "30", "own.1": "60", "own.z": "10"}
    assert ann.post(f"{at}/levels/1/own", revision=1, action="save", **own).status_code == 303
    page = {"url": "https://herald.example.com/new", "text": "FICTIONAL words", "kind": "page", "title": ""}
    assert ann.post(f"{at}/sources", revision=1, **page, published_at="").status_code == 303
    newest = Cases(store).get(made.case_id).case
    assert (newest.revision, newest.summary, len(newest.sources)) == (4, "FICTIONAL by Bob", 5)
    assert newest.outcomes[0].candidates[0].estimates[-1].value == 0.3
    assert (
        bob.post(f"{at}/edit", revision=4, **{"add.candidate[0]": "The crown is replaced"}).status_code == 303
    )
    headers = {"hx-request": "true", "x-csrf-token": ann.csrf}
    stale = ann.client.post(
        f"{at}/levels/1/own", data={"revision": "1", "action": "save", **own}, headers=headers
    )
    assert (stale.status_code, stale.headers["hx-retarget"]) == (409, "#notice")
    assert "What you typed is kept" in stale.text


def test_an_edit_with_faults_stores_nothing_and_keeps_what_was_typed(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    answer = ann.post(
        f"/cases/{made.case_id}/edit", revision=1, seed_date="the 5th", summary="FICTIONAL kept",
        **{"outcomes[0].evidence[0].exact": "words that stand nowhere", "outcomes[0].candidates[1].fate": "maybe"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert "is not a date" in answer.text
    assert "do not stand in the stored text" in answer.text
    assert "is none of refuted" in answer.text
    assert 'value="the 5th"' in answer.text
    assert "FICTIONAL kept" in answer.text
    assert Cases(store).get(made.case_id).case.revision == 1


def test_parts_are_added_and_removed(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    at = f"/cases/{made.case_id}/edit"
    form = {
        "add.context": "FICTIONAL fact", "add.candidate[0]": "The crown stays where it is",
        "add.quote.outcomes[0].candidates[1].evidence": "lost 7 percent",
        "new.quote.outcomes[0].candidates[1].evidence.source": made.sources[2].source_id,
        "new.quote.outcomes[0].candidates[1].evidence.role": "refutes", "remove.context[0]": "context[0]",
    }  # fmt: skip
    assert ann.post(at, revision=1, **form).status_code == 303
    newest = Cases(store).get(made.case_id)
    assert [fact.text for fact in newest.case.context] == ["FICTIONAL fact"]
    level = newest.case.outcomes[0]
    assert [c.text for c in level.candidates][2:] == ["The crown stays where it is"]
    assert level.candidates[1].evidence[0].start == 34
    assert (
        level.remainder.probability_bp is None
    )  # the new candidate has no value yet: a problem, not a guess
    assert "undistributed" in {problem.code.value for problem in newest.problems}
    back = {"remove.x": "outcomes[0].candidates[2]"}
    assert ann.post(at, revision=2, **back).status_code == 303
    assert Cases(store).get(made.case_id).case.outcomes[0].remainder.probability_bp == 2000


def test_the_own_estimate_comes_first_and_only_at_exactly_100(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    at = f"/cases/{made.case_id}"
    before = ann.get(at)
    assert "after yours" in before
    assert "retrospective" not in before
    assert "55 %" not in before
    assert "55 %" not in ann.get(f"{at}/evidence?path=outcomes[0].candidates[1]")
    assert "55 %" in ann.get(f"{at}?reveal=1")
    own = f"{at}/levels/1/own"
    wrong = ann.post(own, revision=1, action="save", **{"own.0": "30", "own.1": "60", "own.z": "5"})
    assert wrong.status_code == 422
    assert "sum to exactly 100 %" in wrong.text
    assert Cases(store).get(made.case_id).case.revision == 1
    scaled = ann.post(own, revision=1, action="rescale", **{"own.0": "30", "own.1": "60", "own.z": "5"})
    assert scaled.status_code == 200
    shares = {name: field(scaled.text.replace(' class="share" inputmode="decimal" autocomplete="off" ', ""), name)
              for name in ("own.0", "own.1", "own.z")}  # fmt: skip
    assert sum(round(100 * float(value)) for value in shares.values()) == 10_000
    assert ann.post(own, revision=1, action="save", **shares).status_code == 303
    newest = Cases(store).get(made.case_id).case
    estimate = newest.outcomes[0].candidates[0].estimates[-1]
    assert (estimate.method, estimate.venue, estimate.value) == (Method.RETROSPECTIVE, ANN, 0.3158)
    assert estimate.as_of == newest.as_of(1)
    assert "55 %" in ann.get(at)
    again = {"own.0": "20", "own.1": "70", "own.z": "10"}
    assert ann.post(own, revision=2, action="save", **again).status_code == 303
    values = [e.value for e in Cases(store).get(made.case_id).case.outcomes[0].candidates[0].estimates]
    assert values == [0.25, 0.2]


def test_a_value_of_a_dated_source(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    at = f"/cases/{made.case_id}/levels/1/values"
    form = {
        "candidate": "1", "method": "expert", "value": "60", "low": "50", "high": "70", "as_of": "2019-03-08",
        "source": made.sources[3].source_id, "quote": "Analysts expect the crown to rise", "venue": "", "samples": "",
    }  # fmt: skip
    assert "do not stand" in ann.post(at, revision=1, **(form | {"quote": "60 %"})).text
    assert ann.post(at, revision=1, **(form | {"value": "160"})).status_code == 422
    assert ann.post(at, revision=1, **form).status_code == 303
    newest = Cases(store).get(made.case_id).case
    estimate = newest.outcomes[0].candidates[1].estimates[-1]
    assert (estimate.method, estimate.low, estimate.venue) == (Method.EXPERT, 0.5, "example.info")
    assert newest.outcomes[0].candidates[1].probability_bp == 6000


def test_a_case_by_hand_from_seed_to_queue(store: Store, ann: Person) -> None:
    assert ann.post("/new", seed_event="", seed_date="x", domain="economics").status_code == 422
    begun = ann.post("/new", seed_event="FICTIONAL bank fails", seed_date="2019-03", domain="economics")
    key = begun.headers["location"].split("/")[2]
    source = {
        "url": "https://herald.example.com/bank", "title": "Bank", "published_at": "2019-03-20", "kind": "page",
        "text": "FICTIONAL. The bank failed in March 2019.",
    }  # fmt: skip
    assert (
        ann.post(f"/cases/{key}/sources", revision=1, **(source | {"url": "javascript:1"})).status_code == 422
    )
    assert ann.post(f"/cases/{key}/sources", revision=1, **source).status_code == 303
    held = Cases(store).get(key).case.sources[0]
    form = {
        "add.quote.seed_evidence": "The bank failed", "new.quote.seed_evidence.source": held.source_id,
        "add.outcome": "FICTIONAL depositors are paid", "new.outcome.date": "2019-06-01",
    }  # fmt: skip
    assert ann.post(f"/cases/{key}/edit", revision=2, **form).status_code == 303
    stored = Cases(store).get(key).case
    assert (stored.status, stored.depth, stored.seed_evidence[0].start) == (Status.DRAFT, 1, 11)
    assert decide(ann, key, "submit", revision=3).status_code == 303
    assert status(store, key) is Status.PENDING


def test_many_are_rejected_at_once_and_none_approved(store: Store, ann: Person) -> None:
    made = cases(store, 3)
    ticked = {f"case.{one.case_id}": "1" for one in made[:2]}
    assert ann.post("/reject", key="b", reason="duplicate", **ticked).status_code == 303
    assert [status(store, one.case_id) for one in made] == [Status.REJECTED, Status.REJECTED, Status.PENDING]
    sneaky = {f"case.{made[2].case_id}": "1"}
    assert ann.post("/reject", key="c", reason="duplicate", action="approve", **sneaky).status_code == 303
    assert status(store, made[2].case_id) is Status.REJECTED
    assert ann.post("/reject", key="d", reason="duplicate").status_code == 422


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


def test_the_api_has_the_same_rights_and_says_what_it_offers(store: Store, app: FastAPI) -> None:
    (made, other) = cases(store, 2)
    token = Curators(store).replace_token(BOB)
    client = enter(app).client
    client.cookies.clear()
    client.headers["authorization"] = f"Bearer {token}"
    listed = client.get("/api/cases").json()
    assert {row["case_id"] for row in listed} == {made.case_id, other.case_id}
    body = {"revision": 1, "action": "approve", "key": "one"}
    first = client.post(f"/api/cases/{made.case_id}/decisions", json=body)
    assert first.json() == client.post(f"/api/cases/{made.case_id}/decisions", json=body).json()
    assert first.json()["author"] == BOB
    undone = client.post("/api/undo", json={"taken": first.json()["key"], "key": "two"}).json()
    assert (undone["kind"], undone["after"]) == ("undone", "pending")
    got = client.get(f"/api/cases/{other.case_id}").json()
    changed = got["case"] | {"summary": "FICTIONAL by program"}
    edit = {"based_on": 1, "reason": "test", "case": changed}
    assert client.put(f"/api/cases/{other.case_id}", json=edit).json()["revision"] == 2
    edit["case"] = got["case"] | {"summary": "FICTIONAL too late"}
    stale = client.put(f"/api/cases/{other.case_id}", json=edit)
    assert (stale.status_code, stale.json()["error"]) == (409, "StaleCase")
    assert (
        client.post(f"/api/cases/{made.case_id}/decisions", json=body | {"action": "ship"}).status_code == 422
    )
    described = client.get("/api/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/cases", "/api/cases/{case_id}", "/api/cases/{case_id}/history", "/api/cases/{case_id}/decisions",
        "/api/undo", "/api/guidelines",
    }  # fmt: skip
    assert json.dumps(described)


def test_one_case_in_ten_comes_at_random(store: Store, app: FastAPI) -> None:
    cases(store, 60)
    desk = app.state.desk
    from agents.curator.queue import QueueFilter

    items = desk.listing(QueueFilter(), ANN)
    drawn = [n for n, item in enumerate(items) if item.in_slice]
    assert 1 <= len(drawn) <= 15
    assert drawn[0] == 9
    assert [i.summary.case_id for i in desk.listing(QueueFilter(), BOB)] == [i.summary.case_id for i in items]


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


def test_going_back_to_an_earlier_text_is_a_new_revision(store: Store, ann: Person) -> None:
    made = case("FICTIONAL of a run", "2019-03-10")
    made = put(
        store, made.model_copy(update={"provenance": made.provenance.model_copy(update={"run_id": "r1"})})
    )
    at = f"/cases/{made.case_id}/edit"
    assert ann.post(at, revision=1, summary="FICTIONAL other").status_code == 303
    assert ann.post(at, revision=2, summary="").status_code == 303
    newest = Cases(store).get(made.case_id).case
    assert (newest.revision, newest.summary) == (3, "")
