"""A cloud in folders: volumes are directories, containers are calls of the same bodies in a thread of this machine."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.backends.bodies import RunOrder, run_order
from training.backends.remote import Call, CallState


@dataclass
class FolderCloud:
    """Fulfils `training.backends.remote.Cloud`; counts what is asked of it."""

    root: Path
    program: Sequence[str] = (sys.executable, "-m", "training.cli")
    beat: float = 0.1
    fault: str = ""
    """Raised by containers in place of running, as a machine that is lost."""
    started: list[RunOrder] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    put_paths: list[str] = field(default_factory=list)
    threads: dict[str, threading.Thread] = field(default_factory=dict)
    answers: dict[str, Call] = field(default_factory=dict)
    gpus: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Credentials are always there."""

    def read(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.is_file() else None

    def fetch(self, path: str, to: Path) -> None:
        self.fetched.append(path)
        shutil.copyfile(self.root / path, to)

    def put(self, path: str, source: Path | bytes) -> None:
        self.put_paths.append(path)
        there = self.root / path
        there.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            there.write_bytes(source)
        else:
            shutil.copytree(source, there, dirs_exist_ok=True)

    def start(self, order: RunOrder, gpu: str) -> str:
        self.started.append(order)
        self.gpus.append(gpu)
        call = f"fc-{len(self.started)}"
        thread = threading.Thread(target=self._work, args=(call, order))
        self.threads[call] = thread
        thread.start()
        return call

    def _work(self, call: str, order: RunOrder) -> None:
        if self.fault:
            self.answers[call] = Call(CallState.LOST, why=self.fault)
            return
        answer: dict[str, Any] = run_order(order, self.root, lambda: None, self.program, self.beat)
        self.answers[call] = Call(CallState.ENDED, answer)

    def poll(self, call: str, seconds: float) -> Call:
        if call not in self.threads:
            return Call(CallState.LOST, why="unknown")
        self.threads[call].join(seconds)
        return self.answers.get(call, Call(CallState.RUNNING))
