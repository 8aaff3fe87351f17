"""What every served page of the project must refuse and carry, whichever program serves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute

FOREIGN_HOSTS = ("evil.example", "127.0.0.1:9999", "127.0.0.1", "")
FOREIGN_ORIGIN = {"origin": "https://evil.example"}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path that an application answers, found by walking all its routers."""
    return [
        (method, route.path) for route in _walk(app.routes) for method in sorted(route.methods - {"HEAD"})
    ]


def _walk(items: Iterable[object]) -> Iterator[APIRoute]:
    for item in items:
        if isinstance(item, APIRoute):
            yield item
        else:
            inner = getattr(item, "routes", None) or getattr(
                getattr(item, "original_router", None), "routes", []
            )
            yield from _walk(inner)


def check_policy(path: str, headers: object, text: str) -> None:
    """An answer's headers let a browser run nothing but the page's own files, and its page holds no script."""
    policy = headers["content-security-policy"]  # type: ignore[index]
    assert "default-src 'none'" in policy, path
    assert "unsafe" not in policy, path
    assert headers["x-content-type-options"] == "nosniff", path  # type: ignore[index]
    assert headers["x-frame-options"] == "DENY", path  # type: ignore[index]
    if "html" in headers["content-type"]:  # type: ignore[index]
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"\son[a-z]+\s*=|\sstyle\s*=", text), path
        assert headers["cache-control"] == "no-store", path  # type: ignore[index]


def check_cookie(header: str) -> None:
    """A session's cookie is out of reach of scripts and of other sites."""
    assert "httponly" in header.lower()
    assert "samesite=strict" in header.lower()
