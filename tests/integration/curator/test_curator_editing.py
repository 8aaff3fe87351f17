"""Editing a case by its form, from a first draft to a further revision, on both databases. All facts FICTIONAL."""

from __future__ import annotations

from corpus.case import Status
from db.repository import Cases
from db.session import Store
from tests.reviewing import (
    Person,
    cases,
    decide,
    put,
    status,
)
from tests.storing import case


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
