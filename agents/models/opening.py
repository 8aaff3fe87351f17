"""Opens the langchain client over our transport. Imports langchain-openai, hence imported late.

Retries are off (each would be billed unseen), the Responses interface is off (other servers lack it), and
no token limit is left to a default, because the budget reserves by it.
"""

from __future__ import annotations

from typing import Any

import httpx2
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from agents.models.caller import Caller
from agents.models.settings import ModelSettings
from agents.models.transport import JournalTransport

_CONNECT_S = 20.0


class _NoBlockingCalls(httpx2.BaseTransport):
    """The blocking side of the client would pass the journal by."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise RuntimeError(
            f"A blocking call to {request.url} would not be journalled; use the asynchronous one."
        )


def open_chat(
    settings: ModelSettings, caller: Caller, inner: httpx2.AsyncBaseTransport | None
) -> tuple[ChatOpenAI, httpx2.AsyncClient]:
    """The chat client and the HTTP client below it, which the caller closes."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=settings.concurrency)
    timeout = httpx2.Timeout(settings.timeout_s, connect=_CONNECT_S, pool=None)
    encrypted = settings.base_url.startswith("https:")  # reading the trust store takes 60 ms
    transport = JournalTransport(caller, inner or httpx2.AsyncHTTPTransport(verify=encrypted, limits=limits))
    http = httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
    options: dict[str, Any] = {}
    if settings.temperature is not None:
        options["temperature"] = settings.temperature
    if settings.reasoning_effort:
        options["reasoning_effort"] = settings.reasoning_effort
    chat = ChatOpenAI(
        model=settings.model,
        base_url=settings.url,
        api_key=SecretStr(settings.api_key or "none"),
        max_retries=0,
        timeout=timeout,
        max_completion_tokens=settings.max_output_tokens if settings.is_openai else None,
        http_async_client=http,
        http_client=httpx2.Client(transport=_NoBlockingCalls(), trust_env=False, verify=False),
        use_responses_api=False,
        disable_streaming=True,
        **options,
    )
    return chat, http
