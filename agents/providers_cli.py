"""`agents providers`: what each source gives and needs, and whether it answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.commandline import print_json, printable

if TYPE_CHECKING:
    from agents.providers.configuration import WebConfiguration
    from agents.providers.registry import Entry

_PATIENCE_S = 15.0


@click.command(epilog="Example: agents providers --only wikipedia,gdelt")
@click.option("--only", metavar="NAMES", default="", help="Comma-separated names; the default is all.")
@click.option("--offline", is_flag=True, help="List only; ask nobody.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def providers(only: str, offline: bool, as_json: bool) -> None:
    """List the sources of pages, events, series and probabilities.

    Each that has what it needs is asked one small question over the network (with a key, that may use up a
    credit), unless --offline is given. Addresses and limits: hosts.toml; a single address by
    PSYCHOHISTORY_<SERVICE>_URL; keys from the environment only.
    """
    from agents.providers.configuration import load, user_file

    configuration = load(os.environ)
    rows = asyncio.run(_rows(configuration, os.environ, _names(only), offline))
    place = user_file(os.environ)
    if as_json:
        print_json({"providers": rows, "configuration": str(place), "contact": configuration.contact})
    else:
        _show(rows, place, configuration.contact)


def _names(only: str) -> frozenset[str]:
    from agents.providers.registry import NAMES

    asked = frozenset(part.strip() for part in only.split(",") if part.strip())
    if unknown := sorted(asked - set(NAMES)):
        raise click.BadParameter(
            f"{unknown[0]!r} is no provider; there are {', '.join(NAMES)}.", param_hint="--only"
        )
    return asked or frozenset(NAMES)


async def _rows(
    configuration: WebConfiguration, environment: Mapping[str, str], names: frozenset[str], offline: bool
) -> list[dict[str, Any]]:
    from agents.fetching.client import WebClient
    from agents.forgetting import ForgetfulJournal
    from agents.providers.registry import build

    once = replace(configuration.settings(), tries=1, timeout_s=_PATIENCE_S)
    async with WebClient(once, configuration.gate(), configuration.policy(), ForgetfulJournal()) as client:
        registry = build(configuration, client, environment)
        entries = [entry for name, entry in registry.entries.items() if name in names]
        states = await asyncio.gather(*(_state(entry, offline) for entry in entries))
    return [_row(entry, *state) for entry, state in zip(entries, states, strict=True)]


async def _state(entry: Entry, offline: bool) -> tuple[str, str]:
    """One word and one sentence: answers, fails, lacks, or not asked."""
    if entry.provider is None:
        return "lacks", entry.lacks
    if offline:
        return "not asked", ""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            failure = await entry.provider.probe()
    except TimeoutError:
        return "fails", f"no answer within {_PATIENCE_S:g} s"
    return ("answers", "") if failure is None else ("fails", failure.message)


def _row(entry: Entry, state: str, said: str) -> dict[str, Any]:
    info = entry.info
    return {
        "name": info.name,
        "gives": info.gives,
        "key": info.key_variable,
        "state": state,
        "message": said,
        "terms": str(info.terms),
        "terms_note": info.terms_note,
        "services": list(info.services),
    }


def _show(rows: list[dict[str, Any]], place: Path, contact: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("provider", "gives", "key", "state", box=None, pad_edge=False)
    for row in rows:
        state = f"{row['state']}: {row['message']}" if row["message"] else row["state"]
        table.add_row(row["name"], row["gives"], row["key"] or "none", printable(state))
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    console.print(
        f"\nYour own addresses and limits: {place}" + ("" if place.exists() else " (not there yet)")
    )
    if not contact:
        console.print(
            "No contact is set, so Wikipedia is asked slowly; set PSYCHOHISTORY_CONTACT to your address."
        )
