"""Unpacking under a cap, telling types apart, reading Retry-After, the identity of a request."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.fetching.decoding import BadEncoding, BoundedDecoder, TooLarge
from agents.fetching.exchange import bad_address, retry_after_s
from agents.fetching.result import WebRequest
from agents.fetching.sniff import MediaType, sniff
from agents.journal import CallKind, call_key

NOW = datetime(2025, 1, 5, 10, 0, tzinfo=UTC)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {"": bytes, "identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}


@given(st.binary(max_size=5000), st.sampled_from(sorted(PACKERS)), st.integers(1, 700))
def test_every_coding_comes_apart_in_any_pieces(data: bytes, coding: str, piece: int) -> None:
    decoder = BoundedDecoder(coding, 5000)
    packed = PACKERS[coding](data)
    for at in range(0, len(packed), piece):
        decoder.feed(packed[at : at + piece])
    assert decoder.content() == data


def test_raw_deflate_and_layers_come_apart() -> None:
    for coding, packed in (
        ("deflate", raw_deflate(b"page" * 50)),
        ("gzip, deflate", zlib.compress(gzip.compress(b"page" * 50))),
    ):
        decoder = BoundedDecoder(coding, 1000)
        decoder.feed(packed)
        assert decoder.content() == b"page" * 50


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_cap_is_exact(size: int, cap: int) -> None:
    decoder = BoundedDecoder("gzip", cap)
    if size <= cap:
        decoder.feed(gzip.compress(b"x" * size))
        assert len(decoder.content()) == size
    else:
        with pytest.raises(TooLarge):
            decoder.feed(gzip.compress(b"x" * size))


def test_a_bomb_of_bombs_stops_at_the_cap() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 50_000_000))
    with pytest.raises(TooLarge):
        BoundedDecoder("gzip, gzip", 1_000_000).feed(bomb)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "gzip, gzip, gzip, gzip"])
def test_a_coding_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(BadEncoding):
        BoundedDecoder(coding, 10)


def test_a_body_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(BadEncoding):
        BoundedDecoder("gzip", 1000).feed(b"<html>plain</html>")


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"%PDF-1.7 ...", MediaType.PDF),
        (b"\n\n%PDF-1.4", MediaType.PDF),
        (b"<!DOCTYPE html><html>", MediaType.HTML),
        (b"\xef\xbb\xbf  <HTML>", MediaType.HTML),
        (b"<?xml version='1.0'?><html xmlns='x'>", MediaType.HTML),
        (b"<?xml version='1.0'?><feed>", MediaType.XML),
        (b"<rss version='2.0'>", MediaType.XML),
        (b'{"a": 1}', MediaType.JSON),
        (b"[1]", MediaType.JSON),
        (b"PK\x03\x04....", MediaType.ZIP),
        (b"Please limit requests to one every 5 seconds.", MediaType.TEXT),
        (b"\x89PNG\r\n\x1a\n\0\0", MediaType.BINARY),
        (b"", MediaType.EMPTY),
        (b"  \n", MediaType.EMPTY),
    ],
)
def test_types_are_told_by_the_first_bytes(content: bytes, media: MediaType) -> None:
    assert sniff(content) is media


@given(st.binary(max_size=2000))
def test_any_bytes_have_a_type(content: bytes) -> None:
    assert sniff(content) in MediaType


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("Sun, 05 Jan 2025 10:00:30 GMT", 30.0),
        ("Sun, 05 Jan 2025 09:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://u:p@a.example/",
        "http://[::1",
    ],
)
def test_addresses_that_are_not_fetched(url: str) -> None:
    assert bad_address(url)


def test_a_request_is_known_by_what_decides_its_response_and_not_by_its_key() -> None:
    def key(**changes: object) -> str:
        return call_key(CallKind.FETCH, WebRequest("https://a.example/x", **changes).identity())  # type: ignore[arg-type]

    same = key(secret_params={"api_key": "one"}, secret_headers={"X-Key": "one"}, timeout_s=3, label="a")
    assert same == key()
    assert (
        len({key(), key(params={"q": "1"}), key(method="POST"), key(json={"q": 1}), key(generation=1)}) == 5
    )
    assert "hush" not in repr(WebRequest("https://a.example/x", secret_params={"api_key": "hush"}))
