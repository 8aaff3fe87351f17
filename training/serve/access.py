"""Who is asking, and may they: keys, sessions of the page, CSRF tokens, Host and Origin, size of a request.

Programs send a key as a bearer. A person opens the one-time link that the server printed, or types a key, and
gets a session: a signed cookie that ends with the server. The one dependency `known` stands on the router that
holds every route but the entrance, the static files and `/health`.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from corpus.webpages import SAFE_METHODS, headers_of, refusal
from training.serve.keys import KeyRing, hashed
from training.serve.settings import ServeSettings

COOKIE, CSRF_HEADER = "forecast_session", "x-csrf-token"
SESSION_S = 12 * 3600
BODY_S = 15.0
"""Seconds in which a request's body must have arrived."""
PAGE_HOLDER = "page"
"""Who enters by the one-time link."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Seconds = Callable[[], float]


class Gate:
    """Makes and reads sessions; `clock` gives seconds since 1970."""

    def __init__(self, keys: KeyRing, clock: Seconds) -> None:
        self._keys, self._clock = keys, clock
        self._secret = secrets.token_bytes(32)
        self._once: set[str] = set()

    def one_time_token(self) -> str:
        """A token that lets its first user in, kept in memory alone."""
        token = secrets.token_urlsafe(24)
        self._once.add(hashed(token))
        return token

    def enter_once(self, token: str) -> str | None:
        """The session of whoever holds a one-time token; None where it is unknown or was used."""
        given = hashed(token)
        if given not in self._once:
            return None
        self._once.discard(given)
        return self._session(PAGE_HOLDER)

    def enter(self, key: str) -> str | None:
        """The session of whoever holds a key."""
        name = self._keys.whose(key)
        return self._session(name) if name else None

    def whose_session(self, cookie: str) -> str | None:
        """The holder of a valid session."""
        try:
            name, ends, _, _ = cookie.split(".")
            holder = urlsafe_b64decode(name.encode()).decode()
            over = int(ends) < self._clock()
        except ValueError:
            return None
        whole = self._signed(cookie.rpartition(".")[0])
        return holder if hmac.compare_digest(whole.encode(), cookie.encode()) and not over else None

    def whose_key(self, key: str) -> str | None:
        """The holder of a key."""
        return self._keys.whose(key)

    def csrf(self, cookie: str) -> str:
        """The token that requests of a session must carry."""
        return hmac.new(self._secret, f"csrf/{cookie}".encode(), sha256).hexdigest()

    def _session(self, holder: str) -> str:
        name = urlsafe_b64encode(holder.encode()).decode()
        return self._signed(f"{name}.{int(self._clock()) + SESSION_S}.{secrets.token_hex(8)}")

    def _signed(self, text: str) -> str:
        return f"{text}.{hmac.new(self._secret, f'session/{text}'.encode(), sha256).hexdigest()}"


async def known(request: Request) -> str:
    """The dependency of every guarded route: who asks, or a refusal."""
    gate: Gate = request.app.state.gate
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        holder = gate.whose_key(key)
    else:
        cookie = request.cookies.get(COOKIE, "")
        holder = gate.whose_session(cookie)
        request.state.csrf = gate.csrf(cookie)
        given = request.headers.get(CSRF_HEADER, "")
        forged = not hmac.compare_digest(given.encode(), request.state.csrf.encode())
        if holder and request.method not in SAFE_METHODS and forged:
            raise HTTPException(403, "The request has no valid token of this session; load the page again.")
    if holder is None:
        raise HTTPException(
            401, "Send a key as `Authorization: Bearer KEY`, or open the link that the server printed."
        )
    request.state.holder = holder
    return holder


class Doorkeeper:
    """ASGI wrapper: refuses foreign Host and Origin headers and large bodies, sets the headers of every answer."""

    def __init__(self, app: App, settings: ServeSettings) -> None:
        self._app, self._hosts, self._most_bytes = app, settings.hosts, settings.most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers_of(scope["path"]))
            await send(message)

        body, refused = b"", self._refusal(scope)
        if refused is None and scope["method"] not in SAFE_METHODS:
            body, refused = await self._body(receive)
        if refused is not None:
            status, message = refused
            answer = JSONResponse({"error": "Refused", "message": message}, status)
            await answer(scope, receive, with_headers)
        else:
            await self._app(scope, _replayed(body, receive), with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        why = refusal(scope["method"], Headers(scope=scope), self._hosts, "training serve")
        return (403, why) if why else None

    async def _body(self, receive: Receive) -> tuple[bytes, tuple[int, str] | None]:
        """The whole body, counted while it arrives: a stated length proves nothing."""
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(BODY_S):
                while True:
                    message = await receive()
                    parts.append(message.get("body", b""))
                    if sum(map(len, parts)) > self._most_bytes:
                        return b"", (
                            413,
                            f"The request has more than {self._most_bytes:,} bytes; shorten the context.",
                        )
                    if not message.get("more_body"):
                        return b"".join(parts), None
        except TimeoutError:
            return b"", (408, f"The request did not arrive within {BODY_S:.0f} seconds.")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out the body that was read, then what comes."""
    left: list[Scope] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Scope:
        return left.pop() if left else await receive()

    return again
