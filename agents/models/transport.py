"""The seam between the client library and the journal: an httpx2 transport that asks our caller.

The openai package uses httpx2 inside, so the journal sits below everything that parses. Who asks, the
sample number and the generation travel beside the request in a context variable, because the library in
between knows only messages. Imports httpx2, which is why this module is imported when a model is opened
and not before.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx2

from agents.models.caller import Caller, Paid, PaidCall, SendFault
from agents.models.envelope import Received
from agents.models.result import CallStopped, ModelFailure, ModelProblem


@dataclass
class Asking:
    """Who asks, for which case, and which of several same questions this is."""

    role: str
    case: str = ""
    sample: int = 0
    generation: int = 0
    paid: list[Paid] = field(default_factory=list)
    """Filled with the responses that came back."""


asking: ContextVar[Asking] = ContextVar("asking")


class JournalTransport(httpx2.AsyncBaseTransport):
    """Answers from the journal, or lets the caller buy the response through `inner`."""

    def __init__(self, caller: Caller, inner: httpx2.AsyncBaseTransport) -> None:
        self._caller = caller
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One call of the library; raises `CallStopped` where there is no response to parse."""
        raw = await request.aread()
        who = asking.get()
        call = PaidCall(
            url=str(request.url),
            body=json.loads(raw),
            raw=raw,
            role=who.role,
            case=who.case,
            sample=who.sample,
            generation=who.generation,
        )
        result = await self._caller.call(call, lambda body: self._send(request, body))
        if isinstance(result, ModelFailure):
            raise CallStopped(result)
        who.paid.append(result)
        headers = {"Content-Type": str(result.response.meta["content_type"])}
        return httpx2.Response(200, headers=headers, content=result.response.body, request=request)

    async def aclose(self) -> None:
        """Close the connections below."""
        await self._inner.aclose()

    async def _send(self, request: httpx2.Request, body: bytes) -> Received:
        """One exchange. Before the request is out nothing can be billed; afterwards it may be."""
        where = f"{request.url.scheme}://{request.url.netloc.decode()}"
        asked = httpx2.Request(
            request.method, request.url, headers=request.headers, content=body, extensions=request.extensions
        )
        try:
            response = await self._inner.handle_async_request(asked)
            content = await response.aread()
            await response.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            message = f"{where} cannot be reached: {error or type(error).__name__}."
            raise SendFault(ModelProblem.UNREACHABLE, message, billable=False) from error
        except httpx2.TimeoutException as error:
            message = f"{where} did not answer in time."
            raise SendFault(ModelProblem.TIMEOUT, message, billable=True) from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            message = f"{where} broke off: {error or type(error).__name__}."
            raise SendFault(ModelProblem.UNREACHABLE, message, billable=True) from error
        return Received(response.status_code, dict(response.headers.items()), content)
