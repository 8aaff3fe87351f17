"""A run and its seeds as they stand in the store, and the rows they are read from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.tables import RunRow, RunSeedRow, RunState, SeedState

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Spending:
    """A run's money in nano-dollars."""

    cap_nanousd: int | None
    spent_nanousd: int
    reserved_nanousd: int
    """Held by calls that are under way."""


@dataclass(frozen=True)
class Run:
    """A run as it stands in the store."""

    run_id: str
    arguments: Json
    """As they were typed."""
    resolved: Json
    """With every default filled in: enough to resume."""
    program: str
    commit: str
    state: RunState
    summary: Json
    spending: Spending
    started: datetime
    heartbeat: datetime
    finished: datetime | None


@dataclass(frozen=True)
class SeedFailure:
    """Why a seed ended without a case."""

    type: str
    message: str
    detail: str = ""


@dataclass(frozen=True)
class RunSeed:
    """One seed of a run as it stands in the store."""

    run_id: str
    seed_key: str
    position: int
    seed: Json
    state: SeedState
    stage: str
    case_id: str | None
    failure: SeedFailure | None
    updated: datetime


def run_from_row(row: RunRow) -> Run:
    """The run that a row holds."""
    return Run(
        run_id=row.run_id,
        arguments=json.loads(row.arguments),
        resolved=json.loads(row.resolved),
        program=row.program,
        commit=row.commit_hash,
        state=row.state,
        summary=json.loads(row.summary),
        spending=Spending(row.cap_nanousd, row.spent_nanousd, row.reserved_nanousd),
        started=row.started,
        heartbeat=row.heartbeat,
        finished=row.finished,
    )


def seed_from_row(row: RunSeedRow) -> RunSeed:
    """The seed that a row holds."""
    failure = SeedFailure(row.failure_type, row.failure, row.failure_detail) if row.failure_type else None
    return RunSeed(
        run_id=row.run_id,
        seed_key=row.seed_key,
        position=row.position,
        seed=json.loads(row.seed),
        state=row.state,
        stage=row.stage,
        case_id=row.case_id,
        failure=failure,
        updated=row.updated,
    )
