"""Where services live, how fast hosts may be asked, which private addresses are allowed.

The shipped `hosts.toml`, then the user's own file (PSYCHOHISTORY_HOSTS, or `hosts.toml` in the
configuration folder), then the environment: PSYCHOHISTORY_<SERVICE>_URL for one address,
PSYCHOHISTORY_CONTACT, PSYCHOHISTORY_ALLOW (comma-separated). Keys are read from the environment only and
never from a file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.fetching.addresses import AddressPolicy, AllowedPeer
from agents.fetching.buckets import HostGate, HostLimit
from agents.fetching.exchange import bad_address, host_of
from agents.fetching.settings import FetchSettings
from corpus.errors import InvalidFile, InvalidInput

SHIPPED = Path(__file__).with_name("hosts.toml")
_LIMIT_FIELDS = frozenset(
    {"per_minute", "per_minute_without_contact", "parallel", "burst", "pause_after_429_s"}
)


def user_file(environment: Mapping[str, str]) -> Path:
    """Where the user's own hosts.toml is looked for."""
    if named := environment.get("PSYCHOHISTORY_HOSTS"):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("psychohistory") / "hosts.toml"


@dataclass(frozen=True)
class WebConfiguration:
    """All that decides how the web is used, keys excepted."""

    contact: str
    allow: tuple[str, ...]
    services: Mapping[str, str]
    """Service name → base address without a trailing slash; empty where it must be set first."""
    default: HostLimit
    hosts: Mapping[str, HostLimit]

    def settings(self) -> FetchSettings:
        """Limits of each fetch and the name the program goes by."""
        return FetchSettings(contact=self.contact)

    def gate(self) -> HostGate:
        """A pace for each host; one per process."""
        return HostGate(self.hosts, self.default)

    def policy(self) -> AddressPolicy:
        """Which machines may be connected to."""
        return AddressPolicy(self.allow)


def load(environment: Mapping[str, str], path: Path | None = None) -> WebConfiguration:
    """Read the shipped file, the user's (`path`, or where it is looked for) and the environment."""
    own = path or user_file(environment)
    table = _merged(_read(SHIPPED), _read(own) if path or own.exists() else {}, own)
    settings = table["settings"]
    contact = environment.get("PSYCHOHISTORY_CONTACT", settings["contact"])
    listed = environment.get("PSYCHOHISTORY_ALLOW")
    allow = (
        settings["allow"] if listed is None else [part.strip() for part in listed.split(",") if part.strip()]
    )
    for entry in allow:
        AllowedPeer.parse(entry)
    return WebConfiguration(
        contact=contact,
        allow=tuple(allow),
        services=_services(table["services"], environment),
        default=_limit("default", table["default"], contact, {}),
        hosts={
            host: _limit(host, fields, contact, table["default"]) for host, fields in table["hosts"].items()
        },
    )


def url_variable(service: str) -> str:
    """The environment variable that sets a service's base address."""
    return f"PSYCHOHISTORY_{service.upper()}_URL"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFile(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{path} is not a TOML file: {error}.") from error


def _merged(shipped: dict[str, Any], own: dict[str, Any], path: Path) -> dict[str, Any]:
    unknown = sorted(set(own) - set(shipped))
    unknown += sorted(f"services.{name}" for name in set(own.get("services", {})) - set(shipped["services"]))
    unknown += sorted(f"settings.{name}" for name in set(own.get("settings", {})) - set(shipped["settings"]))
    if unknown:
        raise InvalidFile(f"{path}: {unknown[0]} is not known; see the shipped {SHIPPED}.")
    return {section: {**shipped[section], **own.get(section, {})} for section in shipped}


def _services(listed: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    found = {name: environment.get(url_variable(name), url).rstrip("/") for name, url in listed.items()}
    for name, url in found.items():
        if url and (problem := bad_address(url)):
            raise InvalidInput(f"The address of {name} is wrong: {problem} Set it by {url_variable(name)}.")
    return found


def _limit(host: str, fields: Any, contact: str, default: Mapping[str, Any]) -> HostLimit:
    if not isinstance(fields, dict) or not set(fields) <= _LIMIT_FIELDS:
        raise InvalidFile(f"The limits of {host} may only name {', '.join(sorted(_LIMIT_FIELDS))}.")
    values = {**default, **fields}
    if not contact and "per_minute_without_contact" in values:
        values |= {"per_minute": values["per_minute_without_contact"], "parallel": 1, "burst": 1}
    values.pop("per_minute_without_contact", None)
    if not all(isinstance(value, int | float) and value >= 0 for value in values.values()):
        raise InvalidFile(f"The limits of {host} must be numbers of at least 0.")
    if values["per_minute"] <= 0:
        raise InvalidFile(f"per_minute of {host} must be above 0.")
    return HostLimit(**values)


def service_host(url: str) -> str:
    """The host of a base address, as limits name it."""
    return host_of(url).partition(":")[0]
