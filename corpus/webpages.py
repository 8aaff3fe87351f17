"""What the project's web pages (curator's review, served trees) have in common: headers, and whom they refuse.

Does not cover: sessions and keys, which differ between the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

SAFE_METHODS = frozenset({"GET", "HEAD"})
HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # no-referrer would make a browser send "Origin: null" with plain forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def headers_of(path: str) -> dict[str, str]:
    """Headers of every answer; only static files may be kept by a cache."""
    kept = {} if path.startswith("/static/") else {"cache-control": "no-store"}
    return {**HEADERS, **kept}


def refusal(method: str, headers: Mapping[str, str], hosts: Collection[str], command: str) -> str | None:
    """Why a request is refused by its Host and Origin headers; None where it may pass.

    `hosts` are the addresses served (with port); `command` is what printed them.
    """
    if headers.get("host", "") not in hosts:
        return f"This address is not served here; use the one that `{command}` printed."
    origin = headers.get("origin")
    if method not in SAFE_METHODS and origin is not None and origin.split("//")[-1] not in hosts:
        return "The request comes from another page."
    return None
