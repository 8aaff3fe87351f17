"""Trees are served to nobody without a key, under no foreign name, to no foreign page, and never without bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.serving import ASKED, BEARER, HOST, KEY, OTHER_KEY, Paced, app_of, client, settings
from tests.web_trust import FOREIGN_HOSTS, FOREIGN_ORIGIN, check_cookie, check_policy, routes
from training.inference import ProbabilityTreeInference
from training.serve.access import COOKIE, CSRF_HEADER, SESSION_S
from training.serve.application import make_app
from training.serve.pages import STATIC_FILES

OPEN = {"/enter", "/static/{name}", "/health"}
GUARDED = {"/", "/openapi.json", "/metrics", "/generate_tree", "/generate_tree/stream"}


@pytest.fixture
def app() -> FastAPI:
    return app_of(Paced())


@pytest.fixture
def asking(app: FastAPI) -> Iterator[TestClient]:
    with client(app) as made:
        yield made


def filled(path: str) -> str:
    return path.replace("{name}", "forecast.css")


def entered(app: FastAPI, asking: TestClient) -> str:
    """Enter by the one-time link; gives the page's CSRF token."""
    assert asking.get(f"/enter?token={app.state.gate.one_time_token()}").status_code == 200
    found = re.search(r'name="csrf" content="(\w+)"', asking.get("/").text)
    assert found
    return found[1]


def test_the_routes_are_these_and_no_others(app: FastAPI, asking: TestClient) -> None:
    assert {path for _, path in routes(app)} == OPEN | GUARDED
    for path in ("/docs", "/redoc", "/nowhere", "/static/../settings.py", "/static/index.html"):
        assert asking.get(path).status_code == 404


def test_every_guarded_route_refuses_a_stranger(app: FastAPI, asking: TestClient) -> None:
    tried = 0
    for method, path in routes(app):
        if path in OPEN:
            continue
        for headers in ({}, {"authorization": "Bearer guess"}, {"authorization": f"Basic {KEY}"},
                        {"cookie": f"{COOKIE}=cGFnZQ==.99999999999.aa.bb"}, {"cookie": f"{COOKIE}=é"}):  # fmt: skip
            sent = {name: value.encode() for name, value in headers.items()}
            answer = asking.request(method, path, headers=sent, json=ASKED if method == "POST" else None)
            assert answer.status_code == 401, (method, path, headers)
            assert "grain" not in answer.text
            tried += 1
    assert tried == 5 * len(GUARDED)


def test_every_route_refuses_a_foreign_host_and_origin(app: FastAPI, asking: TestClient) -> None:
    for method, path in routes(app):
        for host in FOREIGN_HOSTS:
            answer = asking.request(method, filled(path), headers=BEARER | {"host": host})
            assert answer.status_code == 403, (method, path, host)
        if method != "GET":
            foreign = BEARER | FOREIGN_ORIGIN
            assert asking.request(method, filled(path), headers=foreign, json=ASKED).status_code == 403


def test_the_page_needs_the_token_of_its_session(app: FastAPI, asking: TestClient) -> None:
    csrf = entered(app, asking)
    for method, path in routes(app):
        if method != "POST" or path in OPEN:
            continue
        for headers in ({}, {CSRF_HEADER: "0" * 64}, {CSRF_HEADER: "é"}):
            sent = {name: value.encode() for name, value in headers.items()}
            assert asking.post(path, json=ASKED, headers=sent).status_code == 403, path
        assert asking.post(path, json=ASKED, headers={CSRF_HEADER: csrf}).status_code == 200, path


def test_a_link_lets_in_once_and_a_key_as_often_as_it_is_typed(app: FastAPI, asking: TestClient) -> None:
    token = app.state.gate.one_time_token()
    first = asking.get(f"/enter?token={token}")
    check_cookie(first.headers["set-cookie"])
    assert asking.get("/").status_code == 200
    asking.cookies.clear()
    assert asking.get(f"/enter?token={token}").status_code == 401
    assert asking.get("/").status_code == 401
    for _ in range(2):
        asking.cookies.clear()
        assert asking.post("/enter", data={"key": "wrong"}).status_code == 401
        assert asking.post("/enter", data={"key": OTHER_KEY}).status_code == 200
        assert asking.get("/").status_code == 200


def test_a_session_ends_in_time_and_with_the_server() -> None:
    now = [1000.0]
    made = make_app(settings(), ProbabilityTreeInference("x", engine=Paced()), clock=lambda: now[0])
    with client(made) as asking:
        entered(made, asking)
        now[0] += SESSION_S + 1
        assert asking.get("/").status_code == 401
    now[0] = 1000.0
    other = app_of(Paced())
    with TestClient(other, base_url=f"http://{HOST}", cookies=asking.cookies) as again:
        assert again.get("/").status_code == 401


def test_every_answer_carries_the_policy_and_pages_hold_no_inline_script(
    app: FastAPI, asking: TestClient
) -> None:
    entered(app, asking)
    paths = [filled(path) for method, path in routes(app) if method == "GET"]
    for path in [*paths, "/nowhere"]:
        answer = asking.get(path)
        check_policy(path, answer.headers, answer.text)
    for name in STATIC_FILES:
        assert asking.get(f"/static/{name}").status_code == 200
        assert "innerHTML" not in asking.get(f"/static/{name}").text


def test_a_large_or_endless_request_is_refused_before_it_is_read(asking: TestClient) -> None:
    answer = asking.post("/generate_tree", headers=BEARER, content=b'{"event": "' + b"x" * 70_000 + b'"}')
    assert answer.status_code == 413
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1
            yield b"x" * 8192

    assert asking.post("/generate_tree", headers=BEARER, content=endless()).status_code == 413


def test_a_key_that_asks_too_often_waits_and_others_do_not(asking: TestClient) -> None:
    app = app_of(Paced(), a_minute=60, burst=3)
    with client(app) as made:
        statuses = [made.post("/generate_tree", json=ASKED, headers=BEARER).status_code for _ in range(5)]
        late = made.post("/generate_tree/stream", json=ASKED, headers=BEARER)
        other = made.post("/generate_tree", json=ASKED, headers={"authorization": f"Bearer {OTHER_KEY}"})
    assert statuses == [200, 200, 200, 429, 429]
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1
    assert other.status_code == 200


def test_hostile_text_stays_text(app: FastAPI, asking: TestClient) -> None:
    app.state.inference.name = '<img src=x onerror="alert(1)">'
    entered(app, asking)
    shown = asking.get("/").text
    assert "<img src=x" not in shown
    assert "&lt;img src=x" in shown
