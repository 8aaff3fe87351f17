"""`training ask`: one event, forecast as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from corpus.case import DEFAULT_HORIZON_MONTHS
from corpus.commandline import printable
from training.commands.forecasts import Forecaster, model_options, tell_limits

if TYPE_CHECKING:
    from rich.tree import Tree

    from evaluation.tree import ProbabilityTree, TreeNode


@click.command(epilog='Example: training ask "Brexit vote passes" --context "52% leave" --as-of 2016-06-24')
@click.argument("event")
@click.option("--context", multiple=True, help="Something known on that day; repeat it for several.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the forecast; today without it.")
@click.option("--horizon", type=click.IntRange(1, 600), default=DEFAULT_HORIZON_MONTHS, show_default=True,
              help="Months a level.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the tree as JSON.")
@model_options
def ask(
    event: str,
    context: tuple[str, ...],
    as_of: datetime | None,
    horizon: int,
    as_json: bool,
    forecaster: Forecaster,
) -> None:
    """Forecast what may follow EVENT, as a tree of outcomes with probabilities.

    A branch shows its probability given its parent, then that of the whole path; Z is what is left to
    everything that is not listed.
    """
    inference = forecaster.ready()
    day = (as_of or datetime.now(UTC)).date()
    depth, branches = forecaster.depth, forecaster.branches
    tree = inference.generate_tree(event, context, day, horizon, depth, branches, forecaster.effort)
    tell_limits(forecaster, inference)
    if as_json:
        click.echo(tree.model_dump_json(indent=1))
    else:
        show(tree)


def show(tree: ProbabilityTree) -> None:
    """Print a tree, the likeliest branch of each level first, Z last."""
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    top = Tree(f"[bold]{escape(printable(tree.seed))}[/bold]")
    _add(top, tree.branches, tree.remainder)
    console = Console()
    console.print(top)
    console.print(f"{tree.model}{', ' + tree.calibration if tree.calibration else ''}", style="dim")


def _add(parent: Tree, nodes: Sequence[TreeNode], remainder: float | None) -> None:
    from rich.markup import escape

    for node in sorted(nodes, key=lambda node: -node.probability):
        spread = f" ± {node.spread:.0%}" if node.spread is not None else ""
        path = f", path {node.path_probability:.1%}"
        when = f", within {node.months} months" if node.months else ""
        label = f"{node.probability:.0%}{spread} {escape(printable(node.event))}[dim]{path}{when}[/dim]"
        _add(parent.add(label), node.branches, node.remainder)
    if nodes and remainder is not None:
        parent.add(f"[dim]{remainder:.0%} Z: none of them[/dim]")
