"""What every backend is asked, and what it answers. No torch, no modal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from corpus.identity import tagged_hash
from training.config import Experiment
from training.registry.store import Registry
from training.runfolder import content_hash


class Command(StrEnum):
    """What can be run; each is the command of that name."""

    ALL = "export-and-train"
    """Audit, all stages, forecasts, evaluation, comparison."""
    SFT = "sft"
    SCORE = "score"
    GRPO = "grpo"


class Ending(StrEnum):
    """How a backend's call ended."""

    FINISHED = "finished"
    PAUSED = "paused"
    """The same command goes on."""
    RUNNING = "running"
    """It goes on elsewhere; the same command asks again."""
    OUT_OF_TIME = "out_of_time"
    """The allowance is used up; the same command with a larger one goes on from the last checkpoint."""
    FAILED = "failed"
    """The command ended with an error, which `why` holds."""


@dataclass(frozen=True)
class Request:
    """A run."""

    command: Command
    experiment: Experiment
    snapshot: Path
    snapshot_hash: str
    out: Path
    parent: Path | None = None
    """The finished model that a single stage starts from."""
    force: bool = False
    registry: Registry | None = None
    """Where a pipeline enters its stages, those that were fetched from elsewhere too; None: nowhere."""
    tell: Callable[[str], None] = field(default=lambda line: None)

    @property
    def name(self) -> str:
        """The run's name, the same for the same request: a second call finds what the first one began."""
        parent = "" if self.parent is None else content_hash(self.parent)
        key = tagged_hash(
            "run/v1",
            [self.command.value, self.experiment.model_dump(mode="json"), self.snapshot_hash, parent],
        )
        return f"{self.experiment.name}-{self.command.value}-{key[:10]}"


@dataclass(frozen=True)
class Outcome:
    """How it ended."""

    ending: Ending
    result: dict[str, Any] = field(default_factory=dict)
    """What the command prints as JSON; empty unless finished."""
    why: str = ""
    seconds: float = 0.0


class Backend(Protocol):
    """A place where runs are done."""

    def run(self, request: Request) -> Outcome:
        """Run, or go on with, what is asked; results lie in the request's `out` once it is finished."""
        ...
