"""`training plan`: what a run would need, before anything is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from corpus.commandline import print_json
from corpus.snapshot import read_snapshot
from training.config import Experiment, read_experiment

if TYPE_CHECKING:
    from training.planning.plan import Option, RunPlan


@click.command(epilog="Example: training plan snapshots/2024 --config experiment.yaml --gpu H100")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="An experiment's YAML; defaults without it.")
@click.option("--base", help="Another base: a name, a folder, or a config.json.")
@click.option("--gpu", help="Only this GPU; refused with the reason where the run does not fit.")
@click.option("--max-usd", type=click.FloatRange(min=0, min_open=True), help="Refuse a run that costs more.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    snapshot: Path,
    config: Path | None,
    base: str | None,
    gpu: str | None,
    max_usd: float | None,
    as_json: bool,
) -> None:
    """Show parameters trained, memory, time and dollars for a run on SNAPSHOT, by GPU.

    Loads no weights. Prices are those of the shipped table, with their date; time rests on assumptions that
    the table names.
    """
    experiment = read_experiment(config) if config else Experiment()
    if base is not None:
        experiment = experiment.model_copy(update={"base": base})
    opened = read_snapshot(snapshot)
    from training.quiet import quiet_libraries

    quiet_libraries()
    from training.planning.limits import within
    from training.planning.making import plan_for
    from training.planning.plan import option_json, plan_json

    made = plan_for(experiment, opened)
    chosen = made.on(gpu) if gpu else None
    if max_usd is not None:
        within(made.on(gpu), max_usd)
    if as_json:
        print_json(plan_json(made) | ({"chosen": option_json(chosen)} if chosen else {}))
        return
    _show(made, chosen)


def _show(plan: RunPlan, chosen: Option | None) -> None:
    shape, lengths = plan.shape, plan.lengths
    click.echo(
        f"{shape.base}: {shape.parameters / 1e6:,.2f} M parameters, {shape.trained / 1e6:,.2f} M trained "
        f"({plan.experiment.lora.adapt})."
    )
    click.echo(
        f"{len(lengths.train.tokens)} dialogues to train on, {lengths.train.total:,} tokens, the longest "
        f"{lengths.train.longest:,}" + (f"; {lengths.left_out} over the limit." if lengths.left_out else ".")
    )
    if plan.counted_with != shape.base:
        click.echo(
            f"Counted with the tokenizer of {plan.counted_with!r}: that of {shape.base} is not on this machine. Its "
            "small vocabulary gives more tokens, so times are too long."
        )
    _table(plan, chosen)
    _memory(chosen or next(iter(plan.fitting()), plan.options[0]))
    assumed, source = plan.prices.assumptions, plan.prices.source
    speed = assumed.mixture if shape.experts else assumed.dense
    click.echo(
        f"Prices: {source.page}, {source.date}. Time assumes {speed.utilisation:.0%} of the dense bf16 rate and "
        f"{speed.layer_seconds * 1e3:g} ms a layer and pass at least; see training/prices.toml."
    )


def _table(plan: RunPlan, chosen: Option | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in ("GPU", "loaded as", "memory GB", "of", "hours", "USD", ""):
        table.add_column(name, justify="left" if name in ("GPU", "loaded as", "") else "right")
    for one in [chosen] if chosen else plan.options:
        known = bool(one.stage_seconds)
        table.add_row(
            one.gpu.name,
            one.loading.value,
            f"{one.memory.total / 1e9:.1f}",
            f"{one.gpu.memory_gb:g}",
            f"{one.seconds / 3600:.2f}" if known and not one.refused else "",
            f"{one.usd:.2f}" if known and not one.refused else "",
            _note(plan, one),
        )
    Console().print(table)


def _note(plan: RunPlan, one: Option) -> str:
    if one.refused:
        return (
            "no bf16" if not one.gpu.bf16_tflops else "too small" if "needs" in one.refused else one.refused
        )
    return "cheapest" if one in plan.fitting(one.loading)[:1] else ""


def _memory(one: Option) -> None:
    parts = ", ".join(f"{name} {value / 1e9:.2f}" for name, value in vars(one.memory).items() if value >= 5e6)
    click.echo(f"Memory as {one.loading} in GB: {parts}.")
