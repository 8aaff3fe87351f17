"""`training models`: the registry looked at, and the model in use changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.commandline import LazyGroup, counted, print_json

if TYPE_CHECKING:
    from training.registry.records import Event, ModelRecord
    from training.registry.store import Registry

_Command = Callable[..., None]
_TABLE = {
    "list": (
        "training.commands.models",
        "list_models",
        "All models, newest first; what `models` alone does.",
    ),
    "show": ("training.commands.models", "show", "One model: lineage, figures, files verified."),
    "history": ("training.commands.models", "history", "Promotions, rollbacks and removals."),
    "add": ("training.commands.models_files", "add", "Take a finished run into the registry."),
    "evaluate": ("training.commands.models_files", "evaluate", "Store forecasts of a snapshot with figures."),
    "promote": ("training.commands.models", "promote", "Put a model in use, where it is shown to be better."),
    "rollback": ("training.commands.models", "rollback", "Put the model promoted before in use again."),
    "merge": ("training.commands.models_files", "merge", "Merge an adapter into its base: one whole model."),
    "push": (
        "training.commands.models_files",
        "push",
        "Publish a model on the Hugging Face hub, in private.",
    ),
    "backup": ("training.commands.models_files", "backup", "Write the whole registry to one file."),
    "restore": ("training.commands.models_files", "restore", "Make a registry from a backup."),
    "prune": ("training.commands.models_files", "prune", "Remove models that nothing needs any more."),
}


def registry_option(command: _Command) -> _Command:
    """`--registry DIR`."""
    return click.option(
        "--registry", "folder", type=click.Path(path_type=Path, file_okay=False),
        help="The registry; PSYCHOHISTORY_MODELS or a folder of the user's data without it.",
    )(command)  # fmt: skip


def opened(folder: Path | None) -> Registry:
    """The registry that a command works on."""
    from training.registry.store import Registry, users_registry

    return Registry(folder) if folder else users_registry()


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
name_argument = click.argument("name")


@click.group(
    cls=LazyGroup,
    table=_TABLE,
    invoke_without_command=True,
    epilog="Example: training models add runs/score --snapshot world --predictions test.jsonl",
)
@click.pass_context
def models(context: click.Context) -> None:
    """Keep trained models with their lineage, and say which one is in use.

    A model is put in use only where a paired comparison shows it to be better; `current` stands for it wherever a
    model is named. See docs/models-registry.md.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@click.command("list", epilog="Example: training models list --json")
@registry_option
@json_option
def list_models(folder: Path | None = None, as_json: bool = False) -> None:
    """List all models, newest first; the one in use is marked."""
    registry = opened(folder)
    found, current = registry.models(), registry.current
    rows = [_summary(registry, found, record) | {"current": record.name == current} for record in found]
    if as_json:
        print_json({"registry": str(registry.folder), "current": current, "models": rows})
        return
    if not rows:
        click.echo(f"The registry {registry.folder} is empty; add a finished run: training models add RUN")
        return
    _print_table(rows, current)


def _summary(registry: Registry, models: Sequence[ModelRecord], record: ModelRecord) -> dict[str, Any]:
    from training.registry.pruning import parent_name

    figures = _newest_figures(registry, record)
    given = figures.get("modes", {}).get("given", {}).get("figures", {})
    return {
        "name": record.name,
        "stage": record.stage,
        "base": record.base,
        "parent": parent_name(models, record),
        "snapshot": record.snapshot,
        "commit": record.commit,
        "added_at": record.added_at.isoformat(timespec="seconds"),
        "log_loss": given.get("log_loss"),
        "verdict": figures.get("verdict", {}).get("decision"),
    }


def _newest_figures(registry: Registry, record: ModelRecord) -> Mapping[str, Any]:
    from training.registry.store import FIGURES
    from training.runfolder import read_json

    found = registry.evaluations(record.name)
    return (read_json(registry.checked_evaluation(record.name, found[0]) / FIGURES) or {}) if found else {}


def _print_table(rows: list[dict[str, Any]], current: str | None) -> None:
    from corpus.terminal import console, table

    cells = [
        ("→" if row["current"] else "", row["name"], row["stage"], row["base"], row["parent"] or "–",
         row["snapshot"][:12], interval(row["log_loss"]), row["verdict"] or "not evaluated")
        for row in rows
    ]  # fmt: skip
    heads = ("", "name", "stage", "base", "parent", "snapshot", "log loss, given [95 %]", "verdict")
    console().print(table(f"In use: {current or 'none was promoted yet'}", heads, cells))


