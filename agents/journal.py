"""What the agents ask of a journal of calls, and the records it exchanges.

Every call to a model or to the web goes through a journal: an attempt is written before the request
leaves, and the raw response is committed the moment it has arrived, before anybody parses it. A call
whose key already has a response is never made again, so a killed run pays for nothing twice.

This module holds the interface only. The store behind it is `db.journal`, wired in by the command line;
`agents.tape` implements the same interface over a folder for `--record` and `--replay`. Money is counted
in whole nano-dollars, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any, Protocol

from corpus.identity import tagged_hash

NANO = 1_000_000_000


class CallKind(StrEnum):
    """What a journalled call goes to."""

    MODEL = "model"
    """A language model; costs money."""
    FETCH = "fetch"
    """A page, a file or a provider's interface."""


@dataclass(frozen=True)
class Call:
    """One call as it is about to be made; secrets are never part of it."""

    key: str
    """Hash of everything that decides the response; two calls with one key are the same call."""
    kind: CallKind
    label: str
    """Who asks: a role or a provider."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """What was hashed, kept for people and for the tape."""
    reserve_nanousd: int = 0
    """The most this call can cost."""


@dataclass(frozen=True)
class Response:
    """A raw response as it arrived."""

    body: bytes
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Status, final address, some headers, token counts: JSON only."""
    cost_nanousd: int = 0


@dataclass(frozen=True)
class Attempt:
    """The receipt for an attempt row; handed back on commit or abandon."""

    id: str
    call: Call


@dataclass(frozen=True)
class BudgetFull:
    """A refusal: the reservation does not fit under the cap. Nothing was written."""

    cap_nanousd: int
    spent_nanousd: int
    reserved_nanousd: int
    """Held by calls in flight, here or in another process; None of it is free until they end."""
    wanted_nanousd: int

    @property
    def message(self) -> str:
        """One sentence for the run's summary."""
        return (
            f"The cap of {dollars(self.cap_nanousd)} is reached: {dollars(self.spent_nanousd)} spent, "
            f"{dollars(self.reserved_nanousd)} held by calls in flight, and the next call may cost "
            f"{dollars(self.wanted_nanousd)}; resume the run with a higher --max-usd."
        )


@dataclass(frozen=True)
class NotOnTape:
    """A refusal: a replay makes no calls, and its tape has no response to this one."""

    message: str


class Journal(Protocol):
    """Calls made and responses received; every method is durable when it returns."""

    async def response(self, key: str) -> Response | None:
        """The committed response of a call, or None where it was never finished."""
        ...

    async def begin(self, call: Call) -> Attempt | BudgetFull | NotOnTape:
        """Write an attempt row and reserve its worst case, atomically with the check against the cap."""
        ...

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """Store the response and turn the reservation into its real cost, in one transaction."""
        ...

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """Close an attempt without a response; a billable one keeps its reservation as spent."""
        ...


def call_key(kind: CallKind, request: Mapping[str, Any]) -> str:
    """The journal key of a request: a tagged hash of its canonical JSON."""
    return tagged_hash(f"call/{kind}/v1", dict(request))


def nanousd(usd: float | Decimal | str) -> int:
    """Dollars as whole nano-dollars, rounded up."""
    return int((Decimal(str(usd)) * NANO).to_integral_value(rounding=ROUND_CEILING))


def dollars(nano: int) -> str:
    """`$1.23`; with more places where the amount is below a cent."""
    usd = Decimal(nano) / NANO
    return f"${usd:.2f}" if nano == 0 or usd >= Decimal("0.01") else f"${usd:.6f}"
