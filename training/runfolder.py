"""What a training run leaves behind, and whether a folder belongs to the run that is asked for.

    config.lock.json   the configuration as resolved, hashes of code and data, versions of packages
    metrics.jsonl      one line a report of the trainer
    samples.jsonl      a few trees at each validation
    alarms.jsonl       what was raised while GRPO ran
    checkpoints/       the trainer's checkpoints; one counts only once its `complete.json` is written
    best/              the weights of the best validation so far
    final/             the result: safetensors, tokenizer, `manifest.json` written last
    metadata.json      how it ended; written last
    .running           held by the process that works on it

Checkpoints hold the optimiser in PyTorch's own format and are read back with `weights_only`; they are for
resuming on the machine that wrote them and are never published.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import file_sha256, write_atomically
from corpus.identity import tagged_hash
from training.processes import is_first

LOCK, METRICS, METADATA, MANIFEST, COMPLETE = (
    "config.lock.json", "metrics.jsonl", "metadata.json", "manifest.json", "complete.json"
)  # fmt: skip
SAMPLES, ALARMS, RUNNING = "samples.jsonl", "alarms.jsonl", ".running"
CALIBRATION = "calibration.json"
"""Stands beside a finished model; fitted later and possibly anew, so that no hash of the model includes it."""
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy", "psychohistory")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one stage of one experiment."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def final(self) -> Path:
        return self.path / "final"

    def claim(self, lock: Mapping[str, Any]) -> bool:
        """Make the folder this run's; True where the run is finished already.

        Raises InvalidInput where the folder belongs to another configuration, data or base.
        """
        stored = read_json(self.path / LOCK)
        if stored is None:
            self.path.mkdir(parents=True, exist_ok=True)
            if is_first():
                write_json(self.path / LOCK, lock)
            return False
        for field in ("config", "stage", "snapshot", "parent"):
            if stored.get(field) != lock[field]:
                raise InvalidInput(
                    f"{self.path} holds a run with another {field} ({_short(stored.get(field))} instead of "
                    f"{_short(lock[field])}); name another folder with --out."
                )
        return (read_json(self.path / METADATA) or {}).get("status") == "finished"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder alone, until the process ends at the latest; raises InvalidInput where another one does."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / RUNNING).open("ab") as mark:
            try:
                fcntl.flock(mark.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidInput(
                    f"Another process works on the run in {self.path}; see `training status`, or name another folder."
                ) from None
            except OSError:
                pass  # a file system without locks, such as some network folders: there nobody is kept out
            yield

    @property
    def is_held(self) -> bool:
        """Whether a process works on it."""
        if not (self.path / RUNNING).is_file():
            return False
        with (self.path / RUNNING).open("rb") as mark:
            try:
                fcntl.flock(mark.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                pass
        return False

    def newest_checkpoint(self) -> Path | None:
        """The newest complete checkpoint; raises InvalidFile where its files were cut or altered.

        A checkpoint without its mark was being written when the run ended; it does not count.
        """
        marked = [path for path in self.checkpoints.glob("checkpoint-*") if (path / COMPLETE).is_file()]
        if not marked:
            return None
        newest = max(marked, key=lambda path: int(path.name.rsplit("-", 1)[1]))
        cure = f"remove the folder {newest} to go on from an earlier state"
        check_files(newest, read_json(newest / COMPLETE) or {}, cure)
        return newest

    def forget_reports_after(self, step: int) -> None:
        """Drop reports of steps that a resumed run will repeat, and a line that was cut when it ended."""
        for path in (self.path / name for name in (METRICS, SAMPLES, ALARMS)):
            if path.is_file():
                whole = path.read_text(encoding="utf-8")
                lines = whole[: whole.rfind("\n") + 1].splitlines()
                write_atomically(path, [line for line in lines if json.loads(line)["step"] <= step])

    def report(self, line: Mapping[str, Any], file: str = METRICS) -> None:
        """Append one line to the metrics, or to another log."""
        with (self.path / file).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


def lock_of(
    config: Mapping[str, Any], stage: str, snapshot_hash: str, parent: Mapping[str, Any]
) -> dict[str, Any]:
    """What `config.lock.json` holds."""
    return {
        "config": dict(config),
        "stage": stage,
        "snapshot": snapshot_hash,
        "parent": dict(parent),
        "code": code_hash(),
        "commit": commit(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def code_hash() -> str:
    """Hash of the program's own training code, as it runs."""
    folder = Path(__file__).parent
    files = sorted(folder.rglob("*.py"))
    return tagged_hash("code/v1", {str(f.relative_to(folder)): file_sha256(f) for f in files})


def commit() -> str:
    """The commit of the program as it lies here; empty where git does not say."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def folder_hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file in a folder, marks left out."""
    return {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (COMPLETE, MANIFEST, CALIBRATION)
    }


def check_files(folder: Path, hashes: Mapping[str, str], cure: str) -> None:
    """Raise InvalidFile, with what to do then, where a file is missing or is not what was written."""
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != expected:
            state = "is missing" if not path.is_file() else "was cut or altered"
            raise InvalidFile(f"{path} {state} since it was written; {cure}.")


def content_hash(folder: Path) -> str:
    """One hash for all files of a folder."""
    return _one_hash(folder_hashes(folder))


def stated_hash(final: Path) -> str:
    """The `content_hash` of a finished model by its manifest, whose files were compared when it was opened."""
    return _one_hash((read_json(final / MANIFEST) or {})["files"])


def _one_hash(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; None where there is no file. Raises InvalidFile where it is no JSON."""
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise InvalidFile(f"{path} is no JSON; it was cut. Remove it and run again.") from fault
    return content


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document; old or new, never half."""
    write_atomically(path, [json.dumps(value, indent=1, sort_keys=True, default=str)])


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str) if not isinstance(value, str) else value
    return text if len(text) <= 60 else f"{text[:57]}…"


def require_finished(folder: Path) -> Path:
    """The `final` folder of a finished run, or `folder` itself where it is one; its files are as they were written.

    Raises InvalidInput where there is none, InvalidFile where a file was cut or altered.
    """
    final = folder / "final" if (folder / "final").is_dir() else folder
    manifest = read_json(final / MANIFEST)
    if manifest is None:
        raise InvalidInput(
            f"{folder} holds no finished model (no {MANIFEST}); run the stage to its end first."
        )
    check_files(final, manifest["files"], "train it anew, or fetch it again")
    return final
