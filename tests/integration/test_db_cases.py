"""Storing, finding, deciding: revisions pile up, nothing is overwritten, decisions are events."""

from __future__ import annotations

import pytest

from corpus.case import Case, Status
from corpus.dates import EventDate
from corpus.errors import InvalidInput, NotFound, OpenProblems, StaleCase
from corpus.problems import Code, error, warning
from db.decisions import Decision, Undo
from db.export import approved_cases
from db.putting import Edit, PutResult
from db.repository import Cases
from db.selection import CaseFilter
from db.session import Store
from db.tables import EventKind
from tests.storing import case, of_run

OPEN = error(Code.DATE_MISSING, "outcomes[0].date", None, "No date.")
LOOK = warning(Code.SINGLE_SOURCE, "outcomes[0]", "example.org", "One publisher.")


def decision(made: Case, revision: int, status: Status, key: str) -> Decision:
    return Decision(made.case_id, revision, status, "FICTIONAL curator", "checked", key, {"guidelines": "1"})


def test_storing_again_changes_nothing(store: Store) -> None:
    cases, made = Cases(store), case()
    first, second = cases.put(made, [LOOK]), cases.put(made, [LOOK])
    assert (first.result, first.revision) == (PutResult.NEW, 1)
    assert (second.result, second.revision) == (PutResult.UNCHANGED, 1)
    assert cases.count() == 1
    assert cases.get(made.case_id).problems == (LOOK,)


