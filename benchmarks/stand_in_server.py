"""A stand-in model behind OpenAI's chat completions, on loopback: to walk through a run without a key or a cost.

It answers from the prompt alone, as the stand-in of `role_tokens` does, and falls back to the humblest reply when
one is sent back twice. It shows that a run works and what it sends; its chains and probabilities are worth nothing.
Needs `--schema-mode json_schema`, the default: it tells the questions apart by the schema.

    python -m benchmarks.stand_in_server 8001
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agents.reading.evidence import count_tokens
from benchmarks.role_tokens import REPLIES

MODEL = "stand-in"
PROMPTS = {
    "BrainstormReply": "brainstorm", "ContextReply": "context", "NextReply": "chronicle", "ProposeReply": "propose",
    "EditReply": "edit", "MatchReply": "match", "WeighReply": "weigh", "ReadReply": "read", "FateReply": "fate",
}  # fmt: skip
LAST_REPAIR = 2


def reply_to(body: dict[str, Any]) -> Any:
    """The first reply that comes to mind, the next when it is sent back, the humblest at the last try."""
    messages = body["messages"]
    form = body["response_format"]["json_schema"]["name"]
    repairs = sum(message["role"] == "assistant" for message in messages)
    options = list(REPLIES[PROMPTS[form]](messages[1]["content"]))
    return options[-1] if repairs >= LAST_REPAIR else options[min(repairs, len(options) - 1)]


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """A finished chat completion with its token counts."""
    text = json.dumps(reply_to(body))
    sent, said = sum(count_tokens(m["content"]) for m in body["messages"]), count_tokens(text)
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-stand-in", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said},
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """One request; errors in OpenAI's shape."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a chat completion."""
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
        try:
            status, answer = 200, completion(body)
        except (KeyError, IndexError, TypeError) as error:
            message = f"the stand-in knows only this project's questions with a json_schema: {error!r}"
            status, answer = 400, {"error": {"message": message, "type": "invalid_request_error"}}
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/v1, model {MODEL}", flush=True)
        server.serve_forever()
