"""API keys: stored as hashes, compared in constant time. A key has 192 random bits, so a plain sha256 is enough.

A key file holds one `name sha256` a line and is readable by its owner alone. The variable
PSYCHOHISTORY_API_KEYS holds `name:key` pairs, separated by commas; they are hashed when the server starts.
Does not cover: rights that differ between keys.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from corpus.errors import InvalidFile, InvalidInput

KEYS_VARIABLE = "PSYCHOHISTORY_API_KEYS"
SHORTEST_KEY = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_HASH = re.compile(r"[0-9a-f]{64}")


class KeyRing:
    """Who holds which key."""

    def __init__(self, hashes: Mapping[str, str] | None = None) -> None:
        self._hashes = dict(hashes or {})

    @property
    def names(self) -> frozenset[str]:
        """Whose keys there are."""
        return frozenset(self._hashes)

    def whose(self, key: str) -> str | None:
        """The holder of a key; every stored hash is compared, so that time tells nothing."""
        given, found = hashed(key), None
        for name, stored in self._hashes.items():
            if hmac.compare_digest(given, stored):
                found = name
        return found

    def with_new(self, name: str) -> tuple[KeyRing, str]:
        """A ring with one key more, and that key, which is kept nowhere."""
        key = new_key()
        return KeyRing(self._hashes | {checked_name(name): hashed(key)}), key

    def lines(self) -> list[str]:
        """The ring as a key file has it."""
        return [f"{name} {stored}" for name, stored in sorted(self._hashes.items())]

    def joined(self, other: KeyRing) -> KeyRing:
        """Both rings; raises InvalidInput where a name stands in both."""
        twice = sorted(self.names & other.names)
        if twice:
            raise InvalidInput(f"The key {twice[0]!r} stands in the file and in {KEYS_VARIABLE}; remove one.")
        return KeyRing(self._hashes | other._hashes)


def new_key() -> str:
    """A fresh key."""
    return secrets.token_urlsafe(24)


def hashed(key: str) -> str:
    """What is stored of a key."""
    return sha256(key.encode()).hexdigest()


def checked_name(name: str) -> str:
    """A name that can stand in a file and in a metric; raises InvalidInput for others."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name of a key; use letters, digits, dots, dashes, at most 40.")
    return name


def keys_of_variable(text: str) -> KeyRing:
    """The keys of `name:key,name:key`; raises InvalidInput where a key is short or a name stands twice."""
    found: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, key = pair.partition(":")
        if len(key) < SHORTEST_KEY:
            raise InvalidInput(
                f"{KEYS_VARIABLE}: the key of {name!r} has {len(key)} characters; {SHORTEST_KEY} are the least, "
                "written as name:key."
            )
        if name in found:
            raise InvalidInput(f"{KEYS_VARIABLE}: {name!r} stands twice; give each key a name of its own.")
        found[checked_name(name)] = hashed(key)
    return KeyRing(found)


def read_keys(file: Path) -> KeyRing:
    """The keys of a file; raises InvalidFile where a line is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as fault:
        raise InvalidFile(
            f"{file} cannot be read ({fault.strerror}); make it with `training key NAME`."
        ) from fault
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, stored = line.partition(" ")
        if not line.strip():
            continue
        if not _NAME.fullmatch(name) or not _HASH.fullmatch(stored) or name in found:
            raise InvalidFile(f"{file}, line {number}: not `name sha256`, or a name that stands twice.")
        found[name] = stored
    return KeyRing(found)


def write_keys(file: Path, ring: KeyRing) -> None:
    """Write a key file whole, for its owner alone."""
    partial = file.with_name(f"{file.name}.partial")
    handle = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write("".join(f"{line}\n" for line in ring.lines()))
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)
