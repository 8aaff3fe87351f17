"""Asks a language model a question and gets a value that fits a schema, or a failure.

The question goes through langchain-openai, the response through the journal below it. A reply that does
not fit is sent back with what was wrong, a bounded number of times, each a new generation; one that stays
invalid is a failure with its text kept, never a quiet default. Prompts must be deterministic: no clock, no
unordered sets, or a resumed run would ask anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from pydantic import BaseModel

from agents.models.caller import Caller
from agents.models.reply import Check, Rejected, Reply, accept, repair_request, strict_schema
from agents.models.result import Answer, CallStopped, ModelFailure, ModelProblem, Usage
from agents.models.settings import ModelSettings, SchemaMode

if TYPE_CHECKING:
    import httpx2
    from langchain_core.messages import BaseMessage

T = TypeVar("T", bound=BaseModel)
_LONGEST_ECHO = 4_000
"""Characters of an invalid reply that are sent back with it."""
_GRACE_S = 10.0


@dataclass(frozen=True)
class Prompt:
    """A question as a role puts it."""

    role: str
    name: str
    version: str
    """Of the prompt file; stored with every case."""
    system: str
    user: str


class Model(Protocol):
    """What the roles ask; `ModelClient` is the one that reaches a server."""

    async def ask(
        self,
        prompt: Prompt,
        schema: type[T],
        *,
        case: str = "",
        sample: int = 0,
        generation: int = 0,
        check: Check[T] | None = None,
    ) -> Answer[T] | ModelFailure:
        """An answer that fits `schema` and passes `check`.

        `sample` tells several draws of one question apart; `generation` asks a finished question anew.
        """
        ...


class ModelClient:
    """One model at one server."""

    def __init__(
        self, settings: ModelSettings, caller: Caller, inner: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self.settings = settings
        self._caller = caller
        self._inner = inner
        self._chat: Any = None
        self._http: httpx2.AsyncClient | None = None
        self.usage: dict[str, Usage] = {}
        """Role → what its calls used so far, in this process."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let calls under way finish for a moment, then close."""
        await self._caller.finish(_GRACE_S)
        if self._http is not None:
            await self._http.aclose()

    async def ask(
        self,
        prompt: Prompt,
        schema: type[T],
        *,
        case: str = "",
        sample: int = 0,
        generation: int = 0,
        check: Check[T] | None = None,
    ) -> Answer[T] | ModelFailure:
        """See `Model.ask`."""
        usage, messages = Usage(), self._messages(prompt, schema)
        rejected, text = None, ""
        for repair in range(self.settings.repairs + 1):
            asked = _Asked(prompt.role, case, sample, generation + repair)
            result = await self._one(messages, schema, asked)
            if isinstance(result, ModelFailure):
                return result
            reply, used = result
            usage, text = usage + used, reply.text or reply.refusal
            self.usage[prompt.role] = self.usage.get(prompt.role, Usage()) + used
            value = accept(reply, schema, check)
            if not isinstance(value, Rejected):
                return Answer(value, text, usage, repair)
            rejected = value
            if not rejected.is_worth_repairing:
                break
            messages = [*messages, *_repair_messages(text, rejected)]
        return _failed(self.settings, prompt, rejected, text)

    async def _one(
        self, messages: Sequence[BaseMessage], schema: type[BaseModel], asked: _Asked
    ) -> tuple[Reply, Usage] | ModelFailure:
        from agents.models.transport import Asking, asking

        who = Asking(asked.role, asked.case, asked.sample, asked.generation)
        token = asking.set(who)
        try:
            message = await self._opened().ainvoke(list(messages), **self._format(schema))
        except CallStopped as stopped:
            return stopped.failure
        finally:
            asking.reset(token)
        return _reply(message), _usage(who.paid[-1])

    def _opened(self) -> Any:
        """The langchain client, made when first needed: its import alone takes two seconds."""
        if self._chat is None:
            from agents.models.opening import open_chat

            self._chat, self._http = open_chat(self.settings, self._caller, self._inner)
        return self._chat

    def _messages(self, prompt: Prompt, schema: type[BaseModel]) -> list[BaseMessage]:
        from langchain_core.messages import HumanMessage, SystemMessage

        system = prompt.system
        if self.settings.schema_mode is not SchemaMode.JSON_SCHEMA:
            shape = json.dumps(strict_schema(schema), ensure_ascii=False, sort_keys=True)
            system += (
                f"\n\nAnswer with one JSON object and nothing else. It must fit this JSON schema:\n{shape}"
            )
        return [SystemMessage(system), HumanMessage(prompt.user)]

    def _format(self, schema: type[BaseModel]) -> dict[str, Any]:
        """Sent in the body as it is: the library's own way of it raises on half a reply and loses the text."""
        body: dict[str, Any] = {}
        match self.settings.schema_mode:
            case SchemaMode.JSON_SCHEMA:
                shape = {"name": schema.__name__, "strict": True, "schema": strict_schema(schema)}
                body["response_format"] = {"type": "json_schema", "json_schema": shape}
            case SchemaMode.JSON_OBJECT:
                body["response_format"] = {"type": "json_object"}
        if not self.settings.is_openai:
            body["max_tokens"] = self.settings.max_output_tokens
        return {"extra_body": body} if body else {}


@dataclass(frozen=True)
class _Asked:
    role: str
    case: str
    sample: int
    generation: int


def _reply(message: Any) -> Reply:
    finish = message.response_metadata.get("finish_reason") or "stop"
    return Reply(_content(message.content), message.additional_kwargs.get("refusal") or "", str(finish))


def _content(content: Any) -> str:
    """Some servers send a reply in parts."""
    if isinstance(content, str):
        return content
    parts = (part if isinstance(part, str) else part.get("text", "") for part in content or ())
    return "".join(str(part) for part in parts)


def _usage(paid: Any) -> Usage:
    meta = paid.response.meta
    return Usage(
        prompt_tokens=meta["prompt_tokens"] or 0,
        completion_tokens=meta["completion_tokens"] or 0,
        cost_nanousd=0 if paid.from_journal else paid.response.cost_nanousd,
        calls=1,
        from_journal=int(paid.from_journal),
        cached_tokens=meta.get("cached_tokens") or 0,
    )


def _repair_messages(text: str, rejected: Rejected) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage

    return [AIMessage(text[:_LONGEST_ECHO]), HumanMessage(repair_request(rejected))]


def _failed(settings: ModelSettings, prompt: Prompt, rejected: Rejected | None, text: str) -> ModelFailure:
    if rejected is None:
        raise AssertionError("a question is asked at least once")
    tries = "" if rejected.problem is ModelProblem.REFUSED else f" after {settings.repairs} repairs"
    message = f"{settings.model} as {prompt.role} gave no usable answer{tries}: {rejected.message}"
    return ModelFailure(rejected.problem, message, text)
