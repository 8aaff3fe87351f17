"""The endpoint on Modal: the same server as `training serve`, kept warm or scaled to nothing. Touches modal.

Does not cover: more containers than one (the line of waiting requests and the limits a key are each container's own).
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

from corpus.errors import InvalidInput
from training.backends import names
from training.backends.modal_cloud import ModalCloud, image, load_modal, modal_errors, volumes
from training.backends.serving import VARIABLE, ServeOrder
from training.planning.prices import Gpu, PriceTable
from training.planning.shapes import Loading, Shape

ROOM = 1.25
"""Memory that serving needs, as a multiple of the weights: caches of the orders that are read at once."""
TOGETHER = 8
"""Requests that one container takes at once; the server's own line orders them."""
STARTS_WITHIN = 1200


@dataclass(frozen=True)
class Endpoint:
    """What is deployed."""

    order: ServeOrder
    gpu: str
    warm: int
    idle_seconds: int


def gpu_for_serving(shape: Shape, prices: PriceTable, name: str | None) -> Gpu:
    """The GPU that was named, or the cheapest that holds the model; raises InvalidInput where it is too small."""
    needed = shape.weight_bytes(Loading.BF16) * ROOM + prices.assumptions.reserve_gb * 1e9
    fitting = [gpu for gpu in prices.gpus if gpu.bf16_tflops and needed <= gpu.memory_gb * 1e9]
    if not fitting:
        raise InvalidInput(
            f"No GPU of the table holds {shape.base}, which needs about {needed / 1e9:.0f} GB to serve."
        )
    cheapest = min(fitting, key=lambda gpu: gpu.usd_per_second)
    if name is None:
        return cheapest
    chosen = prices.gpu(name)
    if chosen not in fitting:
        raise InvalidInput(
            f"{chosen.name} is refused: {shape.base} needs about {needed / 1e9:.1f} GB in bf16 to serve and the card "
            f"has {chosen.memory_gb:g} GB; the cheapest that fits is {cheapest.name}."
        )
    return chosen


def serve_function(modal: Any, endpoint: Endpoint, secrets: list[Any]) -> tuple[Any, Any]:
    """The app and its web function."""
    from training.backends.functions import web

    app = modal.App(names.SERVE_APP, include_source=False)
    function = app.function(
        image=image(modal),
        gpu=endpoint.gpu,
        env={VARIABLE: endpoint.order.model_dump_json()},
        volumes=volumes(modal),
        secrets=secrets,
        min_containers=endpoint.warm,
        max_containers=1,
        scaledown_window=endpoint.idle_seconds,
        startup_timeout=STARTS_WITHIN,
    )(modal.concurrent(max_inputs=TOGETHER)(modal.asgi_app()(web)))
    return app, function


def deploy(endpoint: Endpoint) -> str:
    """Deploy, and give the address. Raises InvalidInput without the secret that holds the API keys."""
    modal = load_modal()
    with modal_errors(modal):
        keys = modal.Secret.from_name(names.SERVE_SECRET)
        try:
            keys.hydrate()
        except modal.exception.NotFoundError as fault:
            raise InvalidInput(
                f"Modal has no secret {names.SERVE_SECRET!r}; type: modal secret create {names.SERVE_SECRET} "
                "PSYCHOHISTORY_API_KEYS=NAME:KEY"
            ) from fault
        app, function = serve_function(modal, endpoint, [keys, *ModalCloud().hub_secret(modal)])
        with contextlib.redirect_stdout(sys.stderr), modal.enable_output():
            app.deploy()
        return str(function.get_web_url())