def interval(figure: Mapping[str, Any] | None) -> str:
    """A stored figure with its interval."""
    if figure is None or figure["value"] is None:
        return "–"
    if figure["low"] is None:
        return f"{figure['value']:.4f}"
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


@click.command(epilog="Example: training models show current")
@name_argument
@registry_option
@json_option
def show(name: str, folder: Path | None, as_json: bool) -> None:
    """Show where model NAME comes from and how it did; every checksum is compared."""
    from training.registry.pruning import children

    registry = opened(folder)
    record, found = registry.model(name), registry.models()
    weights = registry.verified(record.name)
    summary = _summary(registry, found, record) | {
        "current": record.name == registry.current,
        "children": children(found, record),
        "weights": str(weights),
    }
    events = [event for event in registry.history() if event.model == record.name]
    if as_json:
        print_json(summary | {
            "record": record.model_dump(mode="json"), "figures": dict(_newest_figures(registry, record)),
            "evaluations": [one.model_dump(mode="json") for one in registry.evaluations(record.name)],
            "history": [event.model_dump(mode="json") for event in events],
        })  # fmt: skip
        return
    _print_model(summary, record)
    for event in events:
        click.echo(event_line(event))


def _print_model(summary: Mapping[str, Any], record: ModelRecord) -> None:
    lines = {
        "stage": f"{record.stage}, {'adapter on' if record.adapter else 'whole model from'} {record.base}",
        "parent": summary["parent"]
        or (f"{record.parent[:12]}… (not registered)" if record.parent else "the base"),
        "children": ", ".join(summary["children"]) or "none",
        "snapshot": record.snapshot,
        "commit": record.commit or "unknown",
        "added": summary["added_at"],
        "log loss": f"{interval(summary['log_loss'])} (given)",
        "verdict": summary["verdict"] or "not evaluated",
        "weights": f"{summary['weights']} ({counted(len(record.files), 'file')}, verified)",
    }
    click.echo(f"{record.name}{', in use' if summary['current'] else ''}")
    for label, value in lines.items():
        click.echo(f"  {label:<9} {value}")


@click.command(epilog="Example: training models history --json")
@registry_option
@json_option
def history(folder: Path | None, as_json: bool) -> None:
    """Show which model was put in use when, by whom, against what and why."""
    events = opened(folder).history()
    if as_json:
        print_json([event.model_dump(mode="json") for event in events])
        return
    if not events:
        click.echo("Nothing was promoted yet.")
    for event in events:
        click.echo(event_line(event))


def event_line(event: Event) -> str:
    """One event as one line."""
    kind = event.kind.value.replace("_", " ")
    parts = [f"{event.at:%Y-%m-%d %H:%M} UTC  {kind}{' (forced)' if event.forced else ''}: {event.model}"]
    if event.against:
        parts.append(f"after {event.against}")
    parts += [f"{one['figure']} {interval(one['difference'])} beside it" for one in event.differences]
    if event.by:
        parts.append(f"by {event.by}")
    return ", ".join(parts) + (f". {event.reason}" if event.reason else ".")


@click.command(epilog="Example: training models promote score-1a2b3c4d")
@name_argument
@click.option("--snapshot", type=click.Path(path_type=Path),
              help="Where the snapshot that both have forecast lies now.")  # fmt: skip
@click.option("--force", is_flag=True, help="Promote without the interval's consent; needs --reason.")
@click.option("--reason", default="", help="Kept in the history.")
@registry_option
@json_option
def promote(
    name: str, snapshot: Path | None, force: bool, reason: str, folder: Path | None, as_json: bool
) -> None:
    """Put model NAME in use, if it is shown to be better than the one in use; the first must beat its base.

    Both are compared on the same test questions, as served (calibrated): the paired 95 % interval of log loss (mode
    `given`) or event loss (mode `generated`) must lie below 0, and the other must not lie above it.
    """
    from training.registry.promotion import promote as put_in_use

    _tell(put_in_use(opened(folder), name, snapshot, force=force, reason=reason), as_json)


@click.command(epilog='Example: training models rollback --reason "too sure of itself on elections"')
@click.option("--reason", default="", help="Kept in the history.")
@registry_option
@json_option
def rollback(reason: str, folder: Path | None, as_json: bool) -> None:
    """Put the model that was promoted before the current one in use again."""
    from training.registry.promotion import rollback as go_back

    _tell(go_back(opened(folder), reason), as_json)


def _tell(event: Event, as_json: bool) -> None:
    if as_json:
        print_json(event.model_dump(mode="json"))
        return
    click.echo(event_line(event))
