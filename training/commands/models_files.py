"""`training models add|evaluate|merge|push|backup|restore|prune`: models put in, taken out and handed on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from corpus.commandline import counted, print_json
from training.commands.models import interval, json_option, name_argument, opened, registry_option

if TYPE_CHECKING:
    from training.registry.files import Advance
    from training.registry.records import ModelRecord
    from training.registry.registering import Answers
    from training.registry.store import Registry

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path)
_base_predictions = click.option(
    "--base-predictions",
    type=_FILE,
    help="The base's own forecasts of the same split: what a first model must beat.",
)
_base_calibration = click.option(
    "--base-calibration", type=_FILE, help="The base's calibration, where it has one."
)


@contextmanager
def watched(what: str) -> Iterator[Advance]:
    """A count of bytes on standard error, where somebody looks."""
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from corpus.terminal import console

    shown = console(to_stderr=True)
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=shown, disable=not shown.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.advance(task, count)


@click.command(
    epilog="Example: training models add runs/score --snapshot world --predictions test.jsonl "
    "--base-predictions base.jsonl"
)
@click.argument("run", type=_FOLDER)
@click.option("--name", help="What the model is called; experiment, stage and hash without it.")
@click.option("--snapshot", type=_FOLDER, help="The snapshot that --predictions answers.")
@click.option(
    "--predictions", type=_FILE, help="The model's forecasts of the test split, from `training predict`."
)
@_base_predictions
@_base_calibration
@registry_option
@json_option
def add(
    run: Path,
    name: str | None,
    snapshot: Path | None,
    predictions: Path | None,
    base_predictions: Path | None,
    base_calibration: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Take the finished run in folder RUN into the registry, with its calibration.

    Forecasts given with it are scored and kept; without them the model can be promoted by --force alone.
    """
    if (snapshot is None) != (predictions is None):
        raise click.UsageError("--snapshot and --predictions stand together: questions and answers.")
    if predictions is None and (base_predictions or base_calibration):
        raise click.UsageError("The base's forecasts stand beside the model's own: add --predictions.")
    from training.registry.registering import Answers, register_run

    answers = None
    if snapshot is not None and predictions is not None:
        answers = Answers(snapshot, predictions, base_predictions, base_calibration)
    registry = opened(folder)
    with watched("Copying") as advance:
        record = register_run(registry, run, name, answers, advance)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    click.echo(
        f"{record.name}: {record.stage} on {record.base}, {counted(len(record.files), 'file')} in {registry.folder}."
    )
    if answers is not None:
        click.echo(_figures_sentence(registry, record))


def _figures_sentence(registry: Registry, record: ModelRecord) -> str:
    from training.registry.store import FIGURES
    from training.runfolder import read_json

    newest = registry.evaluations(record.name)[0]
    figures = read_json(registry.evaluation_place(record.name, newest.snapshot) / FIGURES) or {}
    loss = figures["modes"].get("given", {}).get("figures", {}).get("log_loss")
    return f"Log loss, given: {interval(loss)}. Verdict: {figures['verdict']['decision']}."


