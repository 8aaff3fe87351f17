"""`agents prices`: what models cost, as far as somebody entered it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal

import click

from corpus.commandline import print_json


@click.group(invoke_without_command=True, epilog="Example: agents prices add my-model --input 0 --output 0")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def prices(context: click.Context, as_json: bool) -> None:
    """List the prices that a cost cap rests on; `agents prices add` enters one.

    Dollars per million tokens: prompt tokens, those among them that the server had kept or keeps now (where that
    changes the price), and completion tokens. Your own prices come before the shipped ones, which name the page
    and the day they were read. A model without a price is refused where --max-usd is set.
    """
    if context.invoked_subcommand is None:
        _list(as_json)


@prices.command(
    epilog="Example: agents prices add gpt-6-luna --host api.openai.com --input 0.125 --output 0.50"
)
@click.argument("model")
@click.option("--input", "input_usd", required=True, metavar="USD", help="Per million prompt tokens.")
@click.option("--output", "output_usd", required=True, metavar="USD", help="Per million completion tokens.")
@click.option("--host", default="", metavar="HOST", help="Of the server; default: any.")
@click.option("--source", default="", metavar="URL", help="Where you read it.")
def add(model: str, input_usd: str, output_usd: str, host: str, source: str) -> None:
    """Enter the price of a model into your own table, in place of an earlier one."""
    from agents.models.prices import add as enter
    from agents.models.prices import price_of

    price = price_of(model, host, input_usd, output_usd, source, datetime.now(UTC).date().isoformat())
    path = enter(price, os.environ)
    where = f" at {host}" if host else ""
    click.echo(
        f"{model}{where}: ${price.input_usd} in, ${price.output_usd} out per million tokens, kept in {path}"
    )


def _list(as_json: bool) -> None:
    from agents.models.prices import load

    listed = load(os.environ).prices
    if as_json:
        rows = [
            {
                "model": price.model,
                "host": price.host,
                "input_usd": str(price.input_usd),
                "cached_input_usd": _written(price.cached_input_usd),
                "cache_write_usd": _written(price.cache_write_usd),
                "output_usd": str(price.output_usd),
                "source": price.source,
                "checked": price.checked,
            }
            for price in listed
        ]
        print_json({"prices": rows})
        return
    from rich.console import Console
    from rich.table import Table

    heads = ("model", "server", "in $/M", "cached", "kept", "out $/M", "read on", "where")
    table = Table(*heads, box=None, pad_edge=False)
    for price in listed:
        table.add_row(
            price.model,
            price.host or "any",
            str(price.input_usd),
            _written(price.cached_input_usd) or "",
            _written(price.cache_write_usd) or "",
            str(price.output_usd),
            price.checked,
            price.source,
        )
    Console(width=None if Console().is_terminal else 160).print(table)


def _written(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