def test_other_content_is_a_further_revision(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    put = cases.put(made.model_copy(update={"summary": "More."}))
    assert (put.result, put.revision) == (PutResult.REVISED, 2)
    assert cases.get(made.case_id).case.summary == "More."
    assert cases.get(made.case_id, 1).case == made
    assert cases.count() == 1


def test_a_replay_of_a_run_does_not_bury_a_persons_edit(store: Store) -> None:
    cases, made = Cases(store), of_run(case(), "r1")
    cases.put(made)
    edited = of_run(made.model_copy(update={"summary": "By a person."}), "")
    cases.put(edited, edit=Edit(1, "FICTIONAL curator", "clearer"))
    assert cases.put(made).result is PutResult.UNCHANGED
    assert cases.get(made.case_id).case.summary == "By a person."
    assert cases.put(of_run(made, "r2")).revision == 3  # another run finds it anew: for review


def test_an_edit_of_an_old_revision_is_refused(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    cases.put(made.model_copy(update={"summary": "2"}))
    with pytest.raises(StaleCase, match="at revision 2 by now"):
        cases.put(made.model_copy(update={"summary": "3"}), edit=Edit(1, "FICTIONAL curator", "late"))
    assert cases.get(made.case_id).case.revision == 2


def test_an_approved_revision_stays_exported_until_another_is(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    cases.set_status(decision(made, 1, Status.APPROVED, "k1"))
    cases.put(made.model_copy(update={"summary": "2", "status": Status.APPROVED}))
    assert cases.get(made.case_id).case.status is Status.PENDING
    assert [found.revision for found in approved_cases(store)] == [1]
    cases.set_status(decision(made, 2, Status.APPROVED, "k2"))
    assert [found.revision for found in approved_cases(store)] == [2]
    assert cases.get(made.case_id, 1).case.status is Status.APPROVED


def test_a_case_with_errors_is_never_approved(store: Store) -> None:
    cases, made = Cases(store), case(status=Status.APPROVED)
    assert cases.put(made, [OPEN]).status is Status.PENDING
    with pytest.raises(OpenProblems, match=r"1 errors \(date_missing\)"):
        cases.set_status(decision(made, 1, Status.APPROVED, "k"))
    assert cases.get_approved(made.case_id) is None
    assert len(cases.history(made.case_id)) == 1


def test_a_decision_sent_twice_is_one_event(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    wish = decision(made, 1, Status.REJECTED, "k")
    assert cases.set_status(wish) == cases.set_status(wish)
    stored, decided = cases.history(made.case_id)
    assert (stored.kind, stored.after) == (EventKind.STORED, Status.PENDING)
    assert (decided.before, decided.after, decided.author) == (
        Status.PENDING,
        Status.REJECTED,
        "FICTIONAL curator",
    )
    assert decided.details == {"guidelines": "1"}
    with pytest.raises(InvalidInput, match="a key of its own"):
        cases.set_status(decision(made, 1, Status.APPROVED, "k"))


def test_a_decision_on_an_old_or_unknown_revision_is_refused(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    cases.put(made.model_copy(update={"summary": "2"}))
    with pytest.raises(StaleCase):
        cases.set_status(decision(made, 1, Status.APPROVED, "k"))
    with pytest.raises(NotFound, match="no revision 7"):
        cases.set_status(decision(made, 7, Status.APPROVED, "k"))
    with pytest.raises(NotFound, match="no case"):
        cases.set_status(decision(case("FICTIONAL other"), 1, Status.APPROVED, "k"))


def test_undo_restores_the_status_and_what_was_exported(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    cases.set_status(decision(made, 1, Status.APPROVED, "k1"))
    cases.put(made.model_copy(update={"summary": "2"}))
    cases.set_status(decision(made, 2, Status.APPROVED, "k2"))
    wish = Undo("k2", "FICTIONAL curator", "too soon", "u2")
    assert cases.undo(wish) == cases.undo(wish)
    assert cases.get(made.case_id).case.status is Status.PENDING
    assert [found.revision for found in approved_cases(store)] == [1]
    cases.undo(Undo("k1", "FICTIONAL curator", "too soon", "u1"))
    assert list(approved_cases(store)) == []


def test_undo_is_refused_once_something_else_was_decided(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    cases.set_status(decision(made, 1, Status.APPROVED, "k1"))
    cases.set_status(decision(made, 1, Status.REJECTED, "k2"))
    with pytest.raises(StaleCase, match="is rejected by now"):
        cases.undo(Undo("k1", "FICTIONAL curator", "", "u1"))
    for key in ("nothing", f"stored/{made.case_id}/1"):
        with pytest.raises(InvalidInput, match="no decision"):
            cases.undo(Undo(key, "FICTIONAL curator", "", "u2"))


def test_a_case_is_found_by_id_start_or_slug(store: Store) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    cases.put(case("FICTIONAL rate cut"))
    for key in (made.case_id, made.case_id[:6], made.slug):
        assert cases.get(key).case.case_id == made.case_id
    with pytest.raises(NotFound, match="did you mean fictional-rate-rise-2019-03-10"):
        cases.get("fictional-rate-rises")
    with pytest.raises(InvalidInput, match="fits several"):
        cases.get("c")
    with pytest.raises(NotFound, match="no revision 9; its newest is 1"):
        cases.get(made.case_id, 9)
    for wildcard in ("%", "_", ""):
        with pytest.raises(NotFound):
            cases.get(wildcard)


def test_lists_filter_count_and_page(store: Store) -> None:
    cases = Cases(store)
    for day in range(1, 8):
        cases.put(case(f"FICTIONAL {day}", f"2019-03-0{day}"), [OPEN] if day > 5 else [LOOK])
    health = case("FICTIONAL ward", "2021-Q2", domain="health")
    cases.put(health)
    cases.put(health.model_copy(update={"summary": "2"}))
    assert cases.count() == 8
    assert [found.seed_event for found in cases.list_cases(limit=2, offset=1)] == [
        "FICTIONAL 2",
        "FICTIONAL 3",
    ]
    by_problem = CaseFilter(problem=Code.DATE_MISSING)
    assert cases.count(by_problem) == len(cases.list_cases(by_problem)) == 2
    assert cases.list_cases(by_problem)[0].problem_codes == ("date_missing",)
    in_may = CaseFilter(first_day=EventDate.parse("2021-05").first_day, domains=["health"])
    assert [(found.case_id, found.revision) for found in cases.list_cases(in_may)] == [(health.case_id, 2)]
    assert cases.count(CaseFilter(min_depth=health.depth + 1)) == 0
    assert cases.count(CaseFilter(statuses=[Status.PENDING])) == cases.count_by_status()[Status.PENDING] == 8


def test_export_is_in_the_order_of_ids(store: Store) -> None:
    cases = Cases(store)
    for number in range(30):
        made = case(f"FICTIONAL {number}", status=Status.APPROVED)
        assert cases.put(made).status is Status.APPROVED
    cases.put(case("FICTIONAL pending"))
    ids = [found.case_id for found in approved_cases(store)]
    assert len(ids) == 30
    assert ids == sorted(ids)
    assert list(approved_cases(store, CaseFilter(domains=["health"]))) == []
