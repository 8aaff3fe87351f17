"""Nothing is served to a stranger, to a foreign page or under a foreign name; hostile text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from agents.curator.access import COOKIE
from corpus.case import ContextFact
from corpus.identity import source_id, text_sha256
from db.curators import Curators
from db.session import Store, open_store
from tests.builders import quote, source
from tests.reviewing import ANN, HOST, SETTINGS, Clock, enter, put, served
from tests.storing import case
from tests.web_trust import FOREIGN_HOSTS, FOREIGN_ORIGIN, check_cookie, check_policy, routes

OPEN = {"/enter", "/static/{name}"}
CHANGING = {
    ("POST", "/cases/{case_id}/decisions"), ("POST", "/cases/{case_id}/skip"), ("POST", "/undo"), ("POST", "/reject"),
    ("POST", "/cases/{case_id}/edit"), ("POST", "/cases/{case_id}/sources"), ("POST", "/new"), ("POST", "/leave"),
    ("POST", "/cases/{case_id}/levels/{depth}/own"), ("POST", "/cases/{case_id}/levels/{depth}/values"),
    ("POST", "/api/cases/{case_id}/decisions"), ("POST", "/api/undo"), ("PUT", "/api/cases/{case_id}"),
}  # fmt: skip
READING = {
    "/", "/cases/{case_id}", "/cases/{case_id}/evidence", "/cases/{case_id}/history", "/cases/{case_id}/edit", "/new",
    "/guidelines", "/overview", "/progress", "/api/cases", "/api/cases/{case_id}", "/api/cases/{case_id}/history",
    "/api/guidelines", "/api/openapi.json",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: object, sqlite_template: object) -> Iterator[Store]:
    import shutil

    opened = open_store(str(shutil.copy(sqlite_template, f"{tmp_path}/cases.sqlite")))  # type: ignore[call-overload]
    yield opened
    opened.close()


@pytest.fixture
def app(store: Store) -> Iterator[FastAPI]:
    put(store, case())
    with served(store) as made:
        yield made


def filled(path: str) -> str:
    return path.replace("{case_id}", case().case_id).replace("{depth}", "1").replace("{name}", "review.css")


def test_the_routes_are_these_and_no_others(app: FastAPI) -> None:
    assert set(routes(app)) == CHANGING | {("GET", path) for path in READING | OPEN}
    client = TestClient(app, base_url=f"http://{HOST}")
    for path in (
        "/docs",
        "/redoc",
        "/openapi.json",
        "/nowhere",
        "/static/../settings.py",
        "/static/review.html",
    ):
        assert client.get(path).status_code == 404


def test_every_route_refuses_a_stranger(app: FastAPI) -> None:
    client = TestClient(app, base_url=f"http://{HOST}")
    for method, path in routes(app):
        if path in OPEN:
            continue
        answer = client.request(method, filled(path), follow_redirects=False)
        assert answer.status_code == 401, (method, path)
        assert "FICTIONAL" not in answer.text
        client.cookies.set(COOKIE, "forged.99999999999.aa.bb")
        assert client.request(method, filled(path), follow_redirects=False).status_code == 401
        bearer = {"authorization": "Bearer guess"}
        assert client.request(method, filled(path), headers=bearer, follow_redirects=False).status_code == 401
        client.cookies.clear()


def test_every_change_needs_the_forms_token(app: FastAPI) -> None:
    ann = enter(app)
    changing = [(method, path) for method, path in routes(app) if method != "GET"]
    assert len(changing) == len(CHANGING)
    for method, path in changing:
        for sent in ({}, {"data": {"csrf": "0" * 64}}, {"headers": {"x-csrf-token": "guess"}}):
            answer = ann.client.request(method, filled(path), follow_redirects=False, **sent)
            assert answer.status_code == 403, (method, path, sent)


def test_every_route_refuses_a_foreign_host_and_origin(app: FastAPI) -> None:
    ann = enter(app)
    for method, path in routes(app):
        for host in FOREIGN_HOSTS:
            answer = ann.client.request(method, filled(path), headers={"host": host}, follow_redirects=False)
            assert answer.status_code == 403, (method, path, host)
        if method != "GET":
            foreign = FOREIGN_ORIGIN | {"x-csrf-token": ann.csrf}
            assert ann.client.request(method, filled(path), headers=foreign).status_code == 403


def test_every_answer_carries_the_policy_and_pages_hold_no_inline_script(app: FastAPI) -> None:
    ann = enter(app)
    for method, path in routes(app):
        if method != "GET":
            continue
        answer = ann.client.get(filled(path), params={"path": "seed"})
        check_policy(path, answer.headers, answer.text)


def test_a_link_lets_in_once_and_a_personal_one_until_it_is_replaced(app: FastAPI, store: Store) -> None:
    token = app.state.gate.one_time_token(ANN)
    client = TestClient(app, base_url=f"http://{HOST}")
    first = client.get(f"/enter?token={token}")
    assert first.status_code == 200
    check_cookie(first.headers["set-cookie"])
    assert TestClient(app, base_url=f"http://{HOST}").get(f"/enter?token={token}").status_code == 401
    own = Curators(store).replace_token(ANN)
    assert client.get("/guidelines").status_code == 401  # the old session ended with the old token
    assert client.get(f"/enter?token={own}").status_code == 200
    assert client.get("/guidelines").status_code == 200


def test_a_session_ends_in_time_and_outlives_a_restart(store: Store) -> None:
    clock = Clock()
    with served(store, clock) as app:
        ann = enter(app)
    from agents.curator.application import create_app

    again = TestClient(
        create_app(store, SETTINGS, clock), base_url=f"http://{HOST}", cookies=ann.client.cookies
    )
    assert again.get("/guidelines").status_code == 200
    clock.advance(hours=13)
    assert again.get("/guidelines").status_code == 401


HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)">',
    "{{ 7*7 }} {% raw %} ${7*7} #{7*7}",
    "abc\u202egpj.exe\u2066 \u200b",
    "</title></textarea><svg/onload=alert(3)>",
    "\" autofocus onfocus=alert(4) x='",
)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_text_is_shown_as_text(app: FastAPI, store: Store, words: str) -> None:
    text = f"Before. {words} After."
    address = "javascript:alert(document.cookie)"
    evil = source("https://evil.example.com/x", text, "2019-03-09", title=words).model_copy(
        update={"url": address, "source_id": source_id(address, text_sha256(text)), "publisher": words}
    )
    base = case(f"FICTIONAL {words}", "2019-03-10")
    level = base.outcomes[0]
    first = level.candidates[0].model_copy(update={"text": words, "evidence": (quote(evil, words, start=8),)})
    said = {"event": words, "note": words}
    made = base.model_copy(
        update={
            "summary": words, "sources": (*base.sources, evil), "context": (ContextFact(text=words),),
            "outcomes": (level.model_copy(update=said | {"candidates": (first, *level.candidates[1:])}),),
        }
    )  # fmt: skip
    put(store, made)
    from db.documents import Documents
    from db.mapping import StoredDocument

    Documents(store).put([StoredDocument(evil, text)])
    ann = enter(app)
    at = f"/cases/{made.case_id}"
    pages = [
        ann.get(at), ann.get(f"{at}/edit"), ann.get(f"{at}/history"), ann.get("/overview"),
        ann.get(f"{at}/evidence?path=outcomes[0].candidates[0]"), ann.get(f"{at}?claim=outcomes[0].candidates[0]"),
    ]  # fmt: skip
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<svg/onload" not in page
        assert 'href="javascript:' not in page
        assert not re.search(r"\sonfocus=alert|autofocus onfocus", re.sub(r"&#34;.*?&#39;", "", page))
        assert "49" not in re.findall(r">\s*49\s*<", page)
    if "\u202e" in words:
        assert "⟨U+202E⟩gpj.exe⟨U+2066⟩" in pages[0]
        assert "\u202e" not in pages[0]
    assert "(not a web address)" in pages[4]


def test_a_quotation_of_a_megabyte_is_cut_with_a_count(app: FastAPI, store: Store) -> None:
    long = "x" * 1_000_000
    page_source = source("https://long.example.com/x", long, "2019-03-09")
    base = case("FICTIONAL long quotation", "2019-03-10")
    fact = ContextFact(text=long, evidence=(quote(page_source, long),))
    made = base.model_copy(update={"context": (fact,), "sources": (*base.sources, page_source)})
    put(store, made)
    ann = enter(app)
    page = ann.get(f"/cases/{made.case_id}?claim=context[0]")
    assert len(page) < 200_000
    assert "998,000 more characters" in page
    fragment = ann.get(f"/cases/{made.case_id}/evidence?path=context[0]")
    assert len(fragment) < 20_000
