"""The remote engine: any server with raw completions and log-probabilities (`POST …/completions`), such as vLLM.

Prompts are sent as token ids, so that the server reads exactly what a model in this process would read; the
tokenizer is therefore needed here, and a first request checks that both sides mean the same by it.

Letters are read from the log-probabilities of one next token. A server that knows `logprob_token_ids` (vLLM)
returns every letter. Any other returns its likeliest tokens only: a letter that is not among them has at most
the probability of the least likely one that is, and is counted with half of that bound; `unread` holds the
largest share of a distribution that was bounded instead of read, and above MAX_UNREAD the answer is refused.

Lists are held to their format by the server where it knows `structured_outputs`; elsewhere lines that are none
are dropped. Does not cover: chat completions (a template would come between), and caching prefixes, which is
the server's business.
"""

from __future__ import annotations

import json
import math
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from corpus.addresses import is_loopback
from corpus.errors import EngineFault, InvalidInput
from training.dialogue import LETTERS
from training.encoding import Encoder, Tokenizer
from training.engine import Floats, LetterQuestion, Sampling
from training.list_grammar import MIN_TEXT, parse, regex
from training.template import ASSISTANT, PLAIN, USER, Template

TOP_TOKENS = 20
"""Likeliest tokens asked for: the most that vLLM hands out unless it is told otherwise."""
MAX_UNREAD = 0.1
"""Share of a letter distribution that may be bounded instead of read."""
LONGEST_PAUSE_S = 30.0
_ASK_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PROBE = f"{USER}What could happen first? (depth 1){ASSISTANT}A) Rates rise\n"


class _Refused(EngineFault):
    """The server does not take a request of this form (400, 422)."""


