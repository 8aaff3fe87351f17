"""What has changed is seen once, in whatever order it is committed; idle connections are checked. All FICTIONAL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from corpus.case import Status
from corpus.problems import Code, warning
from db.changes import GAP_SECONDS, Changes
from db.curators import Curators
from db.decisions import Decision
from db.mapping import event_to_row
from db.repository import Cases
from db.selection import CaseFilter
from db.session import Store, open_store
from tests.postgres import PostgresServer
from tests.storing import case, of_run

START = datetime(2024, 5, 1, tzinfo=UTC)


def test_stored_edited_decided_and_skipped_cases_are_seen_once(store: Store) -> None:
    cases, changes = Cases(store), Changes(store)
    one = cases.put(case("FICTIONAL one")).case_id
    assert changes.look() is None
    assert changes.look() == frozenset()
    two = cases.put(case("FICTIONAL two")).case_id
    cases.set_status(Decision(one, 1, Status.APPROVED, "Ann", "", "k"))
    assert changes.look() == {one, two}
    assert changes.look() == frozenset()


def test_a_number_that_is_committed_late_is_not_missed(
    postgres: PostgresServer, postgres_template: str
) -> None:
    name = postgres.create(postgres_template)
    store, now = open_store(postgres.url(name)), [START]
    cases, changes = Cases(store), Changes(store, lambda: now[0])
    slow, quick = (cases.put(case(f"FICTIONAL {n}")).case_id for n in range(2))
    assert changes.look() is None
    told = cases.history(slow)[0]
    with store.writing() as session:  # takes its number, and stays open while the other is committed
        session.add(event_to_row(replace(told, key="late")))
        session.flush()
        cases.set_status(Decision(quick, 1, Status.APPROVED, "Ann", "", "k"))
        assert changes.look() == {quick}
        assert changes.look() == frozenset()
    assert changes.look() == {slow}
    with store.writing() as session:  # a number that never comes is given up
        session.add(event_to_row(replace(told, key="never")))
        session.flush()
        session.rollback()
    cases.set_status(Decision(slow, 1, Status.APPROVED, "Ann", "", "k2"))
    assert changes.look() == {slow}
    assert changes._gaps
    now[0] += timedelta(seconds=GAP_SECONDS + 1)
    changes.look()
    assert not changes._gaps
    store.close()
    postgres.drop(name)


def test_a_connection_that_died_while_idle_is_replaced(
    postgres: PostgresServer, postgres_template: str
) -> None:
    name = postgres.create(postgres_template)
    store, other = open_store(postgres.url(name)), open_store(postgres.url(name))
    event.listen(store.engine, "checkin", _long_ago)
    assert Curators(store).names() == []
    with other.engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert Curators(store).names() == []
    store.close()
    other.close()
    postgres.drop(name)


def _long_ago(connection: Any, record: Any) -> None:
    record.info["returned"] = float("-inf")


FILTERS = st.builds(
    CaseFilter,
    statuses=st.sampled_from([(), (Status.PENDING,), (Status.APPROVED, Status.DRAFT)]),
    domains=st.sampled_from([(), ("economics",), ("health", "climate")]),
    first_day=st.none() | st.just(START.date().replace(year=2019)),
    last_day=st.none() | st.just(START.date().replace(year=2019)),
    min_depth=st.integers(0, 2),
    run_id=st.none() | st.sampled_from(["", "r1"]),
    problem=st.none() | st.sampled_from([Code.UNIFORM, Code.SUM]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILTERS)
def test_a_filter_in_memory_lets_through_what_the_store_does(store: Store, chosen: CaseFilter) -> None:
    cases = Cases(store)
    if not cases.count():
        fill(cases)
    everything = cases.list_cases()
    assert [c.case_id for c in everything if chosen.fits(c)] == [c.case_id for c in cases.list_cases(chosen)]


def fill(cases: Cases) -> None:
    """Cases of every kind that the filters ask for."""
    for n, (date, domain, run) in enumerate(
        product(("2018-12-31", "2019", "2020-Q1"), ("economics", "health"), ("", "r1"))
    ):
        made = of_run(case(f"FICTIONAL {n}", date, domain=domain), run)
        made = made if n % 3 else made.model_copy(update={"outcomes": ()})
        flagged = [warning(Code.UNIFORM, "outcomes[0]", 1, "FICTIONAL")] if n % 2 else []
        put = cases.put(made, flagged)
        if n % 4 == 0:
            cases.set_status(Decision(put.case_id, 1, Status.APPROVED, "Ann", "", f"k{n}"))
