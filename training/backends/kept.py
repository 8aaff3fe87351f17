"""The command that began a run, kept in its folder for `training resume`.

Paths are kept whole, so that it can be resumed from any folder of the same machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import NotFound
from training.backends.request import Request
from training.control import run_in
from training.runfolder import read_json, write_json

if TYPE_CHECKING:
    from training.backends.launching import Launch

KEPT = "command.json"


def keep_command(request: Request, how: Launch) -> None:
    """Write it into the run's folder, unless another run has begun there (which the run itself then refuses)."""
    path = request.out / KEPT
    if (read_json(path) or {}).get("name", request.name) != request.name and _has_begun(request.out):
        return
    request.out.mkdir(parents=True, exist_ok=True)
    write_json(path, {
        "name": request.name, "command": request.command.value, "force": request.force,
        "experiment": request.experiment.model_dump(mode="json"), "snapshot": str(request.snapshot.resolve()),
        "out": str(request.out.resolve()), "parent": None if request.parent is None else str(request.parent.resolve()),
        "backend": how.where.value, "gpu": how.gpu, "max_usd": how.max_usd, "detach": how.detach,
    })  # fmt: skip


def _has_begun(out: Path) -> bool:
    try:
        run_in(out)
    except NotFound:
        return False
    return True
