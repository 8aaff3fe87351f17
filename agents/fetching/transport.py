"""An httpx transport over an httpcore pool whose connections go to checked addresses only.

httpx's own transport takes no network backend; this one hands requests to a pool that has ours. HTTP/1.1
only; TLS by the system's trust store as httpx sets it up.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache

import httpcore
import httpx

from agents.fetching.addresses import AddressPolicy, CheckedBackend

_MAPPED: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.TimeoutException: httpx.ReadTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.NetworkError: httpx.ReadError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.ProtocolError: httpx.RemoteProtocolError,
}


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # mapped by kind below; what has no mapping goes on as it is
        for kind, mapped in _MAPPED.items():
            if isinstance(error, kind):
                raise mapped(str(error)) from error
        raise


@cache
def _trust_store() -> ssl.SSLContext:
    """Read once per process: it takes 60 ms."""
    return httpx.create_ssl_context()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _mapped_errors():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        with _mapped_errors():
            await self._response.aclose()


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends requests through a pool of checked connections."""

    def __init__(self, policy: AddressPolicy, max_connections: int = 100) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trust_store(),
            max_connections=max_connections,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            network_backend=CheckedBackend(policy),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; redirects are the caller's to follow, so that each is checked."""
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _mapped_errors():
            answer = await self._pool.handle_async_request(asked)
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Stream(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
