"""`training costs`: what runs were planned to take, and what they took."""

from __future__ import annotations

import os
from pathlib import Path

import click

from corpus.commandline import print_json
from training.costs import ENVIRONMENT, Ledger, as_json, default_ledger, grouped


@click.command(epilog="Example: training costs --by stage")
@click.option("--by", type=click.Choice(["run", "stage", "dataset", "backend", "gpu"]), default="run",
              show_default=True, help="What is summed.")  # fmt: skip
@click.option("--run", help="Only this run.")
@click.option("--ledger", type=click.Path(path_type=Path), help=f"The ledger; {ENVIRONMENT} or the default file "
              "without it.")  # fmt: skip
@click.option("--json", "as_json_", is_flag=True, help="Print totals and entries as JSON.")
def costs(by: str, run: str | None, ledger: Path | None, as_json_: bool) -> None:
    """Show estimated against actual time and dollars of runs.

    Actual dollars are measured seconds times the price of the table at that time; nothing on this machine.
    """
    path = ledger or default_ledger(os.environ)
    found = Ledger(path).read()
    if run is not None:
        found = type(found)([entry for entry in found.entries if entry.run == run], found.cut)
    if as_json_:
        print_json(as_json(found, by))
        return
    if not found.entries:
        click.echo(f"No costs are noted in {path} yet.")
    for name, total in grouped(found.entries, by).items():
        click.echo(
            f"{name}: estimated {_time(total.estimated_seconds)}, {_dollars(total.estimated_usd)}; "
            f"actual {_time(total.actual_seconds)}, {_dollars(total.actual_usd)}"
        )
    if found.cut:
        click.echo(f"{found.cut} lines of {path} were cut by a crash and are not counted.", err=True)


def _time(seconds: float | None) -> str:
    return (
        "no time" if seconds is None else f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds:.0f} s"
    )


def _dollars(usd: float | None) -> str:
    return "no cost" if usd is None else f"${usd:.2f}"
