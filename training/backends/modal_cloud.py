"""Modal itself behind the `Cloud` Protocol. The only module, with `functions`, that touches the modal package.

Modal has no offline mode: what these calls do on its servers is not covered by tests here; that the image, the
function and its settings are accepted by the package is, and the function's body runs by `.local()`.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from corpus.errors import InvalidInput, MissingExtra, PsychoHistoryError
from training.backends import names
from training.backends.bodies import RunOrder
from training.backends.remote import Call, CallState
from training.planning.limits import KEPT_BACK, MODAL_LONGEST
from training.planning.prices import Container, read_prices

ROOT = Path(__file__).parents[2]
PACKAGES = ("corpus", "evaluation", "training")
RETRIES = 3


def load_modal() -> Any:
    """The modal package; raises MissingExtra where it is not installed."""
    try:
        return importlib.import_module("modal")
    except ImportError as fault:
        raise MissingExtra(
            "Modal needs its package, which is not installed; type: pip install 'psychohistory[training]'"
        ) from fault


def require_token() -> None:
    """Raise InvalidInput in one sentence where no usable token is configured; asks no server.

    A made-up token is refused by Modal's servers only after a minute, so its form is looked at here.
    """
    if problem := token_problem():
        raise InvalidInput(f"{problem}; type: modal token new, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.")


def token_problem() -> str:
    """What is wrong with the configured token, as far as this machine can tell; empty where nothing is."""
    load_modal()
    config = importlib.import_module("modal.config").config
    if config.get("oauth_refresh_token"):
        return ""
    wanted = {"token_id": "ak-", "token_secret": "as-"}
    for setting, beginning in wanted.items():
        value = config.get(setting)
        if not value:
            return f"Modal's {setting} is not configured"
        if not str(value).startswith(beginning):
            return f"Modal's {setting} does not begin with {beginning!r}, so it is none"
    return ""


def lock_file() -> Path:
    """The lock from which the image is made; raises InvalidInput where the program runs without its repository."""
    path = ROOT / names.LOCK_FILE
    if not path.is_file():
        raise InvalidInput(
            f"{path} is missing; --backend modal builds its image from it: run from a checkout of the repository."
        )
    return path


def image(modal: Any) -> Any:
    """torch, what the lock names, and this program's own packages with their data files."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        modal.Image.debian_slim(python_version=python)
        .uv_pip_install(names.TORCH)
        .uv_pip_install(requirements=[str(lock_file())], extra_options="--no-deps")
        .env({"HF_HOME": names.CACHE, "TOKENIZERS_PARALLELISM": "false"})
        .add_local_python_source(*PACKAGES, ignore=["**/__pycache__/**"])
    )


def volumes(modal: Any) -> dict[str, Any]:
    """The two volumes where they are mounted; made on first use."""
    return {
        names.DATA: modal.Volume.from_name(names.DATA_VOLUME, create_if_missing=True),
        names.CACHE: modal.Volume.from_name(names.CACHE_VOLUME, create_if_missing=True),
    }


def train_function(modal: Any, gpu: str, allowance: int, secrets: list[Any]) -> tuple[Any, Any]:
    """The app and its function for one run."""
    from training.backends.functions import train

    container: Container = read_prices().container
    app = modal.App(names.APP, include_source=False)
    function = app.function(
        image=image(modal),
        gpu=gpu,
        cpu=container.cores,
        memory=int(container.memory_gib * 1024),
        timeout=min(MODAL_LONGEST, allowance + KEPT_BACK),
        retries=modal.Retries(max_retries=RETRIES, initial_delay=1.0, backoff_coefficient=2.0),
        volumes=volumes(modal),
        secrets=secrets,
        max_containers=1,
    )(train)
    return app, function


class ModalCloud:
    """Modal, with the token of its own configuration."""

    def check(self) -> None:
        """Raise InvalidInput without a token."""
        require_token()
        lock_file()

    @property
    def _volume(self) -> Any:
        return load_modal().Volume.from_name(names.DATA_VOLUME, create_if_missing=True)

    def read(self, path: str) -> bytes | None:
        """A file of the data volume; None where there is none."""
        modal = load_modal()
        with modal_errors(modal):
            try:
                return b"".join(self._volume.read_file(path))
            except (FileNotFoundError, modal.exception.NotFoundError):
                return None

    def fetch(self, path: str, to: Path) -> None:
        """A file of the data volume, written to a file."""
        modal = load_modal()
        with modal_errors(modal), to.open("wb") as file:
            self._volume.read_file_into_fileobj(path, file)

    def put(self, path: str, source: Path | bytes) -> None:
        """Write a folder, a file or bytes to the data volume."""
        modal = load_modal()
        with modal_errors(modal), self._volume.batch_upload(force=True) as batch:
            if isinstance(source, bytes):
                batch.put_file(BytesIO(source), f"/{path}")
            elif source.is_dir():
                batch.put_directory(source, f"/{path}")
            else:
                batch.put_file(source, f"/{path}")

    def start(self, order: RunOrder, gpu: str) -> str:
        """Start a run and give its call's id; it goes on when this process ends."""
        modal = load_modal()
        with modal_errors(modal):
            app, function = train_function(modal, gpu, order.allowance_seconds, self.hub_secret(modal))
            with contextlib.redirect_stdout(sys.stderr), modal.enable_output(), app.run(detach=True):
                return str(function.spawn(order.model_dump_json()).object_id)

    def hub_secret(self, modal: Any) -> list[Any]:
        """The hub's token, where the secret exists; public models need none."""
        secret = modal.Secret.from_name(names.HUB_SECRET)
        try:
            secret.hydrate()
        except modal.exception.NotFoundError:
            return []
        return [secret]

    def poll(self, call: str, seconds: float) -> Call:
        """Where a call stands, waiting for its end some seconds."""
        modal = load_modal()
        lost = (
            modal.exception.FunctionTimeoutError,
            modal.exception.OutputExpiredError,
            modal.exception.NotFoundError,
            modal.exception.RemoteError,
            modal.exception.ExecutionError,
        )
        with modal_errors(modal):
            try:
                return Call(CallState.ENDED, dict(modal.FunctionCall.from_id(call).get(timeout=seconds)))
            except lost as fault:
                return Call(CallState.LOST, why=f"{type(fault).__name__}: {fault}")
            except TimeoutError:
                return Call(CallState.RUNNING)


@contextlib.contextmanager
def modal_errors(modal: Any) -> Iterator[None]:
    """Modal's errors as one sentence of this project."""
    try:
        yield
    except modal.exception.AuthError as fault:
        raise InvalidInput(f"Modal refuses the token: {fault}; type: modal token new.") from fault
    except modal.exception.Error as fault:
        raise PsychoHistoryError(
            f"Modal answers: {' '.join(str(fault).split())} (training modal doctor says what is missing)."
        ) from fault
