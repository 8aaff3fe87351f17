"""`--record DIR` and `--replay DIR`: every call of a run as one JSON file, so that it can be repeated offline.

A tape is a folder with one file per response, named by the call's key. The key covers what was asked and
where, never a password, so a tape recorded with a key replays without one. A replay makes no calls: one
that is not on the tape is a refusal that names it. Failures are not recorded; a replay fails there too.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from agents.journal import Attempt, BudgetFull, Call, Journal, NotOnTape, Response
from corpus.errors import InvalidFile, InvalidInput
from corpus.files import write_atomically


class Recorder:
    """A journal that also writes every response it hands out or takes in to a tape."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = journal
        self._folder = folder

    async def response(self, key: str) -> Response | None:
        """See `Journal.response`; what an earlier run paid for is put on the tape too."""
        stored = await self._journal.response(key)
        if stored is not None and not _file(self._folder, key).exists():
            _write(self._folder, key, {}, stored)
        return stored

    async def begin(self, call: Call) -> Attempt | BudgetFull | NotOnTape:
        """See `Journal.begin`."""
        return await self._journal.begin(call)

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """See `Journal.commit`; the journal comes first, the tape is a copy."""
        await self._journal.commit(attempt, response)
        call = attempt.call
        asked = {"kind": str(call.kind), "label": call.label, "request": dict(call.request)}
        _write(self._folder, call.key, asked, response)

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """See `Journal.abandon`."""
        await self._journal.abandon(attempt, reason, billable=billable)


class Player:
    """A journal that answers from a tape and lets nothing be called."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder; --replay needs one that --record wrote.")
        self._folder = folder

    async def response(self, key: str) -> Response | None:
        """The recorded response, or None."""
        path = _file(self._folder, key)
        return _read(path) if path.exists() else None

    async def begin(self, call: Call) -> Attempt | BudgetFull | NotOnTape:
        """Always a refusal: a replay makes no calls."""
        return NotOnTape(
            f"The tape {self._folder} has no response to this {call.kind} call of {call.label} "
            f"({call.key[:12]}); record the run again with --record."
        )

    async def commit(self, attempt: Attempt, response: Response) -> None:
        """Never reached: no attempt begins."""
        raise InvalidInput("A replay cannot commit a response.")

    async def abandon(self, attempt: Attempt, reason: str, *, billable: bool) -> None:
        """Never reached: no attempt begins."""
        raise InvalidInput("A replay cannot abandon a call.")


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"


def _write(folder: Path, key: str, asked: dict[str, Any], response: Response) -> None:
    try:
        body = {"text": response.body.decode()}
    except UnicodeDecodeError:
        body = {"base64": base64.b64encode(response.body).decode()}
    row = {**asked, "meta": dict(response.meta), "cost_nanousd": response.cost_nanousd, "body": body}
    write_atomically(_file(folder, key), [json.dumps(row, ensure_ascii=False, indent=1, sort_keys=True)])


def _read(path: Path) -> Response:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        body = row["body"]
        raw = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
        return Response(raw, row["meta"], int(row["cost_nanousd"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFile(f"{path} is not a recorded response: {error}; record the run again.") from error
