"""Modal as a backend: upload, launch, watch, fetch back. Written against `Cloud`, which `modal_cloud` fulfils.

A run has one name (`Request.name`) and one folder on the volume, where the id of its call is kept too: the same
command from any machine finds a run that goes on, fetches what is finished, and starts again what ended early,
which resumes from its last checkpoint. Every file is fetched with its hash checked.

Does not cover: pausing a run from here (stop it on Modal; the same command goes on).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from corpus.errors import InvalidInput, PsychoHistoryError
from corpus.files import file_sha256
from corpus.snapshot import MANIFEST as SNAPSHOT_MANIFEST
from training.backends.bodies import FILES, PROGRESS, RunOrder
from training.backends.request import Command, Ending, Outcome, Request
from training.bases import TINY
from training.pipeline_folder import RESULT, enter
from training.planning.limits import Allowance
from training.runfolder import MANIFEST, METADATA, content_hash, read_json, write_json

CALL = "call.json"
REMOTE = "remote.json"
"""In the run's own folder: what was fetched, and from where."""
LAST = (MANIFEST, METADATA, RESULT)
"""Files whose presence means that a folder is complete: fetched after all others."""
WAIT = 20.0


class CallState(StrEnum):
    """Where a call stands."""

    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"
    """It ended without an answer: stopped, timed out, or its answer is no longer kept."""


@dataclass(frozen=True)
class Call:
    """What is known of a call."""

    state: CallState
    answer: dict[str, Any] = field(default_factory=dict)
    why: str = ""


class Cloud(Protocol):
    """The few things that are asked of Modal."""

    def check(self) -> None:
        """Raise InvalidInput in one sentence where there are no usable credentials; asks no server."""
        ...

    def read(self, path: str) -> bytes | None:
        """A file of the data volume; None where there is none."""
        ...

    def fetch(self, path: str, to: Path) -> None:
        """A file of the data volume, written to a file."""
        ...

    def put(self, path: str, source: Path | bytes) -> None:
        """Write a folder, a file or bytes to the data volume."""
        ...

    def start(self, order: RunOrder, gpu: str) -> str:
        """Start a run and give its call's id; it goes on when this process ends."""
        ...

    def poll(self, call: str, seconds: float) -> Call:
        """Where a call stands, waiting for its end some seconds."""
        ...


