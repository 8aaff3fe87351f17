"""Do the addresses of a snapshot's sources still answer? Politely, and resumable.

One request an address, at the pace of `hosts.toml`, robots.txt honoured. Each answer is appended to a file and
made durable before the next is counted, so that a stopped check goes on where it was. That an address answers
does not say that the page still holds the quotation: the stored text and its hash do.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agents.fetching.client import WebClient
from agents.fetching.result import Fetched, FetchFailure, FetchProblem, WebRequest
from agents.journal import Attempt, Call, Response
from corpus.errors import InvalidFile
from corpus.snapshot import iter_cases

PARALLEL = 16
"""Addresses under way at once; each host has its own, lower bound."""


class Standing(StrEnum):
    """What became of an address."""

    ANSWERS = "answers"
    """A page came."""
    GONE = "gone"
    """No such page, or no such host."""
    REFUSED = "refused"
    """The site does not want programs, or not from here: nothing is known."""
    UNCLEAR = "unclear"
    """Too slow, busy or broken: ask again later."""


_STANDING = {
    FetchProblem.NOT_FOUND: Standing.GONE,
    FetchProblem.UNREACHABLE: Standing.GONE,
    FetchProblem.BAD_ADDRESS: Standing.GONE,
    FetchProblem.PRIVATE_ADDRESS: Standing.GONE,
    FetchProblem.TOO_LARGE: Standing.ANSWERS,
    FetchProblem.ROBOTS: Standing.REFUSED,
    FetchProblem.UNAUTHORISED: Standing.REFUSED,
    FetchProblem.RATE_LIMITED: Standing.REFUSED,
    FetchProblem.BLOCKED: Standing.REFUSED,
}


@dataclass(frozen=True)
class Checked:
    """One address and what it said."""

    url: str
    standing: Standing
    message: str = ""


class NoJournal:
    """A journal that keeps nothing: an address is asked anew each time, and nothing is paid for."""

    async def response(self, key: str) -> Response | None:
        """Never known."""
        return None

    async def begin(self, call: Call) -> Attempt:
        """Always allowed."""
        return Attempt("", call)

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """Not kept."""

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """Not kept."""


def source_addresses(folder: Path) -> list[str]:
    """All different source addresses of a snapshot, in order."""
    return sorted({source.url for case in iter_cases(folder) for source in case.sources})


def read_answers(file: Path) -> dict[str, Checked]:
    """What an earlier check found; a last line that a crash cut short is left out."""
    found: dict[str, Checked] = {}
    if not file.exists():
        return found
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            found[row["url"]] = Checked(row["url"], Standing(row["standing"]), row["message"])
        except (ValueError, KeyError, TypeError) as fault:
            if number < len(lines):
                raise InvalidFile(
                    f"{file}, line {number}: not an answer of check-sources; name another file."
                ) from fault
    return found


async def check_addresses(
    client: WebClient, urls: Iterable[str], file: Path, progress: Callable[[Checked], None] = lambda _: None
) -> list[Checked]:
    """Ask each address once and append its answer to `file` at once."""
    waiting = asyncio.Semaphore(PARALLEL)
    _end_line(file)
    with file.open("a", encoding="utf-8") as out:

        async def one(url: str) -> Checked:
            async with waiting:
                checked = _standing(url, await client.fetch(WebRequest(url, is_page=True)))
            row = {"url": checked.url, "standing": checked.standing.value, "message": checked.message}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.flush()
            os.fsync(out.fileno())
            progress(checked)
            return checked

        return list(await asyncio.gather(*(one(url) for url in urls)))


def _end_line(file: Path) -> None:
    """Cut a line off that a crash left without its end."""
    if file.exists():
        whole, _, rest = file.read_bytes().rpartition(b"\n")
        if rest:
            file.write_bytes(whole + b"\n" if whole else b"")


def _standing(url: str, result: Fetched | FetchFailure) -> Checked:
    if isinstance(result, Fetched):
        return Checked(url, Standing.ANSWERS)
    return Checked(url, _STANDING.get(result.problem, Standing.UNCLEAR), result.message)


def settled(answers: Sequence[Checked]) -> set[str]:
    """Addresses that need not be asked again."""
    return {checked.url for checked in answers if checked.standing is not Standing.UNCLEAR}
