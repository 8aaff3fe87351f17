"""How trees are served. Made by whoever starts the server, fixed while it runs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from corpus.addresses import is_loopback
from corpus.errors import InvalidInput
from training.serve.keys import KeyRing
from training.trees import Effort

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ServeSettings:
    """Who may ask, under which names, how often, and how long an answer may take."""

    origin: str
    """The address people type, such as `http://127.0.0.1:8766`."""
    keys: KeyRing
    effort: Effort = field(default_factory=Effort)
    depth: int = 3
    """Where a request names none."""
    branches: int = 4
    """Where a request names none."""
    seconds: float = 120.0
    """From a request's arrival to its answer, waiting included."""
    waiting: int = 8
    """Requests that may wait for the model, the one that it works on included."""
    a_minute: int = 30
    """Trees a minute and key, on average."""
    burst: int = 10
    """Trees a key may ask for at once."""
    most_bytes: int = 65_536
    """Of a request's body."""
    cache: Path | None = None
    """Where trees are kept; None keeps them in memory."""
    cache_bytes: int = 256 * 1024 * 1024
    notice: str = ""
    """What the page says above every tree, such as that the model forecasts nothing."""

    @property
    def hosts(self) -> frozenset[str]:
        """Accepted Host headers: the origin's own, and this machine's names where it is one of them."""
        parts = urlsplit(self.origin)
        names = {parts.hostname or ""}
        if is_loopback(parts.hostname or ""):
            names |= {"127.0.0.1", "localhost", "[::1]"}
        usual = DEFAULT_PORTS.get(parts.scheme)
        port = parts.port or usual
        found = {f"{name}:{port}" for name in names}
        return frozenset(found | names if port == usual else found)

    @property
    def secure(self) -> bool:
        """Whether cookies are for TLS only."""
        return self.origin.startswith("https://")


def check_exposure(host: str, *, tls: bool, proxy: str | None, keys: KeyRing) -> None:
    """Refuse to serve other machines in the clear, or without keys."""
    if proxy is not None:
        parts = urlsplit(proxy)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if not safe or not parts.hostname:
            raise InvalidInput(f"{proxy!r} is no https address; a proxy for other machines must speak TLS.")
    elif not is_loopback(host) and not tls:
        raise InvalidInput(
            f"{host} can be reached by other machines; add --tls-cert and --tls-key, or --proxy https://… with the "
            "address of the reverse proxy in front."
        )
    elif _is_any(host):
        raise InvalidInput(
            f"{host} is no address that people type; name the one they do with --proxy https://…, or listen on it."
        )
    local = is_loopback(host) and (proxy is None or is_loopback(urlsplit(proxy).hostname or ""))
    if not local and not keys.names:
        raise InvalidInput(
            f"{proxy or host} can be reached by other machines and there is no API key; make one with "
            "`training key NAME --keys FILE` and start with --keys FILE, or set PSYCHOHISTORY_API_KEYS."
        )


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False
