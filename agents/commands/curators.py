"""`agents curators`: who may review, each by a personal link."""

from __future__ import annotations

import click

from agents.commands.opening import json_option, opened_store, store_option
from corpus.commandline import print_json, printable
from db.curators import Curators

ADDRESS = "http://127.0.0.1:8765"


@click.group(epilog="Example: agents curators add Ann")
def curators() -> None:
    """Who may review: add somebody, list them, make a new link."""


def address_option(command: click.decorators.FC) -> click.decorators.FC:
    """`--address`: where the page is served."""
    return click.option(
        "--address", default=ADDRESS, show_default=True, help="Where the page is served, for the link."
    )(command)


@curators.command(epilog="Example: agents curators add Ann --address https://review.example.org")
@click.argument("name")
@address_option
@store_option
@json_option
def add(name: str, address: str, db: str | None, as_json: bool) -> None:
    """Let NAME review, and print their personal link. It is shown this once: only its hash is kept."""
    _print_link(name, address, Curators(opened_store(db)).add(name), as_json)


@curators.command(epilog="Example: agents curators link Ann")
@click.argument("name")
@address_option
@store_option
@json_option
def link(name: str, address: str, db: str | None, as_json: bool) -> None:
    """Give NAME a new link; the old one and all open sessions end."""
    _print_link(name, address, Curators(opened_store(db)).replace_token(name), as_json)


@curators.command("list", epilog="Example: agents curators list")
@store_option
@json_option
def list_(db: str | None, as_json: bool) -> None:
    """All who may review."""
    names = Curators(opened_store(db)).names()
    if as_json:
        print_json(names)
    else:
        click.echo("\n".join(map(printable, names)) or "Nobody yet: agents curators add NAME")


def _print_link(name: str, address: str, token: str, as_json: bool) -> None:
    url = f"{address.rstrip('/')}/enter?token={token}"
    if as_json:
        print_json({"name": name, "link": url, "token": token})
    else:
        click.echo(f"The link of {printable(name)}, to be kept like a password:\n{url}")
