"""Curators and leases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from corpus.errors import InvalidInput, NotFound
from db.curators import Curators, Leases
from db.repository import Cases
from db.session import Store
from tests.storing import case

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_curator_is_known_by_a_token_that_is_not_stored(store: Store) -> None:
    curators = Curators(store)
    token = curators.add("FICTIONAL Ann")
    assert curators.whose(token) == "FICTIONAL Ann"
    assert curators.whose("guess") is None
    for name in ("FICTIONAL Ann", " ", "a\0b"):
        with pytest.raises(InvalidInput, match="cannot be called"):
            curators.add(name)
    newer = curators.replace_token("FICTIONAL Ann")
    assert (curators.whose(token), curators.whose(newer)) == (None, "FICTIONAL Ann")
    assert curators.names() == ["FICTIONAL Ann"]
    with pytest.raises(NotFound):
        curators.replace_token("FICTIONAL Bob")


def test_a_lease_keeps_others_out_until_it_ends(store: Store) -> None:
    now = NOON
    ann, bob = "FICTIONAL Ann", "FICTIONAL Bob"
    for name in (ann, bob):
        Curators(store).add(name)
    made = case()
    Cases(store).put(made)
    leases = Leases(store, timedelta(minutes=10), lambda: now)
    assert leases.take(made.case_id, ann).until == NOON + timedelta(minutes=10)
    now += timedelta(minutes=9)
    assert leases.take(made.case_id, bob).curator == ann
    assert leases.held(by_others_than=ann) == {}
    assert list(leases.held(by_others_than=bob)) == [made.case_id]
    now += timedelta(minutes=1)
    assert leases.take(made.case_id, bob).curator == bob
    leases.give_back(made.case_id, ann)
    assert leases.held()[made.case_id].curator == bob
    leases.give_back(made.case_id, bob)
    assert leases.held() == {}
    with pytest.raises(NotFound):
        leases.take("c0", ann)