@click.command(epilog="Example: training models evaluate current current.jsonl --snapshot snapshots/2024-08")
@name_argument
@click.argument("predictions", type=_FILE)
@click.option("--snapshot", type=_FOLDER, required=True, help="The snapshot that PREDICTIONS answer.")
@_base_predictions
@_base_calibration
@registry_option
@json_option
def evaluate(
    name: str,
    predictions: Path,
    snapshot: Path,
    base_predictions: Path | None,
    base_calibration: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Score PREDICTIONS of model NAME on the test split of a snapshot, and keep both.

    Two models can be compared where both have forecast the same snapshot. Forecasts that are kept are never
    replaced.
    """
    from training.registry.registering import Answers, add_evaluation

    registry = opened(folder)
    record = registry.model(name)
    answers: Answers = Answers(snapshot, predictions, base_predictions, base_calibration)
    stored = add_evaluation(registry, record.name, answers)
    if as_json:
        print_json(stored.model_dump(mode="json") | {"model": record.name})
        return
    click.echo(f"{record.name} on snapshot {stored.snapshot[:12]}. {_figures_sentence(registry, record)}")


@click.command(epilog="Example: training models merge current --out merged")
@name_argument
@click.option(
    "--out", type=_FOLDER, required=True, help="Folder to write, in the form of a run; the model is in final."
)
@registry_option
@json_option
def merge(name: str, out: Path, folder: Path | None, as_json: bool) -> None:
    """Merge adapter NAME into its base: one whole model as safetensors, the calibration with it."""
    from training.quiet import quiet_libraries

    quiet_libraries()
    from training.registry.merging import merge as merge_adapter

    metadata = merge_adapter(opened(folder), name, out)
    if as_json:
        print_json(metadata | {"folder": str(out / "final")})
        return
    click.echo(f"{metadata['merged']} merged into its base: {out / 'final'}.")


@click.command(epilog="Example: training models push current your-name/forecaster --licence mit")
@name_argument
@click.argument("repo", metavar="OWNER/REPO")
@click.option("--public", is_flag=True, help="Publish for everybody; without it the repository is private.")
@click.option("--licence", default="", help="For the model card, as the hub spells it, such as apache-2.0.")
@registry_option
@json_option
def push(name: str, repo: str, public: bool, licence: str, folder: Path | None, as_json: bool) -> None:
    """Publish model NAME with its card, figures and lineage in repository OWNER/REPO of the Hugging Face hub.

    The token comes from HF_TOKEN; HF_ENDPOINT names another server.
    """
    from training.registry.publishing import Target, token_of
    from training.registry.publishing import push as publish

    target = Target(repo, token_of(os.environ), public, licence)
    address = publish(opened(folder), name, target)
    if as_json:
        print_json({"repo": repo, "public": public, "commit": address})
        return
    click.echo(f"Published {'for everybody' if public else 'in private'}: {address}")


@click.command(epilog="Example: training models backup models-2024-05.zip")
@click.argument("file", type=_FILE)
@registry_option
@json_option
def backup(file: Path, folder: Path | None, as_json: bool) -> None:
    """Write the whole registry to FILE (a zip with a manifest), every checksum compared first."""
    from training.registry.backup import write_backup

    with watched("Writing") as advance:
        count = write_backup(opened(folder), file, advance)
    if as_json:
        print_json({"file": str(file), "models": count, "bytes": file.stat().st_size})
        return
    click.echo(f"{file}: {counted(count, 'model')}, {file.stat().st_size:,} bytes.")


@click.command(epilog="Example: training models restore models-2024-05.zip --registry recovered")
@click.argument("file", type=_FILE)
@registry_option
@json_option
def restore(file: Path, folder: Path | None, as_json: bool) -> None:
    """Make a registry from the backup FILE; the folder must be empty or not exist."""
    from training.registry.backup import restore_backup

    registry = opened(folder)
    with watched("Reading") as advance:
        count = restore_backup(file, registry, advance)
    if as_json:
        print_json({"registry": str(registry.folder), "models": count, "current": registry.current})
        return
    click.echo(f"{registry.folder}: {counted(count, 'model')}; in use: {registry.current or 'none'}.")


@click.command(epilog="Example: training models prune --keep 3 --dry-run")
@click.option(
    "--keep", type=click.IntRange(min=0), default=5, show_default=True, help="Newest models that stay."
)
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@registry_option
@json_option
def prune(keep: int, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Remove models that are neither among the newest, nor reached by a rollback, nor an ancestor of one that stays."""
    from training.registry.pruning import prunable
    from training.registry.pruning import prune as remove

    registry = opened(folder)
    going = [record.name for record in (prunable(registry, keep) if dry_run else remove(registry, keep))]
    if as_json:
        print_json({"dry_run": dry_run, "removed": going})
        return
    verb = "Would remove" if dry_run else "Removed"
    click.echo(f"{verb} {', '.join(going)}." if going else "Nothing to remove.")
