"""An OpenAI-compatible model server: chat completions in the real shapes, and every way they go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.servers.loopback import Answer, Seen, as_json


def completion(
    text: str | None,
    *,
    finish: str = "stop",
    refusal: str | None = None,
    prompt_tokens: int = 100,
    completion_tokens: int = 20,
    usage: dict[str, Any] | None = None,
    **changes: Any,
) -> Answer:
    """A finished chat completion."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    counted = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
               "total_tokens": prompt_tokens + completion_tokens}  # fmt: skip
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "tiny",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": counted if usage is None else usage,
    }
    return as_json(body, **changes)


def says(value: Any, **changes: Any) -> Answer:
    """A completion whose text is a JSON value."""
    return completion(json.dumps(value), **changes)


def error(status: int, message: str, code: str = "", **changes: Any) -> Answer:
    """An error in OpenAI's shape."""
    return as_json(
        {"error": {"message": message, "type": "error", "code": code or None}}, status=status, **changes
    )


class ModelServer:
    """Answers chat completions by a function of the request's body; checks the key."""

    def __init__(self, reply: Callable[[dict[str, Any]], Answer], key: str | None = None) -> None:
        self.reply = reply
        self.key = key
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, seen: Seen) -> Answer:
        if seen.path != "/v1/chat/completions":
            return error(404, f"Invalid URL (POST {seen.path})")
        if self.key is not None and seen.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Incorrect API key provided: sk-wr***.", "invalid_api_key")
        body = seen.json()
        self.bodies.append(body)
        return self.reply(body)


def scripted(*answers: Answer) -> Callable[[dict[str, Any]], Answer]:
    """Answers one after the other; the last one for ever."""
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]
