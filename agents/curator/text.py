"""Text from cases and pages, made fit to be looked at: nothing hidden, nothing that turns the reading order.

Escaping is the template engine's work; this is about characters that a browser would act on although they
are escaped: directions, joiners, controls.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, urlsplit

LONGEST = 4_000
"""Characters of one text that a page shows; the rest is counted."""
_KEPT = frozenset("\n\t")


def visible(text: object, limit: int = LONGEST) -> str:
    """The text with unseen characters written as ⟨U+202E⟩, cut with a note where it is very long."""
    said = str(text)
    shown = "".join(_visible(char) for char in said[:limit])
    if len(said) > limit:
        shown += f" … {len(said) - limit:,} more characters"
    return shown


def _visible(char: str) -> str:
    if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"):
        return char
    return f"⟨U+{ord(char):04X}⟩"


def web_address(url: str) -> str | None:
    """The address if a browser may follow it: http or https with a host; else None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in url):
        return None
    return url


def quote_address(url: str, exact: str, words: int = 8) -> str | None:
    """The address with a text fragment that lets the browser scroll to a quotation of the page."""
    address = web_address(url)
    tokens = exact.split()
    if address is None or not tokens:
        return address
    head = quote(" ".join(tokens[:words]), safe="").replace("-", "%2D")
    tail = quote(" ".join(tokens[-words:]), safe="").replace("-", "%2D")
    fragment = head if len(tokens) <= 2 * words else f"{head},{tail}"
    return f"{address.split('#')[0]}#:~:text={fragment}"
