"""Unpacking a compressed body under a cap, so that a bomb costs no more memory than the cap.

gzip, zlib and raw deflate, and layers of them. The client asks for nothing else; a server that sends
another coding all the same gets a failure.
"""

from __future__ import annotations

import zlib
from typing import Protocol

_STEP = 64 * 1024
_MAX_LAYERS = 3


class TooLarge(ValueError):
    """The unpacked body is larger than the cap."""


class BadEncoding(ValueError):
    """The body is not what its Content-Encoding says, or the coding is unknown."""


class _Layer(Protocol):
    def feed(self, data: bytes, room: int) -> bytes: ...


class _Zlib:
    def __init__(self, coding: str) -> None:
        self._raw_allowed = coding == "deflate"
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | (0 if self._raw_allowed else 16))

    def feed(self, data: bytes, room: int) -> bytes:
        """At most `room` + 1 bytes out of `data`; raises `TooLarge` where more wait."""
        try:
            out = self._inflater.decompress(data, room + 1)
        except zlib.error as error:
            out = self._as_raw_deflate(data, room, error)
        self._raw_allowed = False
        if len(out) > room or self._inflater.unconsumed_tail:
            raise TooLarge
        return out

    def _as_raw_deflate(self, data: bytes, room: int, error: zlib.error) -> bytes:
        """Some servers call raw deflate `deflate`; only the first bytes may show it."""
        if not self._raw_allowed:
            raise BadEncoding(str(error)) from error
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._inflater.decompress(data, room + 1)
        except zlib.error as second:
            raise BadEncoding(str(second)) from second


class BoundedDecoder:
    """Takes a body chunk by chunk, unpacks it, and refuses to hold more than `max_bytes`."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        codings = [part.strip().lower() for part in content_encoding.split(",") if part.strip()]
        codings = [coding for coding in codings if coding != "identity"]
        unknown = [coding for coding in codings if coding not in {"gzip", "x-gzip", "deflate"}]
        if unknown or len(codings) > _MAX_LAYERS:
            raise BadEncoding(f"content coding {content_encoding!r}")
        self._layers: list[_Layer] = [_Zlib(coding) for coding in reversed(codings)]
        self._max = max_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Unpack one chunk; raises `TooLarge` or `BadEncoding`."""
        for at in range(0, len(chunk), _STEP):
            data = chunk[at : at + _STEP]
            for layer in self._layers:
                data = layer.feed(data, self._max - self._size)
            self._size += len(data)
            if self._size > self._max:
                raise TooLarge
            self._parts.append(data)

    def content(self) -> bytes:
        """All that came, unpacked."""
        return b"".join(self._parts)
