"""The JSON API, on both databases. All facts FICTIONAL."""

from __future__ import annotations

import json

from fastapi import FastAPI

from db.curators import Curators
from db.session import Store
from tests.reviewing import (
    BOB,
    cases,
    enter,
)


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
