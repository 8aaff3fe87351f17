"""The server of trees as a container on Modal runs it, free of modal: the same application as `training serve`.

What to serve stands in one environment variable as JSON (`ServeOrder`), the API keys come from a secret, the address
is Modal's own. Modal speaks TLS in front. Does not cover: more than one container sharing a cache of trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from corpus.errors import NotFound

if TYPE_CHECKING:
    from fastapi import FastAPI

VARIABLE = "PSYCHOHISTORY_SERVE"
BASE_STAGE = "base"


class ServeOrder(BaseModel):
    """What an endpoint serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    run: str = ""
    """A run's folder on the volume; empty serves the base itself."""
    stage: str = ""
    """`sft`, `score` or `grpo` of a pipeline; empty for a single stage's run."""
    depth: int = Field(default=3, ge=1, le=5)
    branches: int = Field(default=4, ge=1, le=8)
    a_minute: int = Field(default=30, ge=1)

    def folder(self, root: Path) -> Path | None:
        """The finished model on the volume; raises NotFound where it is not there."""
        if not self.run:
            return None
        folder = root / "models" / self.run / "out" / self.stage / "final"
        if not folder.is_dir():
            raise NotFound(
                f"{folder} is not on the volume; name a finished run with --run and its stage with --stage."
            )
        return folder


def served(environment: Mapping[str, str], root: Path, origin: str) -> FastAPI:
    """The application over the model that the environment names, loaded once.

    Raises InvalidInput where there is no API key: the address can be reached by anybody.
    """
    from training.inference import ProbabilityTreeInference
    from training.serve.application import make_app
    from training.serve.keys import KEYS_VARIABLE, keys_of_variable
    from training.serve.settings import ServeSettings, check_exposure

    order = ServeOrder.model_validate_json(environment[VARIABLE])
    keys = keys_of_variable(environment.get(KEYS_VARIABLE, ""))
    check_exposure("0.0.0.0", tls=False, proxy=origin, keys=keys)  # noqa: S104 (Modal's own proxy is in front)
    inference = ProbabilityTreeInference(order.base)
    inference.load_adapter(order.folder(root), order.run or None)
    settings = ServeSettings(
        origin=origin.rstrip("/"),
        keys=keys,
        depth=order.depth,
        branches=order.branches,
        a_minute=order.a_minute,
    )
    return make_app(settings, inference)
