"""Which machines the program may connect to: public addresses, and an explicit list of private ones.

A name is resolved once, each of its addresses is checked, and the connection goes to a checked address,
so a name that changes its mind between check and connect (DNS rebinding) gains nothing. The check runs
for every connection, hence for every redirect too. Proxies set in the environment are not used, because
behind one the program cannot see where a connection ends.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpcore

from corpus.errors import InvalidInput

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]


class PrivateAddress(OSError):
    """A name leads to an address that is not public and not on the allow-list."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host name by the system's resolver; raises OSError where there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class AllowedPeer:
    """One entry of the allow-list: a network, or a host name, with a port where only that one is meant."""

    network: IPNetwork | None
    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> AllowedPeer:
        """Read `10.1.0.0/16`, `127.0.0.1:8080`, `[::1]:8080` or `mirror.example:80`."""
        host, port = _split_port(text.strip())
        try:
            return cls(ipaddress.ip_network(host, strict=False), "", port)
        except ValueError:
            if not host or "/" in host or " " in host:
                raise InvalidInput(
                    f"{text!r} is no address to allow; write 10.1.0.0/16, 127.0.0.1:8080 or mirror.example."
                ) from None
            return cls(None, host.lower(), port)

    def admits(self, host: str, address: IPAddress, port: int) -> bool:
        """Whether this entry lets a connection to `address` through."""
        if self.port is not None and self.port != port:
            return False
        return address in self.network if self.network is not None else host.lower() == self.name


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest[1:].isdigit() else None
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit() and ":" not in host:
        return host, int(port)
    return text, None


class AddressPolicy:
    """Decides whether a connection may be made, and to which address."""

    def __init__(self, allowed: Iterable[str] = (), resolver: Resolver = resolve) -> None:
        self.allowed = tuple(AllowedPeer.parse(entry) for entry in allowed)
        self._resolver = resolver

    async def address(self, host: str, port: int) -> str:
        """The checked address to connect to; raises `PrivateAddress`, or OSError for an unknown name."""
        bare = host.strip("[]")
        literal = _literal(bare)
        texts = [str(literal)] if literal else await self._resolver(bare, port)
        if not texts:
            raise OSError(f"{bare} has no address.")
        refused = [text for text in texts if not self._admits(bare, text, port)]
        if refused:
            raise PrivateAddress(
                f"{bare} leads to {refused[0]}, which is not a public address; allow it explicitly if it is "
                f'a mirror of yours (allow = ["{refused[0]}:{port}"] in hosts.toml).'
            )
        return texts[0]

    def _admits(self, host: str, text: str, port: int) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        return is_public(address) or any(peer.admits(host, address, port) for peer in self.allowed)


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: IPAddress) -> bool:
    """Whether an address is globally reachable unicast; IPv4 inside IPv6 (mapped, 6to4, Teredo, NAT64) too."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's network backend, connecting to checked addresses only."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the checked address of `host`; TLS still verifies the name."""
        address = await self._policy.address(host, port)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: no address to check."""
        raise PrivateAddress(f"{path} is a local socket, which pages are not fetched from.")

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks between its own connection tries."""
        await asyncio.sleep(seconds)
