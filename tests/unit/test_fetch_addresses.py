"""Which addresses may be connected to."""

from __future__ import annotations

import asyncio
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.fetching.addresses import AddressPolicy, AllowedPeer, PrivateAddress, is_public
from corpus.errors import InvalidInput

PRIVATE = """127.0.0.1 10.0.0.5 172.16.3.4 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1
255.255.255.255 ::1 :: fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1
2002:7f00:1:: 2001:0:7f00:1:0:0:f5ff:fffe 192.0.2.1 198.18.0.1""".split()
PUBLIC = "8.8.8.8 93.184.216.34 2606:2800:220:1:248:1893:25c8:1946 ::ffff:8.8.8.8 64:ff9b::808:808".split()


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_that_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_private_ipv4_stays_private_inside_ipv6(address: ipaddress.IPv4Address) -> None:
    assert not is_public(ipaddress.IPv6Address(f"::ffff:{address}"))
    assert not is_public(ipaddress.IPv6Address(f"64:ff9b::{address}"))


def policy(names: dict[str, list[str]], *allowed: str) -> AddressPolicy:
    async def lookup(host: str, port: int) -> list[str]:
        return names[host]

    return AddressPolicy(allowed, lookup)


def check(policy: AddressPolicy, host: str, port: int = 80) -> str:
    return asyncio.run(policy.address(host, port))


def test_a_name_with_one_private_address_is_refused_whole() -> None:
    with pytest.raises(PrivateAddress, match=r"mixed\.example leads to 10\.0\.0\.1, which is not a public"):
        check(policy({"mixed.example": ["93.184.216.34", "10.0.0.1"]}), "mixed.example")


def test_a_public_name_gives_the_address_that_was_checked() -> None:
    assert check(policy({"site.example": ["93.184.216.34"]}), "site.example") == "93.184.216.34"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254"])
def test_a_literal_private_address_is_refused_without_a_lookup(host: str) -> None:
    with pytest.raises(PrivateAddress):
        check(policy({}), host)


def test_the_allow_list_takes_networks_ports_and_names() -> None:
    names = {"mirror.example": ["10.0.0.9"], "other.example": ["10.0.0.9"]}
    assert check(policy(names, "10.0.0.0/24"), "mirror.example") == "10.0.0.9"
    assert check(policy(names, "mirror.example:80"), "mirror.example") == "10.0.0.9"
    assert check(policy({}, "[::1]:80"), "[::1]") == "::1"
    for allowed, host, port in (
        ("mirror.example", "other.example", 80),
        ("mirror.example:81", "mirror.example", 80),
        ("10.0.0.9:8080", "mirror.example", 80),
    ):
        with pytest.raises(PrivateAddress):
            check(policy(names, allowed), host, port)


def test_the_refusal_names_the_entry_that_would_allow_it() -> None:
    with pytest.raises(PrivateAddress, match=r'allow = \["10\.0\.0\.9:81"\]'):
        check(policy({"mirror.example": ["10.0.0.9"]}), "mirror.example", 81)


@pytest.mark.parametrize("text", ["", "10.0.0.0/99", "two words"])
def test_an_unreadable_entry_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no address to allow"):
        AllowedPeer.parse(text)
