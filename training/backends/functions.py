"""What Modal calls: thin wrappers that know of the volume and leave the rest to `bodies`. No modal at import."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.backends import names
from training.backends.bodies import RunOrder, run_order

if TYPE_CHECKING:
    from fastapi import FastAPI


def train(order: str, root: str = names.DATA) -> dict[str, Any]:
    """Run an order, given as JSON."""
    return run_order(RunOrder.model_validate_json(order), Path(root), _commit())


def web() -> FastAPI:
    """The server of trees, under the address that Modal gave it."""
    import modal

    from training.backends.serving import served

    origin = modal.Function.from_name(names.SERVE_APP, web.__name__).get_web_url()
    return served(os.environ, Path(names.DATA), origin or "")


def _commit() -> Callable[[], None]:
    """What makes files last: the volume's commit in a container, nothing on one's own machine."""
    import modal

    if modal.is_local():
        return lambda: None
    volume = modal.Volume.from_name(names.DATA_VOLUME)
    return volume.commit