@dataclass(frozen=True)
class RemoteBackend:
    """Runs a request on Modal."""

    cloud: Cloud
    gpu: str
    allowance: Allowance
    detach: bool = False
    wait: float = WAIT

    def run(self, request: Request) -> Outcome:
        """Run, attach to, or fetch what is asked."""
        self.cloud.check()
        stored = read_json(request.out / REMOTE)
        if stored is not None and stored["run"] == request.name and stored.get("fetched"):
            request.tell("Nothing has changed since the last call; the result stands.")
            return Outcome(Ending.FINISHED, stored["result"], seconds=stored["seconds"])
        call = self._found(request) or self._launched(request)
        request.out.mkdir(parents=True, exist_ok=True)
        write_json(request.out / REMOTE, {"run": request.name, "call": call, "gpu": self.gpu})
        if self.detach:
            return Outcome(Ending.RUNNING)
        return self._ended(request, self._watched(request, call))

    def _found(self, request: Request) -> str | None:
        """A call that goes on or has ended well; None where the run must be started (again)."""
        kept = self.cloud.read(f"models/{request.name}/{CALL}")
        if kept is None:
            return None
        call = str(json.loads(kept)["call"])
        known = self.cloud.poll(call, 0)
        if known.state is CallState.RUNNING:
            request.tell(f"{request.name} runs already; waiting for it.")
            return call
        if known.state is CallState.ENDED and known.answer.get("ending") == Ending.FINISHED:
            return call
        request.tell(f"{request.name} ended early; it goes on from its last checkpoint.")
        return None

    def _launched(self, request: Request) -> str:
        _require_reachable(request.experiment.base)
        self._upload(request)
        order = RunOrder(
            name=request.name,
            command=request.command,
            snapshot=request.snapshot_hash,
            experiment=request.experiment.model_dump(mode="json"),
            parent="" if request.parent is None else content_hash(request.parent),
            force=request.force,
            allowance_seconds=self.allowance.seconds,
        )
        request.tell(f"Starting {request.name} on {self.gpu}, for {self.allowance.seconds} s at most "
                     f"(${self.allowance.usd:.2f}) …")  # fmt: skip
        call = self.cloud.start(order, self.gpu)
        self.cloud.put(f"models/{request.name}/{CALL}", json.dumps({"call": call}).encode())
        return call

    def _upload(self, request: Request) -> None:
        """Snapshot and parent, once; each is there where its manifest is, for a batch appears as a whole."""
        folders = {f"snapshots/{request.snapshot_hash}": (request.snapshot, SNAPSHOT_MANIFEST)}
        if request.parent is not None:
            folders[f"parents/{content_hash(request.parent)}"] = (request.parent, MANIFEST)
        for there, (folder, manifest) in folders.items():
            if self.cloud.read(f"{there}/{manifest}") is not None:
                continue
            request.tell(f"Uploading {folder} …")
            self.cloud.put(there, folder)

    def _watched(self, request: Request, call: str) -> Call:
        shown = ""
        while True:
            known = self.cloud.poll(call, self.wait)
            if known.state is not CallState.RUNNING:
                return known
            line = _progress_line(self.cloud.read(f"models/{request.name}/{PROGRESS}"))
            if line != shown:
                request.tell(line)
                shown = line

    def _ended(self, request: Request, call: Call) -> Outcome:
        if call.state is CallState.LOST:
            raise PsychoHistoryError(
                f"{request.name} ended without an answer ({call.why}); run the same command to go on from its last "
                "checkpoint."
            )
        answer = call.answer
        ending = Ending(answer["ending"])
        if ending is not Ending.FINISHED:
            return Outcome(ending, answer["result"], answer["why"], answer["seconds"])
        fetch_files(self.cloud, f"models/{request.name}", request.out, request)
        result = _entered(request, answer["result"])
        write_json(
            request.out / REMOTE,
            {"run": request.name, "gpu": self.gpu, "fetched": True, "result": result, "seconds": answer["seconds"]},
        )  # fmt: skip
        return Outcome(ending, result, seconds=answer["seconds"])


def _entered(request: Request, result: dict[str, Any]) -> dict[str, Any]:
    """A fetched pipeline's result with what this machine's registry proposes: a container has a registry of its own."""
    if request.registry is None or request.command is not Command.ALL:
        return result
    request.tell("Registering the stages …")
    proposed = {"proposed": enter(request.registry, request.out, request.snapshot)}
    write_json(request.out / RESULT, (read_json(request.out / RESULT) or {}) | proposed)
    return result | proposed


def fetch_files(cloud: Cloud, there: str, out: Path, request: Request) -> None:
    """Fetch a finished run's files; those that lie here already with the right hash are not fetched again.

    Raises PsychoHistoryError where a file arrives with another hash.
    """
    listed = cloud.read(f"{there}/{FILES}")
    if listed is None:
        raise PsychoHistoryError(f"{there} on the volume has no {FILES}; run the same command to finish it.")
    files: Mapping[str, str] = json.loads(listed)
    request.tell(f"Fetching {len(files)} files into {out} …")
    for name in sorted(files, key=lambda one: (Path(one).name in LAST, one)):
        path = _inside(out, name)
        if path.is_file() and file_sha256(path) == files[name]:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        cloud.fetch(f"{there}/out/{name}", partial)
        if file_sha256(partial) != files[name]:
            partial.unlink()
            raise PsychoHistoryError(
                f"{name} of {there} arrived altered; run the same command to fetch it again."
            )
        os.replace(partial, path)


def _inside(out: Path, name: str) -> Path:
    path = (out / name).resolve()
    if not path.is_relative_to(out.resolve()):
        raise PsychoHistoryError(f"The volume names a file outside the run's folder: {name!r}.")
    return path


def _progress_line(content: bytes | None) -> str:
    if content is None:
        return "Waiting for a container …"
    found = json.loads(content)
    stage = f"{found['stage']} at step {found['step']}" if found["stage"] else "preparing"
    return f"{stage}, {found['seconds']:.0f} s used …"


def _require_reachable(base: str) -> None:
    if base != TINY and Path(base).is_dir():
        raise InvalidInput(
            f"The base {base!r} is a folder of this machine; on Modal name a model of the hub, or 'tiny'."
        )
