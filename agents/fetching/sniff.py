"""What a body really is, by its first bytes: a suffix or a header may lie.

Tells apart the types the project reads, and nothing finer. Text that is neither HTML, XML nor JSON is
plain text, a broken picture is binary.
"""

from __future__ import annotations

import re
from enum import StrEnum


class MediaType(StrEnum):
    """Types of content that are told apart."""

    HTML = "html"
    """A page."""
    PDF = "pdf"
    """A PDF file, whatever its address ends in."""
    JSON = "json"
    """An object or an array."""
    XML = "xml"
    """A feed, a sitemap, Atom."""
    ZIP = "zip"
    """A zip archive; spreadsheets (.xlsx) are such."""
    TEXT = "text"
    """Readable text of no other type: CSV, robots.txt, an error in prose."""
    BINARY = "binary"
    """Anything else."""
    EMPTY = "empty"
    """No bytes."""


_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|script|div|p|h1|table|article)\b", re.I)
_BOM = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27})


def sniff(content: bytes) -> MediaType:
    """The type of `content` by its first 1,024 bytes."""
    head = content[:1024]
    for mark in _BOM:
        head = head.removeprefix(mark)
    start = head.lstrip()
    if not start:
        return MediaType.EMPTY if len(content) <= len(head) else MediaType.TEXT
    if b"%PDF-" in head:
        return MediaType.PDF
    if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
        return MediaType.ZIP
    if start.startswith(b"<?xml") and not re.search(rb"<html\b", head, re.I):
        return MediaType.XML
    if start.startswith(b"<") and _HTML.search(head):
        return MediaType.HTML
    if start.startswith(b"<") and re.match(rb"<[A-Za-z][\w:.-]*[\s>]", start):
        return MediaType.XML
    if start[:1] in b"{[":
        return MediaType.JSON
    return MediaType.BINARY if start.translate(None, _CONTROL) != start else MediaType.TEXT
