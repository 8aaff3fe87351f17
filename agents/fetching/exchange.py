"""One exchange with redirects: address check, byte cap, time cap; no retries, no journal.

Cookies are not kept, credentials do not follow a redirect to another origin, and a redirect is followed
for GET only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from agents.fetching.addresses import PrivateAddress
from agents.fetching.decoding import BadEncoding, BoundedDecoder, TooLarge
from agents.fetching.result import FetchFailure, FetchProblem, WebRequest
from agents.fetching.settings import FetchSettings

_KEPT_HEADERS = ("content-type", "last-modified", "date", "memento-datetime", "retry-after")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class RawResponse:
    """A whole response, decompressed, whatever its status."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    def retry_after_s(self, now: datetime) -> float | None:
        """Seconds the server asks to wait, from either form of Retry-After; None where it names none."""
        return retry_after_s(self.headers.get("retry-after", ""), now)


def retry_after_s(text: str, now: datetime) -> float | None:
    """Seconds in a Retry-After header: a number, or an HTTP date; None where it is neither."""
    text = text.strip()
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def host_of(url: str) -> str:
    """`name`, or `name:port` where the address names a port."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""


def bad_address(url: str) -> str | None:
    """Why an address cannot be fetched; None where it can."""
    try:
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        return f"{url[:200]!r} is not a web address."
    if parts.scheme not in {"http", "https"} or not has_host:
        return f"{url[:200]!r} is not an http or https address."
    if parts.username or parts.password:
        return f"The address on {parts.hostname} carries a user name; such addresses are not fetched."
    return None


class Exchanger:
    """Sends a request and follows its redirects."""

    def __init__(self, settings: FetchSettings, transport: httpx.AsyncBaseTransport) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(
            transport=transport,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(settings.timeout_s, connect=settings.connect_timeout_s, pool=None),
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "gzip, deflate"},
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, request: WebRequest) -> RawResponse | FetchFailure:
        """The response at the end of the redirects, or why there is none."""
        seconds = request.timeout_s or self._settings.timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(request)
        except (TimeoutError, httpx.TimeoutException):
            return _failure(request, FetchProblem.TIMEOUT, f"{request.url} took longer than {seconds:g} s.")
        except PrivateAddress as error:
            return _failure(request, FetchProblem.PRIVATE_ADDRESS, f"{request.url} was not fetched: {error}")
        except TooLarge:
            return _failure(request, FetchProblem.TOO_LARGE, self._too_large(request))
        except (BadEncoding, httpx.DecodingError) as error:
            message = f"{request.url} sent a body that cannot be unpacked: {error}."
            return _failure(request, FetchProblem.BAD_ENCODING, message)
        except (httpx.TransportError, OSError) as error:
            message = f"{request.url} did not answer: {error or type(error).__name__}."
            return _failure(request, FetchProblem.UNREACHABLE, message)
        except (httpx.InvalidURL, UnicodeError) as error:
            return _failure(
                request, FetchProblem.BAD_ADDRESS, f"{request.url[:200]!r} is not valid: {error}."
            )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _too_large(self, request: WebRequest) -> str:
        return (
            f"{request.url} is larger than {request.max_bytes or self._settings.max_bytes:,} bytes unpacked."
        )

    async def _follow(self, request: WebRequest) -> RawResponse | FetchFailure:
        url, params = request.url, {**request.params, **request.secret_params}
        secret_headers = request.secret_headers
        for _ in range(self._settings.max_redirects + 1):
            if problem := bad_address(url):
                return _failure(request, FetchProblem.BAD_ADDRESS, problem)
            asked = self._client.build_request(
                request.method,
                httpx.URL(url).copy_merge_params(params) if params else url,
                headers={**request.headers, **secret_headers},
                json=request.json,
            )
            response = await self._client.send(asked, stream=True)
            try:
                target = response.headers.get("location") if response.status_code in _REDIRECTS else None
                if target is None or request.method != "GET":
                    return await self._read(request, response, url)
                target = str(asked.url.join(target))
            finally:
                await response.aclose()
            if _origin(target) != _origin(str(asked.url)):
                secret_headers = {}
            url, params = target, {}
        message = f"{request.url} redirects more than {self._settings.max_redirects} times."
        return _failure(request, FetchProblem.REDIRECTS, message)

    async def _read(self, request: WebRequest, response: httpx.Response, url: str) -> RawResponse:
        limit = request.max_bytes or self._settings.max_bytes
        declared = response.headers.get("content-length", "")
        coding = response.headers.get("content-encoding", "")
        if declared.isdigit() and int(declared) > limit and not coding:
            raise TooLarge
        decoder = BoundedDecoder(coding, limit)
        async for chunk in response.aiter_raw():
            decoder.feed(chunk)
        kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        return RawResponse(_without_secrets(url, request), response.status_code, kept, decoder.content())


def _without_secrets(url: str, request: WebRequest) -> str:
    """A redirect may repeat a key in its target; addresses are stored and shown without."""
    for secret in request.secret_params.values():
        url = url.replace(secret, "***")
    return url


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _failure(request: WebRequest, problem: FetchProblem, message: str) -> FetchFailure:
    return FetchFailure(problem, message, request.url)
