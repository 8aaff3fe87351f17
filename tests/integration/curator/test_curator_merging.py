"""Two people who edit one case meet in a merge, on both databases. All facts FICTIONAL."""

from __future__ import annotations

import re
from html import unescape

from fastapi import FastAPI

from db.repository import Cases
from db.session import Store
from tests.reviewing import (
    BOB,
    Person,
    cases,
    enter,
    field,
)


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
    assert "fact 1, text: Ann&#39;s words for what is gone" in answer.text
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
