"""Who is asking, and may they: sessions, CSRF tokens, Host and Origin, headers of every answer.

A session is a cookie that names a curator and an end, signed with this machine's key and the hash of the
curator's token: it outlives a restart, and a new token ends it. The one dependency `signed_in` stands on the
router that holds every route but the entrance and the static files. Programs send the curator's token as a
bearer instead; as browsers do not add it by themselves, they need no CSRF token.

Does not cover: rights that differ between curators, and rate limits (tokens have 192 bits).
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NoReturn

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from agents.curator.settings import ReviewSettings
from corpus.webpages import SAFE_METHODS, headers_of, refusal
from db.clock import Clock
from db.curators import Curators

COOKIE, CSRF_FIELD, CSRF_HEADER = "review_session", "csrf", "x-csrf-token"
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class Gate:
    """Makes and reads sessions."""

    def __init__(self, curators: Curators, settings: ReviewSettings, clock: Clock) -> None:
        self._curators, self._settings, self._clock = curators, settings, clock
        self._once: dict[str, str] = {}

    def one_time_token(self, curator: str) -> str:
        """A token that lets its first user in as `curator`, kept in memory alone."""
        token = secrets.token_urlsafe(24)
        self._once[sha256(token.encode()).hexdigest()] = curator
        return token

    def enter(self, token: str) -> str | None:
        """The session of whoever holds the token; None where it is unknown or was used before."""
        name = self._once.pop(sha256(token.encode()).hexdigest(), None) or self._curators.whose(token)
        return self._session(name) if name else None

    def whose_session(self, cookie: str) -> str | None:
        """The curator of a valid session."""
        try:
            name, ends, _, _ = cookie.split(".")
            curator = urlsafe_b64decode(name.encode()).decode()
            over = int(ends) < self._clock().timestamp()
        except ValueError:
            return None
        if over or not hmac.compare_digest(self._signed(cookie.rpartition(".")[0], curator), cookie):
            return None
        return curator

    def whose_token(self, token: str) -> str | None:
        """The curator of a personal token."""
        return self._curators.whose(token)

    def csrf(self, cookie: str) -> str:
        """The token that forms of a session must carry."""
        return hmac.new(self._settings.key, f"csrf/{cookie}".encode(), sha256).hexdigest()

    def _session(self, curator: str) -> str:
        ends: datetime = self._clock() + self._settings.session
        name = urlsafe_b64encode(curator.encode()).decode()
        return self._signed(f"{name}.{int(ends.timestamp())}.{secrets.token_hex(8)}", curator)

    def _signed(self, text: str, curator: str) -> str:
        """The text with its signature; one that fits nothing where the curator does not exist."""
        owned = self._curators.token_hash(curator) or secrets.token_hex()
        key = hmac.new(self._settings.key, f"session/{owned}".encode(), sha256).digest()
        return f"{text}.{hmac.new(key, text.encode(), sha256).hexdigest()}"


async def signed_in(request: Request) -> str:
    """The dependency of every guarded route: the curator's name, or a refusal. The store is asked in a thread."""
    gate: Gate = request.app.state.gate
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        curator = await run_in_threadpool(gate.whose_token, token)
    else:
        cookie = request.cookies.get(COOKIE, "")
        curator = await run_in_threadpool(gate.whose_session, cookie)
        request.state.csrf = gate.csrf(cookie)
        if curator and request.method not in SAFE_METHODS:
            await _check_csrf(request, request.state.csrf)
    if curator is None:
        _refuse(401, "Open your personal link first.")
    request.state.curator = curator
    return curator


async def _check_csrf(request: Request, expected: str) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and "form" in request.headers.get("content-type", ""):
        given = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(given or "", expected):
        _refuse(403, "The form has no valid token of this session; load the page again.")


def _refuse(status: int, message: str) -> NoReturn:
    raise HTTPException(status, message)


class Doorkeeper:
    """ASGI wrapper: refuses foreign Host and Origin headers and sets the headers of every answer."""

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], settings: ReviewSettings
    ) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers_of(scope["path"]))
            await send(message)

        why = refusal(scope["method"], Headers(scope=scope), self._settings.hosts, "agents review")
        if why:
            await PlainTextResponse(f"{why}\n", 403)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)
