"""From a request to its outcome: credentials, plan, cap, ledger, and the backend that does it.

The order is the one in which a person wants to be told: what costs nothing to find out comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from corpus.errors import InvalidInput
from corpus.snapshot import read_snapshot
from training.backends.kept import keep_command
from training.backends.local import LocalBackend
from training.backends.remote import Cloud, RemoteBackend
from training.backends.request import Command, Ending, Outcome, Request
from training.control import STAGE_FOLDERS
from training.costs import Entry, Kind, Ledger, now
from training.pipeline_folder import RESULT
from training.planning.limits import allowance
from training.processes import is_first
from training.runfolder import METADATA, read_json, write_json

PLAN = "plan.json"
REST = "rest"
"""Audit, forecasts, evaluation, starting; and what an attempt used that ended early."""


class Where(StrEnum):
    """Backends by name."""

    LOCAL = "local"
    """This machine."""
    MODAL = "modal"
    """Modal's machines, by the second."""


@dataclass(frozen=True)
class Launch:
    """How and where a request is run."""

    where: Where
    ledger: Ledger
    gpu: str | None = None
    max_usd: float | None = None
    detach: bool = False

    def __post_init__(self) -> None:
        named = {"--gpu": self.gpu, "--max-usd": self.max_usd, "--detach": self.detach or None}
        given = [option for option, value in named.items() if value is not None]
        if self.where is Where.LOCAL and given:
            raise InvalidInput(
                f"{given[0]} is for --backend modal; this machine is used as it is, and costs nothing."
            )


def launch(request: Request, how: Launch, cloud: Cloud | None = None) -> Outcome:
    """Run a request; `cloud` stands for Modal in its place (tests hand in another)."""
    if how.where is Where.LOCAL:
        if request.command is Command.ALL:
            _plan_here(request)
        if is_first():
            keep_command(request, how)
        before = read_json(request.out / RESULT)
        outcome = LocalBackend().run(request)
        if is_first() and not outcome.result.get("was_finished") and outcome.result != before:
            how.ledger.add(_actual(request, how, outcome, "", 0.0))
        return outcome
    return _launch_remote(request, how, cloud)


def _launch_remote(request: Request, how: Launch, cloud: Cloud | None) -> Outcome:
    if cloud is None:
        from training.backends.modal_cloud import ModalCloud  # brings modal when it is used

        cloud = ModalCloud()
    cloud.check()
    made = _plan(request)
    option = made.on(how.gpu)
    granted = allowance(option, how.max_usd)
    gpu, price = option.gpu.name, option.usd_per_second
    request.tell(
        f"Planned: {gpu}, about {option.seconds:.0f} s, ${option.usd:.2f} (prices of {made.prices.source.date})."
    )
    how.ledger.add(
        _entry(request, how, Kind.ESTIMATE, stage, gpu, seconds, price, f"{request.name}/{stage}/{gpu}/plan")
        for stage, seconds in {**option.stage_seconds, REST: option.start_seconds}.items()
    )
    keep_command(request, how)
    outcome = RemoteBackend(cloud, gpu, granted, how.detach).run(request)
    if outcome.ending is not Ending.RUNNING:
        how.ledger.add(_actual(request, how, outcome, gpu, price))
    return outcome


def _plan(request: Request) -> Any:
    from training.planning.making import plan_for

    stages = None if request.command is Command.ALL else (request.command.value,)
    return plan_for(request.experiment, read_snapshot(request.snapshot), stages=stages)


def _plan_here(request: Request) -> None:
    """The plan of a run on this machine, kept beside it; raises InvalidInput where its GPU is too small."""
    path = request.out / PLAN
    if (read_json(path) or {}).get("run") == request.name:
        return
    from training.planning.here import memory_here, require_memory
    from training.planning.plan import plan_json

    made = _plan(request)
    request.tell(
        f"Plan: {made.shape.trained / 1e6:.2f} of {made.shape.parameters / 1e6:.2f} M parameters are trained; about "
        f"{memory_here(made).total / 1e9:.1f} GB."
    )
    require_memory(made)
    request.out.mkdir(parents=True, exist_ok=True)
    write_json(path, {"run": request.name} | plan_json(made))


def _actual(request: Request, how: Launch, outcome: Outcome, gpu: str, price: float) -> Iterator[Entry]:
    """What was measured and is not in the ledger yet: each finished stage, and the rest."""
    noted = [
        one
        for one in how.ledger.read().entries
        if (one.run, one.backend, one.kind) == (request.name, how.where.value, Kind.ACTUAL)
    ]
    known = {one.key for one in noted}
    staged = 0.0
    for stage, metadata in _stages(request):
        # equal weights come out of both backends, and each of the two runs is paid for
        key = f"{request.name}/{stage}/{how.where.value}/{metadata['final']}"
        seconds = float(metadata["seconds_of_this_call"])
        if key not in known:
            staged += seconds
            yield _entry(request, how, Kind.ACTUAL, stage, gpu, seconds, price, key)
    # a container counts over all its attempts, this machine each call by itself
    before = sum(one.seconds for one in noted) if how.where is Where.MODAL else 0.0
    rest = outcome.seconds - before - staged
    if rest > 1.0:
        yield _entry(
            request, how, Kind.ACTUAL, REST, gpu, rest, price, f"{request.name}/{REST}/{now().isoformat()}"
        )


def _stages(request: Request) -> Iterator[tuple[str, dict[str, Any]]]:
    folders = (
        [request.out / name for name in STAGE_FOLDERS] if request.command is Command.ALL else [request.out]
    )
    for folder in folders:
        metadata = read_json(Path(folder) / METADATA)
        if metadata is not None and metadata.get("status") == "finished":
            yield metadata["stage"], metadata


def _entry(
    request: Request, how: Launch, kind: Kind, stage: str, gpu: str, seconds: float, price: float, key: str
) -> Entry:
    return Entry(
        at=now(), kind=kind, run=request.name, stage=stage, dataset=request.snapshot_hash, backend=how.where.value,
        gpu=gpu, seconds=round(seconds, 3), usd=round(seconds * price, 6), key=key,
    )  # fmt: skip
