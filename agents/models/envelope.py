"""What came from a model server, before anybody reads the reply: is it a paid response, and what did it cost.

Reads the outer JSON of a chat completion only: choices, usage, an error in the body. Some servers send
errors under status 200 (OpenRouter: `{"error": {"code": 429, ...}}`); they count as that status.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.fetching.sniff import MediaType, sniff


@dataclass(frozen=True)
class Received:
    """One HTTP response of a model server."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes

    @property
    def is_html(self) -> bool:
        """Whether it is a web page: a wrong address, a login page, a proxy's error."""
        return sniff(self.body) is MediaType.HTML

    def text(self, limit: int = 2_000) -> str:
        """The body's first characters."""
        return self.body[: limit * 4].decode("utf-8", "replace")[:limit]


@dataclass(frozen=True)
class Envelope:
    """A chat completion's outer part."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int
    """Of the prompt's, those that the server says it had kept from an earlier call."""
    charged_usd: float | None
    """What the server itself says the call cost (OpenRouter)."""


def envelope(received: Received) -> Envelope | None:
    """The outer part of a completion; None where the body is none."""
    outer = _object(received.body)
    choices = outer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    if not isinstance(choices[0].get("message"), dict):
        return None
    usage = outer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    charged = usage.get("cost")
    return Envelope(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) or 0 if isinstance(details, dict) else 0,
        charged_usd=float(charged) if isinstance(charged, int | float) and charged > 0 else None,
    )


def error_of(received: Received) -> tuple[int, str, str]:
    """Status, code and message of an error, from the body where it says more than the status line."""
    error = _object(received.body).get("error")
    if isinstance(error, str):
        return received.status, "", error
    if not isinstance(error, dict):
        return received.status, "", received.text(300)
    code = error.get("code")
    inner = code if isinstance(code, int) and 400 <= code < 600 else received.status
    status = received.status if received.status >= 400 else inner
    return status, str(code or error.get("type") or ""), str(error.get("message") or "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        outer = json.loads(body)
    except ValueError:
        return {}
    return outer if isinstance(outer, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
