"""What runs inside a container, free of modal: a run's command as a process of its own, within its allowance.

    ROOT/snapshots/HASH/       snapshots, as they were uploaded
    ROOT/parents/HASH/         models that single stages start from
    ROOT/models/RUN/           one folder a run
        config.yaml            the experiment
        out/                   what the command makes; checkpoints too, so that a restarted container resumes
        attempts.json          seconds of every attempt so far: the allowance holds over all of them
        progress.json          where the run stands
        files.json             hashes of what is fetched back; written last, its presence means finished

A container that is taken away is started again on the same order: the command goes on from its last checkpoint.
A command that ends with an error is an answer, not an exception: trying again would only cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from corpus.errors import NotFound
from corpus.files import file_sha256
from training.backends.kept import KEPT
from training.backends.request import Command, Ending
from training.control import run_in
from training.runfolder import LOCK, METRICS, folder_hashes, read_json, write_json

BEAT = 30.0
"""Seconds between two notes of progress; what a container loses of its count when it is taken away."""
GRACE = 20.0
"""Seconds a command has to end after it was told to."""
DONE_CODES = (0, 10, 20)
"""Finished, or finished with a verdict."""
ATTEMPTS, PROGRESS, FILES, CONFIG = "attempts.json", "progress.json", "files.json", "config.yaml"
NOT_FETCHED = ("checkpoints", KEPT)
"""What is of use where it was written only."""
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_ERROR_LINES = 20


class RunOrder(BaseModel):
    """What a container is told; plain JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    command: Command
    snapshot: str
    """Hash of the uploaded snapshot."""
    experiment: dict[str, Any]
    parent: str = ""
    """Hash of the uploaded parent."""
    force: bool = False
    allowance_seconds: int = Field(gt=0)


@dataclass(frozen=True)
class Place:
    """The folders of one run."""

    root: Path
    order: RunOrder

    @property
    def folder(self) -> Path:
        return self.root / "models" / self.order.name

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def words(self) -> list[str]:
        """The command as it is typed."""
        order, snapshot = self.order, str(self.root / "snapshots" / self.order.snapshot)
        words = [order.command.value]
        words += ["--snapshot", snapshot] if order.command is Command.ALL else [snapshot]
        words += ["--config", str(self.folder / CONFIG), "--out", str(self.out), "--json"]
        if order.parent:
            words += ["--from", str(self.root / "parents" / order.parent)]
        return [*words, "--force"] if order.force else words


def run_order(
    order: RunOrder,
    root: Path,
    commit: Callable[[], None],
    program: Sequence[str] = (sys.executable, "-m", "training.cli"),
    beat: float = BEAT,
) -> dict[str, Any]:
    """Run an order, or go on with it; `commit` makes what was written last.

    Returns ending, result, the reason where it failed, and the seconds of all attempts.
    """
    place = Place(root, order)
    place.folder.mkdir(parents=True, exist_ok=True)
    clock = Attempts(place.folder / ATTEMPTS, order.allowance_seconds)
    if clock.left <= 0:
        return _answer(Ending.OUT_OF_TIME, clock)
    write_json(place.folder / CONFIG, order.experiment)  # JSON is YAML
    ending = _watched(place, clock, commit, program, beat)
    if ending is not None:
        commit()
        return ending
    result = json.loads((place.folder / "result.out").read_text(encoding="utf-8"))
    status = result.get("status")
    if status == "paused":
        commit()
        return _answer(Ending.PAUSED, clock, result=result)
    write_json(place.folder / FILES, fetched_files(place.out))
    commit()
    return _answer(Ending.FINISHED, clock, result=result)


def fetched_files(out: Path) -> dict[str, str]:
    """Hashes of all that is fetched back: everything but `NOT_FETCHED` and what is half written."""
    return {
        name: digest
        for name, digest in _all_hashes(out).items()
        if not any(part in NOT_FETCHED or part.startswith(".") for part in Path(name).parts)
    }


def _all_hashes(folder: Path) -> dict[str, str]:
    return folder_hashes(folder) | {
        str(path.relative_to(folder)): file_sha256(path)
        for path in folder.rglob("*.json")
        if path.is_file()  # marks and manifests too, which `folder_hashes` leaves out
    }


class Attempts:
    """Seconds that a run has used, over all containers it had; kept beside it."""

    def __init__(self, path: Path, allowance: float) -> None:
        self.path, self.allowance = path, allowance
        self._before: list[float] = list((read_json(path) or {}).get("seconds", []))
        self._begun = time.monotonic()

    @property
    def used(self) -> float:
        return sum(self._before) + self._now

    @property
    def left(self) -> float:
        return self.allowance - self.used

    @property
    def _now(self) -> float:
        return time.monotonic() - self._begun

    def note(self) -> None:
        """Write down this attempt's seconds so far."""
        write_json(self.path, {"seconds": [*self._before, round(self._now, 3)]})


def _watched(
    place: Place, clock: Attempts, commit: Callable[[], None], program: Sequence[str], beat: float
) -> dict[str, Any] | None:
    """Let the command run; None once it is done, else how it ended."""
    clock.note()
    answer, errors = place.folder / "result.out", place.folder / "errors.log"
    with answer.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            [*program, *place.words()], stdout=out, stderr=err, env=_environment(os.environ)
        )
        try:
            code = _waited(process, place, clock, commit, beat)
        finally:
            _end(process)
    clock.note()
    if code is None:
        return _answer(Ending.OUT_OF_TIME, clock)
    if code in DONE_CODES:
        return None
    said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_ERROR_LINES:]
    return _answer(Ending.FAILED, clock, why="\n".join(said) or f"The command ended with code {code}.")


def _waited(
    process: subprocess.Popen[bytes], place: Place, clock: Attempts, commit: Callable[[], None], beat: float
) -> int | None:
    """The command's exit code; None where the allowance ran out first."""
    while True:
        try:
            return process.wait(timeout=max(0.0, min(beat, clock.left)))
        except subprocess.TimeoutExpired:
            clock.note()
            write_json(place.folder / PROGRESS, progress(place.out, clock.used))
            commit()
        if clock.left <= 0:
            return None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def progress(out: Path, seconds: float) -> dict[str, Any]:
    """The stage that a run is in, and its newest reported step."""
    found: dict[str, Any] = {"seconds": round(seconds, 1), "stage": "", "step": 0}
    try:
        run = run_in(out)
    except NotFound:
        return found
    reports = (run / METRICS).read_text(encoding="utf-8").splitlines() if (run / METRICS).is_file() else []
    step = json.loads(reports[-1])["step"] if reports else 0
    return found | {"stage": (read_json(run / LOCK) or {}).get("stage", ""), "step": step}


def _answer(
    ending: Ending, clock: Attempts, result: Mapping[str, Any] | None = None, why: str = ""
) -> dict[str, Any]:
    return {
        "ending": ending.value,
        "result": dict(result or {}),
        "why": why,
        "seconds": round(clock.used, 3),
    }


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """The hub's token under the name that its library reads, whichever name the secret gives it."""
    found = dict(given)
    token = next((given[name] for name in HUB_TOKENS if given.get(name)), None)
    return found | ({HUB_TOKENS[0]: token} if token else {})
