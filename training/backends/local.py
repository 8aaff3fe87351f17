"""This machine: CPU or GPU, in this process. What `training` does without `--backend`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from corpus.snapshot import read_snapshot
from training.backends.request import Command, Ending, Outcome, Request


class LocalBackend:
    """Runs a request here."""

    def run(self, request: Request) -> Outcome:
        """Run, or go on with, what is asked."""
        begun = time.monotonic()
        result = self._pipeline(request) if request.command is Command.ALL else self._stage(request)
        ending = Ending.PAUSED if result.get("status") == "paused" else Ending.FINISHED
        return Outcome(ending, dict(result), seconds=time.monotonic() - begun)

    def _pipeline(self, request: Request) -> Mapping[str, Any]:
        from training.pipeline import Plan, run_pipeline  # brings torch

        today = datetime.now(UTC).date()
        plan = Plan(
            request.experiment,
            request.snapshot,
            request.out,
            today,
            request.force,
            tell=request.tell,
            registry=request.registry,
        )
        return run_pipeline(plan)

    def _stage(self, request: Request) -> Mapping[str, Any]:
        from training.stage_job import StageName  # brings torch
        from training.stages import run_stage

        done = run_stage(
            request.experiment,
            StageName(request.command.value),
            read_snapshot(request.snapshot),
            request.out,
            request.parent,
        )
        return done.metadata | {"was_finished": done.was_finished}
