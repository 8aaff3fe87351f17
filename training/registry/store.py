"""The registry's folder: reading it, taking turns at writing it, finding a model by name.

Readers need no lock, since every folder and file appears whole. Writers hold one lock for all of their change;
what an interrupted writer left under a hidden name is swept by the next one. Does not cover: network folders whose
file system has no locks.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import InvalidFile, NotFound, StoreBusy
from training.registry.files import check_hashes, disk_watched
from training.registry.history import HISTORY, promoted, read_history
from training.registry.records import (
    CURRENT,
    NAME_PATTERN,
    AnyRecord,
    EvaluationRecord,
    Event,
    ModelRecord,
    check_name,
    read_record,
)
from training.runfolder import require_finished

VARIABLE = "PSYCHOHISTORY_MODELS"
LOCK, MODELS, RECORD = "lock", "models", "model.json"
WEIGHTS_FOLDER, EVALUATIONS, EVALUATION_RECORD = "weights", "evaluations", "record.json"
PREDICTIONS, FIGURES, CARD = "predictions.jsonl", "evaluation.json", "card.md"
BASE_PREDICTIONS, BASE_CALIBRATION = "base.jsonl", "base_calibration.json"
_TRY_EVERY_S = 0.05


def default_folder(environment: Mapping[str, str]) -> Path:
    """PSYCHOHISTORY_MODELS, or `models` in the user's data folder."""
    if named := environment.get(VARIABLE):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("psychohistory") / "models"


@dataclass(frozen=True)
class Registry:
    """A registry in a folder, which is made by the first write."""

    folder: Path
    wait_s: float = 60.0
    """How long a writer waits for another."""

    def models(self) -> list[ModelRecord]:
        """All models, newest first."""
        found = self._read_all(self.folder / MODELS, RECORD, ModelRecord)
        return sorted(found, key=lambda record: (record.added_at, record.name), reverse=True)

    def model(self, name: str) -> ModelRecord:
        """One model; `current` is the promoted one. Raises NotFound naming those there are."""
        wanted = self._promoted_name() if name == CURRENT else name
        path = self.folder / MODELS / check_name(wanted) / RECORD
        if not path.is_file():
            known = ", ".join(record.name for record in self.models()[:10]) or "it is empty"
            raise NotFound(f"No model {wanted!r} in the registry {self.folder} ({known}); add it first.")
        return read_record(path, ModelRecord)

    def _promoted_name(self) -> str:
        current = self.current
        if current is None:
            raise NotFound(
                f"No model of the registry {self.folder} was promoted yet; promote one with "
                "`training models promote NAME`."
            )
        return current

    def place(self, name: str) -> Path:
        """The folder of a model."""
        return self.folder / MODELS / check_name(name)

    def verified(self, name: str) -> Path:
        """The weights of a model, every checksum compared; raises NotFound, InvalidFile."""
        record = self.model(name)
        weights = self.place(record.name) / WEIGHTS_FOLDER
        check_hashes(weights, record.files, "restore the registry from a backup, or add the run again.")
        return weights

    def evaluations(self, name: str) -> list[EvaluationRecord]:
        """The evaluations of a model, newest first."""
        found = self._read_all(self.place(name) / EVALUATIONS, EVALUATION_RECORD, EvaluationRecord)
        return sorted(found, key=lambda record: record.added_at, reverse=True)

    def evaluation_place(self, name: str, snapshot: str) -> Path:
        """The folder of one evaluation."""
        return self.place(name) / EVALUATIONS / snapshot[:16]

    def checked_evaluation(self, name: str, record: EvaluationRecord) -> Path:
        """The folder of one evaluation, every checksum compared."""
        place = self.evaluation_place(name, record.snapshot)
        check_hashes(place, record.files, "restore the registry from a backup.")
        return place

    @property
    def history_file(self) -> Path:
        return self.folder / HISTORY

    def history(self) -> list[Event]:
        """Promotions, rollbacks and removals, oldest first."""
        return read_history(self.history_file)

    def promoted(self) -> list[str]:
        """Models that a rollback can reach, the one in use last."""
        return promoted(self.history())

    @property
    def current(self) -> str | None:
        """The model in use; None before the first promotion."""
        stack = self.promoted()
        return stack[-1] if stack else None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the registry alone; raises StoreBusy where another process does for too long."""
        with disk_watched(self.folder):
            (self.folder / MODELS).mkdir(parents=True, exist_ok=True)
            with (self.folder / LOCK).open("ab") as lock:
                self._take(lock.fileno())
                self._sweep()
                yield

    def _take(self, handle: int) -> None:
        until = time.monotonic() + self.wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise StoreBusy(
                        f"The registry {self.folder} was held by another process for {self.wait_s:.0f} s; "
                        "try again when it is done."
                    ) from None
                time.sleep(_TRY_EVERY_S)

    def _sweep(self) -> None:
        """Remove what interrupted writers left; nobody else writes now."""
        for pattern in (f"{MODELS}/.*", f"{MODELS}/*/{EVALUATIONS}/.*"):
            for path in self.folder.glob(pattern):
                shutil.rmtree(path)

    def _read_all(self, folder: Path, name: str, kind: type[AnyRecord]) -> list[AnyRecord]:
        if not folder.is_dir():
            return []
        found = []
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            try:
                found.append(read_record(entry / name, kind))
            except InvalidFile:
                if entry.exists():  # else it was removed while this was reading
                    raise
        return found


def users_registry() -> Registry:
    """The registry that the environment names, else the one among the user's data."""
    return Registry(default_folder(os.environ))


def find_model(wanted: str, registry: Registry | None = None) -> Path:
    """The weights that a text names: those of a registered model (`current` among them), or of a finished run.

    Without a registry the user's own is asked.
    What stands in the registry is verified and goes before a folder of the same name; a path with a separator is
    always a folder. Raises NotFound where the text names neither.
    """
    registry = registry or users_registry()
    named = "/" not in wanted and re.fullmatch(NAME_PATTERN, wanted)
    if named and (wanted == CURRENT or (registry.place(wanted) / RECORD).is_file()):
        return registry.verified(wanted)
    if not Path(wanted).is_dir():
        raise NotFound(
            f"{wanted!r} is neither a folder nor a model of the registry {registry.folder}; "
            "see `training models` for those there are."
        )
    return require_finished(Path(wanted))


def registered(name: str) -> Path:
    """The verified weights of a model of the user's own registry; raises NotFound naming those there are."""
    return users_registry().verified(name)
