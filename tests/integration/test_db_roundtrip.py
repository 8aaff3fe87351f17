"""A case comes back as it was stored, whatever it says; from JSON too."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from corpus.case import Case
from corpus.identity import case_json, content_hash
from corpus.validation import validate
from db.mapping import from_row, to_row
from db.putting import put_case
from db.session import Store
from db.tables import CaseRow, RevisionRow
from tests.strategies import cases

WIDE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@WIDE
@given(cases())
def test_a_case_survives_its_json(case: Case) -> None:
    again = Case.model_validate_json(case_json(case))
    assert again == case
    assert case_json(again) == case_json(case)
    assert content_hash(again) == content_hash(case)


@WIDE
@given(cases())
def test_a_case_survives_either_database(store: Store, case: Case) -> None:
    problems = validate(case)
    with store.writing() as session:
        session.add(CaseRow(case_id=case.case_id, slug="any", newest=1))
        session.flush()
        session.add(to_row(case, problems))
        session.flush()
        session.expunge_all()
        found = from_row(session.get_one(RevisionRow, (case.case_id, case.revision)))
        session.rollback()
    assert found.case == case
    assert list(found.problems) == problems
    assert found.content_hash == content_hash(case)


@WIDE
@given(cases())
def test_what_is_searched_agrees_with_the_case(store: Store, case: Case) -> None:
    with store.writing() as session:
        put = put_case(session, case, validate(case), case.provenance.created_at)
        row = session.get_one(RevisionRow, (put.case_id, put.revision))
        session.flush()
        session.refresh(row)
        assert (row.seed_first_day, row.seed_last_day) == (case.seed_date.first_day, case.seed_date.last_day)
        assert row.created_at == case.provenance.created_at
        assert (row.depth, row.domain, row.run_id) == (case.depth, case.domain, case.provenance.run_id)
        codes = {problem.code.value for problem in validate(case)}
        assert set(row.problem_codes.split()) == codes
        session.rollback()
