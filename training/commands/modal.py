"""`training modal doctor`: what token, secret or volume is missing."""

from __future__ import annotations

import click

from corpus.commandline import BROKE, print_json
from training.backends.doctor import Check, ModalProbe, examine


@click.group(epilog="Example: training modal doctor")
def modal() -> None:
    """Look after Modal, where `--backend modal` and `training deploy` run."""


@modal.command(epilog="Example: training modal doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what is missing: token, image, volumes, secrets. Starts nothing and costs nothing."""
    checks = examine(ModalProbe())
    if as_json:
        print_json([vars(check) for check in checks])
    else:
        for check in checks:
            click.echo(f"{_mark(check)} {check.name}: {check.told}")
    context.exit(0 if all(check.fine or not check.needed for check in checks) else BROKE)


def _mark(check: Check) -> str:
    return "fine   " if check.fine else "missing" if check.needed else "absent "
