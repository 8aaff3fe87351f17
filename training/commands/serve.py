"""`training serve`: trees over HTTP and a page that draws them; elsewhere than on this machine with keys and TLS."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click
import uvicorn
from platformdirs import user_cache_path

from corpus.errors import InvalidInput
from training.commands.forecasts import TINY_NOTICE, Forecaster, model_options
from training.serve.application import make_app
from training.serve.keys import KEYS_VARIABLE, KeyRing, keys_of_variable, read_keys
from training.serve.settings import ServeSettings, check_exposure

if TYPE_CHECKING:
    from training.inference import ProbabilityTreeInference

PORT = 8766
BACKLOG = 128
RUN_HOLDER = "this-run"
"""Whose key is printed where no other one is set up."""
GRACE_S = 10


@click.command(epilog="Example: training serve --model runs/score")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one."
)
@click.option("--keys", "key_file", type=click.Path(path_type=Path), help="API keys, made by `training key`.")
@click.option(
    "--tls-cert", type=click.Path(exists=True, dir_okay=False), help="Certificate, for another --host."
)
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its key.")
@click.option(
    "--proxy", metavar="URL", help="The address people type, where a reverse proxy stands in front."
)
@click.option("--seconds", type=click.FloatRange(0.1), default=120.0, show_default=True,
              help="Most time of an answer; what is known by then is sent, marked incomplete.")  # fmt: skip
@click.option("--waiting", type=click.IntRange(1), default=8, show_default=True,
              help="Requests that may wait for the model.")  # fmt: skip
@click.option("--rate", type=click.IntRange(1), default=30, show_default=True, help="Trees a minute and key.")
@click.option("--cache", type=click.Path(path_type=Path),
              help="The SQLite file that keeps trees. Default: one in your cache folder.")  # fmt: skip
@click.option(
    "--open/--no-open", "opens", default=True, help="Open the page in a browser (on a terminal only)."
)
@model_options
def serve(
    host: str,
    port: int,
    key_file: Path | None,
    tls_cert: str | None,
    tls_key: str | None,
    proxy: str | None,
    seconds: float,
    waiting: int,
    rate: int,
    cache: Path | None,
    opens: bool,
    forecaster: Forecaster,
) -> None:
    """Serve trees: POST /generate_tree, and a page that draws them.

    On this machine a link that lets in once and a key of this run are printed. Another address needs API keys
    (--keys, or PSYCHOHISTORY_API_KEYS=name:key,…), and --tls-cert with --tls-key, or --proxy with the address of
    the reverse proxy in front. --depth and --branches are what a request gets that names none.
    """
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("TLS needs both --tls-cert and --tls-key.")
    tls = tls_cert is not None
    ring = _keys(key_file)
    check_exposure(host, tls=tls, proxy=proxy, keys=ring)
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    run_key = None
    if not ring.names:
        ring, run_key = ring.with_new(RUN_HOLDER)
    inference = forecaster.ready()
    settings = ServeSettings(
        origin=proxy.rstrip("/") if proxy else f"{'https' if tls else 'http'}://{_shown(host)}:{port}",
        keys=ring,
        effort=forecaster.effort,
        depth=forecaster.depth,
        branches=forecaster.branches,
        seconds=seconds,
        waiting=waiting,
        a_minute=rate,
        cache=cache or _cache_file(),
        notice=TINY_NOTICE if forecaster.is_tiny else "",
    )
    _serve(settings, inference, listening, (tls_cert, tls_key), run_key, opens)


def _serve(
    settings: ServeSettings,
    inference: ProbabilityTreeInference,
    listening: socket.socket,
    tls: tuple[str | None, str | None],
    run_key: str | None,
    opens: bool,
) -> None:
    app = make_app(settings, inference)
    link = f"{settings.origin}/enter?token={app.state.gate.one_time_token()}"
    click.echo(f"Model: {inference.name}")
    if settings.notice:
        click.echo(settings.notice)
    click.echo(f"Open this link once: {link}")
    if run_key:
        click.echo(f"Key of this run, for programs: {run_key}")
    click.echo("Stop with Ctrl-C.", err=True)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        ssl_certfile=tls[0], ssl_keyfile=tls[1], timeout_graceful_shutdown=GRACE_S, backlog=BACKLOG,
    )  # fmt: skip
    if opens and sys.stdout.isatty():
        click.launch(link)
    _StoppingServer(config, app.state.trees.stop).run(sockets=[listening])


class _StoppingServer(uvicorn.Server):
    """Tells the trees in the making to end when it is told to: else each would be waited for."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop_trees = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the next level, then as uvicorn does."""
        self._stop_trees()
        super().handle_exit(sig, frame)


def _keys(file: Path | None) -> KeyRing:
    stored = KeyRing() if file is None else read_keys(file)
    return stored.joined(keys_of_variable(os.environ.get(KEYS_VARIABLE, "")))


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket; who is quick waits until the model is ready, and is not refused."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as fault:
        made.close()
        raise InvalidInput(f"{host}:{port} cannot be used: {fault.strerror}; name another --port.") from fault
    return made


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _cache_file() -> Path:
    return user_cache_path("psychohistory") / "trees.sqlite"
