"""A server of raw completions that really runs a small model, as vLLM answers, and every way such servers go wrong.

Knows token-id and text prompts, `logprobs`, `logprob_token_ids`, `structured_outputs.regex`, `n`, `seed`,
`temperature`, `max_tokens`. `knows_ids` and `holds_format` turn off what only vLLM has.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from llguidance import LLMatcher

from tests.servers.loopback import Answer, Seen, as_json
from tests.servers.model_server import error
from training.list_grammar import ConstrainedLists, ListConstraint


class CompletionsServer:
    """Answers `POST /v1/completions` with a real model; `faults` are sent first, one a request."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        knows_ids: bool = True,
        holds_format: bool = True,
        key: str | None = None,
        other_tokenizer: bool = False,
    ) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self.knows_ids, self.holds_format, self.key = knows_ids, holds_format, key
        self.other_tokenizer = other_tokenizer
        self.faults: list[Answer] = []
        self.bodies: list[dict[str, Any]] = []
        self._vocabulary = model.get_input_embeddings().weight.shape[0]
        self._constraint = ListConstraint(tokenizer, self._vocabulary)
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> Answer:
        if self.faults:
            return self.faults.pop(0)
        if seen.path != "/v1/completions":
            return error(404, "Not Found")
        if self.key is not None and seen.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Unauthorized")
        body = seen.json()
        self.bodies.append(body)
        if body["model"] != "served":
            return error(404, f"The model `{body['model']}` does not exist.")
        if "logprob_token_ids" in body and not self.knows_ids:
            return error(400, "Unrecognized request argument supplied: logprob_token_ids")
        if "structured_outputs" in body and not self.holds_format:
            return error(400, "Unrecognized request argument supplied: structured_outputs")
        with self._lock, torch.inference_mode():
            return as_json(self._answer(body))

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        prompts = self._prompts(body["prompt"])
        choices: list[dict[str, Any]] = []
        written = 0
        for prompt in prompts:
            for sample in range(body.get("n", 1)):
                choice = self._completion(prompt, body, body.get("seed", 0) + sample)
                written += choice.pop("tokens")
                choices.append(choice | {"index": len(choices)})
        read = sum(map(len, prompts)) + self.other_tokenizer
        return {
            "id": "cmpl-1", "object": "text_completion", "created": 1700000000, "model": body["model"],
            "choices": list(reversed(choices)),
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }  # fmt: skip

    def _prompts(self, prompt: Any) -> list[list[int]]:
        if isinstance(prompt, str):
            return [self.tokenizer.encode(prompt, add_special_tokens=True)]
        return [prompt] if isinstance(prompt[0], int) else prompt

    def _completion(self, prompt: list[int], body: dict[str, Any], seed: int) -> dict[str, Any]:
        pattern = body.get("structured_outputs", {}).get("regex")
        held = self._held(pattern) if pattern else None
        draw = torch.Generator().manual_seed(seed)
        tokens: list[int] = []
        logprobs, finish = None, "length"
        for _ in range(body["max_tokens"]):
            logits = self.model(input_ids=torch.tensor([[*prompt, *tokens]])).logits[0, -1].float()
            if "logprobs" in body:
                logprobs = self._logprobs(logits.log_softmax(-1), body)
            masked = held.mask(logits[None])[0] if held else logits
            chosen = _chosen(masked, body.get("temperature", 1.0), draw)
            if held:
                held.accept([chosen])
            if chosen == self.tokenizer.eos_token_id:
                finish = "stop"
                break
            tokens.append(chosen)
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return {"text": text, "logprobs": logprobs, "finish_reason": finish, "tokens": len(tokens)}

    def _held(self, pattern: str) -> ConstrainedLists:
        matcher = LLMatcher(self._constraint._tokenizer, LLMatcher.grammar_from_regex(pattern))
        assert not matcher.is_error(), matcher.get_error()
        return ConstrainedLists([matcher], self._vocabulary)

    def _logprobs(self, logs: torch.Tensor, body: dict[str, Any]) -> dict[str, Any]:
        best = logs.topk(body["logprobs"]).indices.tolist()
        ids = body.get("logprob_token_ids") or best
        ids = list(dict.fromkeys([*ids, best[0]]))
        top = {self.tokenizer.decode([i]): float(logs[i]) for i in ids}
        return {"top_logprobs": [top], "tokens": [self.tokenizer.decode([best[0]])]}


def _chosen(logits: torch.Tensor, temperature: float, draw: torch.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=draw))
