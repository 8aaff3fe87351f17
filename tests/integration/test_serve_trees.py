"""What the server of trees answers: whole trees, levels as they come, from the cache, late, busy, broken. FICTIONAL."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from corpus.errors import EngineFault, InvalidFile
from evaluation.tree import ProbabilityTree
from tests.serving import ASKED, BEARER, EVENT, HOST, Paced, app_of, client, kept_in
from training.inference import ProbabilityTreeInference
from training.serve.cache import TreeCache, tree_key
from training.trees import Effort


def sample(text: str, name: str) -> float:
    """The value of one metric."""
    return float(next(line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name)))


def test_the_seeds_request_gets_a_tree() -> None:
    with client(app_of(Paced())) as asking:
        answer = asking.post("/generate_tree", json={"event": EVENT, "context": "calm"}, headers=BEARER)
    assert answer.status_code == 200
    assert answer.headers["x-tree-cache"] == "miss"
    tree = ProbabilityTree.model_validate_json(answer.content)
    assert (tree.seed, tree.context, tree.complete, tree.model) == (EVENT, "calm", True, "scripted")
    assert tree.depth == 3


@pytest.mark.parametrize(
    ("context", "facts"),
    [
        ("one\n two ", "one\ntwo"),
        ({"gdp_growth": "0.6%", "hikes": 4}, "gdp growth: 0.6%\nhikes: 4"),
        (["a", "b"], "a\nb"),
    ],
)
def test_a_context_is_a_text_an_object_or_a_list(context: object, facts: str) -> None:
    with client(app_of(Paced())) as asking:
        asked = {"seed_event": EVENT, "context": context, "depth": 1}
        answer = asking.post("/generate_tree", json=asked, headers=BEARER)
    assert answer.json()["context"] == facts


def test_levels_come_as_lines_and_the_tree_last() -> None:
    with client(app_of(Paced())) as asking:
        whole = asking.post("/generate_tree", json=ASKED | {"seed": 7}, headers=BEARER).json()
        answer = asking.post("/generate_tree/stream", json=ASKED, headers=BEARER)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["event"] for line in lines] == ["level", "level", "level", "level", "tree"]
    assert [line["path"] for line in lines[:-1]] == [[], [0], [1], [2]]
    assert lines[-1]["tree"] == whole
    for line in lines[:-1]:
        assert sum(b["probability"] for b in line["branches"]) + line["remainder"] == pytest.approx(1)


def test_a_tree_made_before_is_not_made_again_even_after_a_restart(tmp_path: Path) -> None:
    engine = Paced()
    for expected in ("miss", "hit"):
        with client(app_of(engine, cache=kept_in(tmp_path))) as asking:
            answer = asking.post("/generate_tree", json=ASKED, headers=BEARER)
            assert answer.headers["x-tree-cache"] == expected
            again = asking.post("/generate_tree/stream", json=ASKED, headers=BEARER)
            lines = again.text.splitlines()
            assert json.loads(lines[-1])["cached"] is True
            assert json.loads(lines[-1])["tree"] == answer.json()
            assert len(lines) == 1
            text = asking.get("/metrics", headers=BEARER).text
            assert sample(text, "psychohistory_cached_trees") == 1
    assert engine.lists_written == 4
    with client(app_of(engine, cache=kept_in(tmp_path))) as asking:
        for change in (
            {"seed": 5},
            {"as_of": "1950-03-02"},
            {"context": "x"},
            {"horizon": 12},
            {"branches": 2},
        ):
            answer = asking.post("/generate_tree", json=ASKED | change, headers=BEARER)
            assert answer.headers["x-tree-cache"] == "miss", change


def test_a_cache_that_breaks_costs_no_answer(tmp_path: Path) -> None:
    with client(app_of(Paced(), cache=kept_in(tmp_path))) as asking:
        with sqlite3.connect(kept_in(tmp_path)) as other:
            other.execute("DROP TABLE trees")
        assert asking.post("/generate_tree", json=ASKED, headers=BEARER).status_code == 200
        text = asking.get("/metrics", headers=BEARER).text
    assert sample(text, "psychohistory_cache_faults_total") >= 2


def test_a_file_that_is_no_cache_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "trees.sqlite"
    file.write_text("no database, and long enough to be read as the header of one" * 20)
    with pytest.raises(InvalidFile, match=r"trees\.sqlite cannot keep trees \(file is not a database\)"):
        TreeCache(file, 1000)
    with pytest.raises(InvalidFile, match="name another file with --cache"):
        TreeCache(file / "below" / "trees.sqlite", 1000)


def test_the_cache_lets_go_of_what_was_used_longest_ago(tmp_path: Path) -> None:
    now = [0.0]
    tree = ProbabilityTree(seed=EVENT, remainder=1.0, branches=())
    size = len(tree.model_dump_json().encode())
    cache = TreeCache(kept_in(tmp_path), 3 * size, lambda: now[0])
    for n in range(3):
        now[0] += 1
        cache.put(str(n), tree)
    now[0] += 1
    assert cache.get("0") == tree
    now[0] += 1
    cache.put("3", tree)
    assert [cache.get(str(n)) is not None for n in range(4)] == [True, False, True, True]
    assert cache.size() == (3, 3 * size)
    cache.close()


def test_the_cache_is_safe_under_threads_and_two_owners(tmp_path: Path) -> None:
    tree = ProbabilityTree(seed=EVENT, remainder=1.0, branches=())
    owners = [TreeCache(kept_in(tmp_path), 10_000_000) for _ in range(2)]

    def work(cache: TreeCache, name: int) -> None:
        for n in range(25):
            cache.put(f"{name}/{n}", tree)
            assert cache.get(f"{name}/{n}") == tree

    threads = [threading.Thread(target=work, args=(owners[n % 2], n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert owners[0].size()[0] == 150
    assert [cache.faults for cache in owners] == [0, 0]
    for cache in owners:
        cache.close()


def test_the_key_of_a_tree_knows_weights_and_calibration() -> None:
    from training.trees import Question

    inference = ProbabilityTreeInference("x", engine=Paced())
    question, effort = Question(EVENT).dated(), Effort()
    first = tree_key(inference, question, effort)
    assert first == tree_key(inference, question, effort)
    inference.weights = {"name": "x", "trained": "abc"}
    assert first != tree_key(inference, question, effort)


async def ask(app: FastAPI, **changes: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=BEARER) as asking:
        return await asking.post(changes.pop("path", "/generate_tree"), json=ASKED | changes)


def test_time_that_runs_out_gives_what_is_known_and_the_thread_is_free_again() -> None:
    engine = Paced(held=True)
    app = app_of(engine, seconds=0.6)
    engine.let(2)

    async def scenario() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        late = await ask(app)
        engine.let(1)  # the level that was under way ends, and with it the tree
        nothing = await ask(app, context="other")
        engine.let(20)
        whole = await ask(app)
        app.state.trees.close()
        return late, nothing, whole

    late, nothing, whole = asyncio.run(scenario())
    assert late.status_code == 200
    assert late.json()["complete"] is False
    assert len([b for b in late.json()["branches"] if b["branches"]]) == 1
    assert nothing.status_code == 503
    assert int(nothing.headers["retry-after"]) > 0
    assert "No level was known after 0.6 seconds" in nothing.json()["message"]
    assert whole.json()["complete"] is True
    assert whole.headers["x-tree-cache"] == "miss"  # what was incomplete was not kept


def test_a_full_line_is_told_so_and_the_same_tree_is_made_once() -> None:
    engine = Paced(held=True)
    app = app_of(engine, waiting=2)

    async def scenario() -> list[httpx.Response]:
        first, second = asyncio.create_task(ask(app)), None
        await asyncio.to_thread(engine.begun.wait, 10)
        second = asyncio.create_task(ask(app))
        while app.state.trees._waiting < 2:
            await asyncio.sleep(0.01)
        third = await ask(app, event="FICTIONAL other")
        engine.let(20)
        answers = [await first, await second, third]
        app.state.trees.close()
        return answers

    first, second, third = asyncio.run(scenario())
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
    assert "2 requests wait" in third.json()["message"]
    assert second.headers["x-tree-cache"] == "hit"
    assert engine.lists_written == 4


def test_a_stopping_server_ends_its_trees_and_takes_no_more() -> None:
    engine = Paced(held=True)
    app = app_of(engine)

    async def scenario() -> tuple[httpx.Response, httpx.Response]:
        under_way = asyncio.create_task(ask(app))
        await asyncio.to_thread(engine.begun.wait, 10)
        app.state.trees.stop()
        engine.let(1)
        ended = await under_way
        refused = await ask(app, context="later")
        app.state.trees.close()
        return ended, refused

    ended, refused = asyncio.run(scenario())
    assert ended.json()["complete"] is False
    assert refused.status_code == 503


@pytest.mark.parametrize("path", ["/generate_tree", "/generate_tree/stream"])
def test_an_asker_who_goes_away_frees_the_model_at_the_next_level(path: str) -> None:
    engine = Paced(held=True)
    app = app_of(engine)
    sent: list[dict[str, Any]] = []

    async def scenario() -> None:
        gone = asyncio.Event()
        body = [{"type": "http.request", "body": json.dumps(ASKED).encode(), "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not body:
                await gone.wait()
            return body.pop() if body else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = {"host": HOST, "content-type": "application/json"} | BEARER
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
                 "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
                 "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip
        task = asyncio.create_task(app(scope, receive, send))
        await asyncio.to_thread(engine.begun.wait, 10)
        gone.set()
        engine.let(1)
        await task
        engine.let(1)  # at most one more level was begun before the worker could know
        while app.state.trees._waiting:
            await asyncio.sleep(0.01)
        app.state.trees.close()

    asyncio.run(scenario())
    assert engine.lists_written <= 2
    assert 'trees_total{result="left"} 1' in app.state.trees.metrics.text()


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (EngineFault("http://gpu:8000 does not answer."), 502, "http://gpu:8000 does not answer."),
        (
            ZeroDivisionError("secret detail"),
            500,
            "The forecast failed (ZeroDivisionError); the server's log says why.",
        ),
    ],
)
def test_a_model_that_breaks_is_an_answer(fault: Exception, status: int, message: str) -> None:
    engine = Paced()
    engine.fault = fault
    with client(app_of(engine)) as asking:
        for path in ("/generate_tree", "/generate_tree/stream"):
            answer = asking.post(path, json=ASKED, headers=BEARER)
            assert (answer.status_code, answer.json()["message"]) == (status, message)
        engine.fault = None
        assert asking.post("/generate_tree", json=ASKED, headers=BEARER).status_code == 200
        assert 'trees_total{result="failed"} 2' in asking.get("/metrics", headers=BEARER).text


def test_a_model_that_breaks_half_way_ends_the_stream_with_an_error() -> None:
    engine = Paced(held=True)
    app = app_of(engine)
    engine.let(1)

    async def scenario() -> httpx.Response:
        task = asyncio.create_task(ask(app, path="/generate_tree/stream"))
        while engine.lists_written < 1:
            await asyncio.sleep(0.01)
        engine.fault = EngineFault("gone")
        engine.let(1)
        answer = await task
        app.state.trees.close()
        return answer

    lines = [json.loads(line) for line in asyncio.run(scenario()).text.splitlines()]
    assert [line["event"] for line in lines] == ["level", "error"]
    assert lines[-1] == {"event": "error", "status": 502, "message": "gone"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event": " "}, "The event is empty"),
        ({"event": 7}, "event (7): input should be a valid string."),
        ({"depth": 9}, "depth (9): input should be less than or equal to 5."),
        ({"as_of": "soon"}, 'as_of ("soon"): '),
        ({"horizon": 0}, "horizon (0): "),
        ({"colour": 1}, "colour: no such field"),
        ({"context": 5}, "context (5): "),
        ({"context": {"a": [1]}}, "context"),
        ({"event": "x" * 1001}, "event: string should have at most 1000 characters."),
    ],
)
def test_a_wrong_request_is_one_sentence(change: dict[str, object], message: str) -> None:
    with client(app_of(Paced())) as asking:
        answer = asking.post("/generate_tree", json=ASKED | change, headers=BEARER)
        assert answer.status_code == 422
        assert answer.json()["message"].startswith(message), answer.json()
        for content in (b"{", b"\xff", b"[1]", b""):
            broken = asking.post(
                "/generate_tree", content=content, headers=BEARER | {"content-type": "application/json"}
            )
            assert broken.status_code == 422
            assert broken.json()["message"].endswith(".")


def test_metrics_are_prometheus_text() -> None:
    with client(app_of(Paced())) as asking:
        assert asking.get("/health").json() == {"status": "ok"}
        asking.post("/generate_tree", json=ASKED, headers=BEARER)
        asking.post("/generate_tree", json=ASKED, headers=BEARER)
        asking.get("/etc/passwd")
        answer = asking.get("/metrics", headers=BEARER)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.text
    for line in text.splitlines():
        assert line.startswith("# ") or float(line.rsplit(" ", 1)[1]) >= 0, line
    assert 'psychohistory_requests_total{route="/generate_tree",status="200"} 2' in text
    assert 'psychohistory_requests_total{route="other",status="404"} 1' in text
    assert 'psychohistory_trees_total{result="made"} 1' in text
    assert 'psychohistory_trees_total{result="cached"} 1' in text
    assert sample(text, "psychohistory_levels_total") == 4
    assert sample(text, 'psychohistory_tree_seconds_bucket{le="+Inf"}') == 1
    assert sample(text, "psychohistory_tokens_total") > 0


def test_the_api_describes_itself() -> None:
    with client(app_of(Paced())) as asking:
        described = asking.get("/openapi.json", headers=BEARER).json()
    assert set(described["paths"]) == {"/health", "/metrics", "/generate_tree", "/generate_tree/stream"}
    fields = described["components"]["schemas"]["TreeRequest"]["properties"]
    assert set(fields) == {"event", "context", "as_of", "horizon", "depth", "branches", "seed"}
    assert "complete" in described["components"]["schemas"]["ProbabilityTree"]["properties"]
