"""What is missing for Modal: token and lock, then (asking the servers) volumes and secrets. No modal at import."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from corpus.errors import PsychoHistoryError
from training.backends import names

PATIENCE = 20.0
"""Seconds for the servers' answer; a made-up token is refused only after a minute."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    fine: bool
    told: str
    needed: bool = True
    """Without it nothing runs; else something works less well, or is made when it is needed."""


class Probe(Protocol):
    """What the doctor looks at; each raises PsychoHistoryError with a sentence where something is wrong."""

    def token(self) -> None:
        """A token is configured and has the form of one."""
        ...

    def lock(self) -> None:
        """The image can be made from here."""
        ...

    def volumes(self) -> set[str]:
        """Names of the volumes there are; asks the servers."""
        ...

    def secrets(self) -> set[str]:
        """Names of the secrets there are; asks the servers."""
        ...


class ModalProbe:
    """Modal itself."""

    def token(self) -> None:
        """A token is configured and has the form of one."""
        from training.backends.modal_cloud import require_token

        require_token()

    def lock(self) -> None:
        """The image can be made from here."""
        from training.backends.modal_cloud import lock_file

        lock_file()

    def volumes(self) -> set[str]:
        """Names of the volumes there are; asks the servers."""
        return _names("Volume")

    def secrets(self) -> set[str]:
        """Names of the secrets there are; asks the servers."""
        return _names("Secret")


def _names(kind: str) -> set[str]:
    from training.backends.modal_cloud import load_modal, modal_errors

    modal = load_modal()
    with modal_errors(modal):
        return {str(one.name) for one in getattr(modal, kind).objects.list()}


def examine(probe: Probe, patience: float = PATIENCE) -> list[Check]:
    """All checks in the order in which they must be mended; the servers are asked only with a token."""
    token = _said("token", probe.token, "configured")
    checks = [token, _said("image", probe.lock, f"{names.LOCK_FILE} is here")]
    if not token.fine:
        return checks
    try:
        volumes, secrets = _within(patience, probe.volumes), _within(patience, probe.secrets)
    except PsychoHistoryError as fault:
        return [*checks, Check("servers", False, str(fault))]
    checks.append(Check("servers", True, "they know the token"))
    for name in (names.DATA_VOLUME, names.CACHE_VOLUME):
        told = "is there" if name in volumes else "is made by the first run"
        checks.append(Check(f"volume {name}", name in volumes, told, needed=False))
    return [*checks, _hub(secrets), _serving(secrets)]


def _hub(secrets: set[str]) -> Check:
    fine = names.HUB_SECRET in secrets
    told = "is there" if fine else (
        f"only gated models need it; type: modal secret create {names.HUB_SECRET} HF_TOKEN=hf_…"
    )  # fmt: skip
    return Check(f"secret {names.HUB_SECRET}", fine, told, needed=False)


def _serving(secrets: set[str]) -> Check:
    fine = names.SERVE_SECRET in secrets
    told = "is there" if fine else (
        f"training deploy needs it; type: modal secret create {names.SERVE_SECRET} PSYCHOHISTORY_API_KEYS=NAME:KEY"
    )  # fmt: skip
    return Check(f"secret {names.SERVE_SECRET}", fine, told, needed=False)


def _said(name: str, look: Callable[[], None], told: str) -> Check:
    try:
        look()
    except PsychoHistoryError as fault:
        return Check(name, False, str(fault))
    return Check(name, True, told)


def _within(seconds: float, ask: Callable[[], set[str]]) -> set[str]:
    """The answer, or PsychoHistoryError where none came in time."""
    found: list[set[str]] = []
    faults: list[BaseException] = []

    def work() -> None:
        try:
            found.append(ask())
        except BaseException as fault:  # noqa: BLE001 (whatever it was, it is raised below, in the asking thread)
            faults.append(fault)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if faults:
        raise faults[0]
    if not found:
        raise PsychoHistoryError(
            f"Modal's servers gave no answer in {seconds:g} s; the token may be a wrong one, or there is no network."
        )
    return found[0]
