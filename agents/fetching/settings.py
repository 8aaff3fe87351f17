"""How the program presents itself to the web and how much it takes: one frozen object."""

from __future__ import annotations

from dataclasses import dataclass

PRODUCT = "PsychoHistory"
VERSION = "0.1.0"


@dataclass(frozen=True)
class FetchSettings:
    """Limits of every fetch; a request may narrow or widen bytes and time for itself."""

    contact: str = ""
    """An address or a page where an operator of a site reaches the user; several services ask for it."""
    max_bytes: int = 10_000_000
    """Of the body after decompression."""
    timeout_s: float = 30.0
    """Of one exchange, from connecting to the last byte."""
    connect_timeout_s: float = 10.0
    max_redirects: int = 5
    tries: int = 3
    """Of one request, the first included; only passing faults are tried again."""
    max_wait_s: float = 120.0
    """The longest Retry-After that is waited for."""

    @property
    def user_agent(self) -> str:
        """`PsychoHistory/0.1.0 (contact)`, the form that Wikimedia's policy asks for."""
        return f"{PRODUCT}/{VERSION} ({self.contact or 'no contact set'})"