class RemoteEngine:
    """A model behind `url` (`http://host:port/v1`), as an `Engine`; the constructor asks it once."""

    def __init__(
        self,
        url: str,
        model: str,
        tokenizer: Tokenizer,
        key: str | None = None,
        template: Template = PLAIN,
        *,
        timeout_s: float = 60.0,
        tries: int = 4,
        pause_s: float = 0.5,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"{url!r} is no address of a server; write it as http://127.0.0.1:8000/v1.")
        self.encoder = Encoder(tokenizer, template)
        self.url, self.model = f"{url.rstrip('/')}/completions", model
        self.tokens_used, self.unread = 0, 0.0
        self._tries, self._pause_s, self._timeout_s = tries, pause_s, timeout_s
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=10.0),
            headers={"authorization": f"Bearer {key}"} if key else {},
            trust_env=not is_loopback(parts.hostname),  # a proxy's settings are not meant for this machine
        )
        weakref.finalize(self, self._client.close)
        self._holds_format = True
        self._reads_by_id = self._check()

    def letters(self, context: tuple[int, ...], questions: Sequence[LetterQuestion]) -> list[Floats]:
        """One request for all questions, one token each."""
        prompts = [[*context, *question.more] for question in questions]
        asked = self._letter_request("".join(dict.fromkeys("".join(q.letters for q in questions))))
        choices = self._complete(prompts, asked)
        return [
            self._distribution(_top(choice, self.url), question.letters)
            for choice, question in zip(choices, questions, strict=True)
        ]

    def write_lists(self, context: tuple[int, ...], lines: int, sampling: Sampling) -> list[list[str]]:
        """The first list greedily, the others drawn under the seed."""
        asked = {"max_tokens": sampling.max_tokens, "stop": [self.encoder.template.before_next], "top_p": 1.0}
        if self._holds_format:
            asked["structured_outputs"] = {"regex": regex(lines, sampling.max_characters)}
        drawn = {"n": sampling.lists - 1, "temperature": sampling.temperature, "seed": sampling.seed}
        try:
            choices = self._complete([[*context]], asked | {"temperature": 0.0})
            if sampling.lists > 1:
                choices += self._complete([[*context]], asked | drawn)
        except _Refused:
            if not self._holds_format:
                raise
            self._holds_format = False
            return self.write_lists(context, lines, sampling)
        return [_fitting(choice, lines, sampling.max_characters) for choice in choices]

    def _letter_request(self, letters: str, *, by_id: bool | None = None) -> dict[str, Any]:
        asked: dict[str, Any] = {"max_tokens": 1, "temperature": 0.0, "top_p": 1.0, "logprobs": TOP_TOKENS}
        if self._reads_by_id if by_id is None else by_id:
            ids = [self.encoder.letter_ids[LETTERS.index(letter)] for letter in letters]
            asked |= {"logprob_token_ids": ids, "top_k": 0}
        return asked

    def _check(self) -> bool:
        """Whether letters can be read by their ids; raises EngineFault where the tokenizers differ."""
        try:
            answer = self._post(self._letter_request(LETTERS, by_id=True) | {"prompt": _PROBE})
            by_id = True
        except _Refused:
            answer = self._post(self._letter_request(LETTERS, by_id=False) | {"prompt": _PROBE})
            by_id = False
        here = len(self.encoder.tokenizer.encode(_PROBE, add_special_tokens=True))
        there = _mapping(answer.get("usage")).get("prompt_tokens", here)
        found = _top(_choices(answer, 1, self.url)[0], self.url)
        told = len(found) >= len(LETTERS)
        if there != here or (by_id and told and not set(LETTERS) <= set(found)):
            raise EngineFault(
                f"{self.url} reads text by another tokenizer than {self.encoder.tokenizer.name_or_path!r} "
                f"({there} tokens instead of {here} in a test); name the base of {self.model!r} with --base."
            )
        return by_id and told

    def _distribution(self, found: Mapping[str, float], letters: str) -> Floats:
        """Shares of the letters; those that were not returned get half of what they can have at most."""
        logs = np.array([found.get(letter, -math.inf) for letter in letters])
        missing = np.isneginf(logs)
        read = np.exp(logs)
        if missing.any():
            rest = max(0.0, 1.0 - math.fsum(math.exp(log) for log in found.values()))
            bound = min(math.exp(min(found.values())), rest)
            unread = float(bound * missing.sum() / max(read.sum() + bound * missing.sum(), 1e-300))
            self._refuse_unread(unread, bool(read.sum() > 0))
            read = np.where(missing, bound / 2, read)
        return np.asarray(read / read.sum(), dtype=np.float64)

    def _refuse_unread(self, share: float, any_read: bool) -> None:
        self.unread = max(self.unread, share)
        if share > MAX_UNREAD or not any_read:
            raise EngineFault(
                f"{self.url} returned its {TOP_TOKENS} likeliest tokens, and letters that are not among them may hold "
                f"{share:.0%} of the probability; use a server that knows logprob_token_ids (vLLM), or a model "
                "trained on dialogues."
            )

    def _complete(self, prompts: list[list[int]], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = self._post({**asked, "prompt": prompts})
        usage = _mapping(answer.get("usage"))
        cached = _mapping(usage.get("prompt_tokens_details")).get("cached_tokens") or 0
        self.tokens_used += int(usage.get("total_tokens") or 0) - int(cached)
        return _choices(answer, len(prompts) * int(asked.get("n", 1)), self.url)

    def _post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """One answer; a server that is busy, slow or gone is asked again, later each time."""
        begun = time.monotonic()
        for attempt in range(self._tries):
            # a server that hangs must not hold its caller for as many time-outs as there are tries
            last = attempt == self._tries - 1 or time.monotonic() - begun > self._timeout_s
            try:
                response = self._client.post(self.url, json={"model": self.model, **body})
            except httpx.TransportError as fault:
                if last:
                    raise EngineFault(
                        f"{self.url} does not answer ({type(fault).__name__}, {attempt + 1} tries); "
                        "check that the server runs and that --engine-url is right."
                    ) from fault
                self._wait(attempt, None)
                continue
            if response.status_code in _ASK_AGAIN and not last:
                self._wait(attempt, response.headers.get("retry-after"))
                continue
            return self._checked(response)
        raise AssertionError("unreachable")

    def _wait(self, attempt: int, stated: str | None) -> None:
        pause = self._pause_s * 2**attempt
        if stated and stated.isdigit():
            pause = max(pause, float(stated))
        time.sleep(min(pause, LONGEST_PAUSE_S))

    def _checked(self, response: httpx.Response) -> dict[str, Any]:
        status, said = response.status_code, _said(response)
        if status in (401, 403):
            raise EngineFault(
                f"{self.url} refused the key ({status}); set PSYCHOHISTORY_ENGINE_KEY to a valid one."
            )
        if status == 404:
            raise EngineFault(
                f"{self.url} has no completions of {self.model!r} (404: {said}); check both names."
            )
        if status in (400, 422):
            raise _Refused(f"{self.url} refused the request ({status}: {said}).")
        if status != 200:
            raise EngineFault(
                f"{self.url} answered {status} ({said}) {self._tries} times; look into its log."
            )
        try:
            content = response.json()
        except json.JSONDecodeError as fault:
            kind = response.headers.get("content-type", "no type")
            raise EngineFault(
                f"{self.url} answered with {kind} instead of JSON; --engine-url must end in /v1."
            ) from fault
        return _mapping(content)


def _said(response: httpx.Response) -> str:
    """The first words of an error's message."""
    try:
        found = _mapping(response.json())
    except json.JSONDecodeError:
        return response.reason_phrase
    message = _mapping(found.get("error")).get("message") or found.get("message") or response.reason_phrase
    return " ".join(str(message).split())[:200]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _choices(answer: Mapping[str, Any], count: int, url: str) -> list[dict[str, Any]]:
    """The choices in order of the prompts."""
    found = [choice for choice in answer.get("choices") or [] if isinstance(choice, dict)]
    if len(found) != count:
        raise EngineFault(
            f"{url} answered {len(found)} completions instead of {count}; it is no completions server."
        )
    return sorted(found, key=lambda choice: int(choice.get("index", 0)))


def _top(choice: Mapping[str, Any], url: str) -> dict[str, float]:
    """Log-probabilities of the tokens that were returned for the one position."""
    rows = _mapping(choice.get("logprobs")).get("top_logprobs")
    found = _mapping(rows[0]) if isinstance(rows, list) and rows else {}
    read = {
        token: float(log)
        for token, log in found.items()
        if isinstance(log, int | float) and math.isfinite(log)
    }
    if not read:
        raise EngineFault(f"{url} returns no log-probabilities; letters cannot be read from this server.")
    return read


def _fitting(choice: Mapping[str, Any], lines: int, longest: int) -> list[str]:
    """The texts of a list, held to the format again; a list that was cut loses its last line."""
    text = str(choice.get("text", ""))
    if choice.get("finish_reason") == "length":
        text = text[: text.rfind("\n") + 1]
    found = parse(text)
    return [text for text in found if MIN_TEXT <= len(text) <= longest and text[0].isalnum()][:lines]
