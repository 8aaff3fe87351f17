"""One paid call: journal, budget, pace and retries around a single HTTP request to a model server.

An attempt with the worst case reserved is written before the request leaves; the raw response is committed
the moment it has arrived, before anybody reads the reply. A call whose key has a response is never made
again. Retries are ours: each is an attempt of its own, Retry-After is honoured, and what may have been
billed without an answer (a timeout, a broken connection) keeps its reservation. Knows nothing of langchain
and nothing of what a reply means.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.fetching.buckets import Sleep
from agents.fetching.exchange import retry_after_s
from agents.journal import Attempt, BudgetFull, Call, CallKind, Journal, Response, call_key, nanousd
from agents.models.envelope import Envelope, Received, envelope, error_of
from agents.models.pace import ModelPace
from agents.models.prices import Price
from agents.models.reservations import Reservations
from agents.models.result import ModelFailure, ModelProblem
from agents.models.settings import ModelSettings, key_variable

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_WAIT_S = 300.0
_EMPTY_ACCOUNT = ("insufficient_quota", "billing", "credit")


class SendFault(Exception):
    """A request that got no response. `billable`: it may have reached the server."""

    def __init__(self, problem: ModelProblem, message: str, *, billable: bool) -> None:
        super().__init__(message)
        self.problem = problem
        self.billable = billable


Send = Callable[[bytes], Awaitable[Received]]
"""Sends a request body; raises `SendFault`."""


@dataclass(frozen=True)
class PaidCall:
    """A request to a model server as it will be sent, and who asks."""

    url: str
    body: dict[str, Any]
    raw: bytes
    """The body's bytes; their number bounds the prompt's tokens from above."""
    role: str
    case: str
    sample: int
    generation: int

    def identity(self) -> dict[str, Any]:
        """What decides the response, by which it is journalled."""
        return {"url": self.url, "body": self.body, "sample": self.sample, "generation": self.generation}


@dataclass(frozen=True)
class Paid:
    """A response and whether it was there already."""

    response: Response
    from_journal: bool


@dataclass(frozen=True)
class _Again:
    failure: ModelFailure
    wait_s: float


class Caller:
    """Makes the calls of one model, each once."""

    def __init__(
        self,
        settings: ModelSettings,
        journal: Journal,
        reservations: Reservations,
        pace: ModelPace,
        price: Price | None,
        *,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._reservations = reservations
        self._pace = pace
        self._price = price
        self._sleep = sleep
        self._now = now
        self._under_way: dict[str, asyncio.Task[Paid | ModelFailure]] = {}

    async def call(self, call: PaidCall, send: Send) -> Paid | ModelFailure:
        """The response to a call: from the journal where it is there, else bought.

        Who gives up waiting does not stop a call that may be billed; its response is still committed.
        """
        key = call_key(CallKind.MODEL, call.identity())
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._journalled(key, call, send))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def finish(self, grace_s: float) -> None:
        """Wait for calls under way, then give up those that are left; they stay visible as attempts."""
        tasks = list(self._under_way.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _journalled(self, key: str, call: PaidCall, send: Send) -> Paid | ModelFailure:
        stored = await self._journal.response(key)
        if stored is not None:
            return Paid(stored, from_journal=True)
        reserve = self._price.worst_case_nanousd(len(call.raw), self._max_output) if self._price else 0
        label = call.role
        request = {**call.identity(), "case": call.case}
        return await self._tried(Call(key, CallKind.MODEL, label, request, reserve), call, send)

    @property
    def _max_output(self) -> int:
        return self._settings.max_output_tokens

    async def _tried(self, entry: Call, call: PaidCall, send: Send) -> Paid | ModelFailure:
        for left in reversed(range(self._settings.tries)):
            result = await self._attempt(entry, call, send)
            if not isinstance(result, _Again):
                return result
            if not left or result.wait_s > _LONGEST_WAIT_S:
                return result.failure
            await self._sleep(result.wait_s or _backoff(self._settings.tries - left))
        raise AssertionError("a call is tried at least once")

    async def _attempt(self, entry: Call, call: PaidCall, send: Send) -> Paid | ModelFailure | _Again:
        """One try. The place among the calls under way is free again as soon as the response is here."""
        async with AsyncExitStack() as place:
            await place.enter_async_context(self._pace.place())
            taken = await self._pace.wait_for_tokens(len(call.raw), self._max_output)
            attempt = await self._reservations.begin(entry)
            if not isinstance(attempt, Attempt):
                full = isinstance(attempt, BudgetFull)
                problem = ModelProblem.OVER_BUDGET if full else ModelProblem.NOT_RECORDED
                return ModelFailure(problem, attempt.message)
            try:
                received = await send(call.raw)
                await place.aclose()
                return await self._settle(attempt, received, taken)
            except SendFault as fault:
                await self._journal.abandon(attempt, str(fault), billable=fault.billable)
                return _Again(ModelFailure(fault.problem, str(fault)), 0.0)
            except asyncio.CancelledError:
                await asyncio.shield(self._journal.abandon(attempt, "given up by the user", billable=True))
                raise
            finally:
                await self._reservations.ended()

    async def _settle(self, attempt: Attempt, received: Received, taken: int) -> Paid | ModelFailure | _Again:
        outer = envelope(received) if received.status == 200 else None
        if outer is not None:
            response = self._response(attempt, received, outer)
            await self._journal.commit(attempt, response)
            self._pace.settle(taken, (outer.prompt_tokens or 0) + (outer.completion_tokens or taken))
            return Paid(response, from_journal=False)
        status, code, message = error_of(received)
        billable = status == 200 and not received.is_html
        await self._journal.abandon(attempt, f"{status} {code} {received.text()}".strip(), billable=billable)
        failure = self._failure(received, status, code, message)
        if failure.problem is not ModelProblem.BUSY:
            return failure
        wait = retry_after_s(received.headers.get("retry-after", ""), self._now())
        if status == 429 and wait and wait <= _LONGEST_WAIT_S:
            self._pace.pause(wait)
        return _Again(failure, wait or 0.0)

    def _response(self, attempt: Attempt, received: Received, outer: Envelope) -> Response:
        """A response without a token count is booked at its worst case."""
        cost = attempt.call.reserve_nanousd
        if outer.charged_usd is not None:
            cost = nanousd(outer.charged_usd)
        elif self._price and outer.prompt_tokens is not None and outer.completion_tokens is not None:
            cost = self._price.cost_nanousd(outer.prompt_tokens, outer.completion_tokens, outer.cached_tokens)
        meta = {
            "status": received.status,
            "content_type": received.headers.get("content-type", "application/json"),
            "prompt_tokens": outer.prompt_tokens,
            "completion_tokens": outer.completion_tokens,
            "cached_tokens": outer.cached_tokens,
            "received_at": self._now().isoformat(),
        }
        return Response(received.body, meta, cost)

    def _failure(self, received: Received, status: int, code: str, message: str) -> ModelFailure:
        where, model, said = self._settings.url, self._settings.model, message[:300]
        text = received.text()
        empty = any(word in f"{code} {message}".lower() for word in _EMPTY_ACCOUNT)
        if status in {401, 403}:
            hint = f"check {key_variable(where)}"
            return ModelFailure(
                ModelProblem.UNAUTHORISED, f"{where} did not accept the key ({status}); {hint}.", text
            )
        if status == 402 or (status == 429 and empty):
            return ModelFailure(ModelProblem.QUOTA, f"{where} says the account is empty: {said}", text)
        if status == 404:
            return ModelFailure(
                ModelProblem.UNKNOWN_MODEL,
                f"{where} has no model {model!r}, or no such address: {said}",
                text,
            )
        if status in _PASSING:
            return ModelFailure(ModelProblem.BUSY, f"{where} is busy ({status}): {said}", text)
        if received.is_html or status == 200:
            what = "a web page" if received.is_html else "no completion"
            return ModelFailure(
                ModelProblem.NOT_A_MODEL, f"{where} sent {what} ({status}); check --base-url (it often ends in /v1).",
                text,
            )  # fmt: skip
        return ModelFailure(
            ModelProblem.BAD_REQUEST,
            f"{where} did not take the request ({status}){_hint(message)}: {said}",
            text,
        )


_HINTS = {
    "temperature": "--temperature none",
    "reasoning": "another --reasoning-effort, or none of it",
    "response_format": "--schema-mode prompt",
    "schema": "--schema-mode prompt",
}
"""A word of a server's complaint → what to change."""


def _hint(message: str) -> str:
    return next((f"; try {change}" for word, change in _HINTS.items() if word in message.lower()), "")


def _backoff(tried: int) -> float:
    """1, 2, 4, 8 s and so on, up to a minute, each with a random tenth to half more."""
    return float(min(2 ** (tried - 1), 60)) * (1.1 + 0.4 * random.random())
