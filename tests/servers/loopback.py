"""A real HTTP/1.1 server on a loopback address, for tests: answers by a function, misbehaves on request.

Runs in its own thread on its own event loop, so that a client under test shares nothing with it but the
socket. Keeps what it was asked.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server sends back, and how badly."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    endless: bool = False
    """Send the body again and again, chunked, until the client goes away."""
    pause_s: float = 0.0
    """Between the pieces of an endless body."""
    cut_at: int | None = None
    """Close the connection after so many bytes of the body."""


def page(text: str, **changes: Any) -> Answer:
    """An HTML answer."""
    return Answer(text.encode(), **changes)


def as_json(value: Any, **changes: Any) -> Answer:
    """A JSON answer."""
    return Answer(json.dumps(value).encode(), content_type="application/json", **changes)


def redirect(target: str, status: int = 302) -> Answer:
    """A redirect."""
    return Answer(status=status, headers={"Location": target})


NOT_FOUND = Answer(b"<html><body>no such page</body></html>", status=404)
Handler = Callable[[Seen], Answer]


class LoopbackServer:
    """Serves `handler` on a free port of `host` until closed."""

    def __init__(self, handler: Handler, host: str = "127.0.0.1") -> None:
        self.handler = handler
        self.host = host
        self.port = 0
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self._at_once = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://{self.host}:{self.port}"

    @property
    def peer(self) -> str:
        """`127.0.0.1:port`, as an allow-list takes it."""
        return f"{self.host}:{self.port}"

    def asked(self, prefix: str = "/") -> list[Seen]:
        """What was asked of paths under `prefix`."""
        return [seen for seen in self.seen if seen.path.startswith(prefix)]

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, self.host, self.port, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (seen := await _read_request(reader)) is not None:
                self.seen.append(seen)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    go_on = await self._answer(self.handler(seen), writer)
                finally:
                    self._at_once -= 1
                if not go_on:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        headers = {"Content-Type": answer.content_type, "Date": "Sun, 05 Jan 2025 10:00:00 GMT"}
        headers |= (
            {"Transfer-Encoding": "chunked"} if answer.endless else {"Content-Length": str(len(answer.body))}
        )
        lines = [f"{name}: {value}" for name, value in (headers | answer.headers).items()]
        status = f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"
        writer.write(("\r\n".join([status, *lines]) + "\r\n\r\n").encode("latin-1"))
        if answer.endless:
            await self._forever(answer, writer)
        writer.write(answer.body if answer.cut_at is None else answer.body[: answer.cut_at])
        await writer.drain()
        return answer.cut_at is None

    async def _forever(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        chunk = answer.body or b"x" * 65536
        while not self._stop.is_set():
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
            await asyncio.sleep(answer.pause_s)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


async def _read_request(reader: asyncio.StreamReader) -> Seen | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Seen(method, parts.path, query, headers, body)
