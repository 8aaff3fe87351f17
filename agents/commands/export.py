"""`agents export`: the approved cases of a store, frozen as a snapshot folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agents.commands.opening import commit, json_option, opened_store, program_version, store_option
from agents.period import parse_period
from corpus.commandline import print_json
from corpus.domains import domain_name
from corpus.errors import InvalidInput
from corpus.splits import Ratios
from db.export import ExportChoice, Exported, export_snapshot
from db.runs import Runs
from db.selection import CaseFilter
from db.session import Store

RATIO_PARTS = 3


@click.command(epilog="Example: agents export snapshots/2024-06 --min-depth 2 --domains economics,health")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--domains", multiple=True, metavar="NAMES", help="Comma-separated or repeated.")
@click.option("--period", metavar="PERIOD", help="Seed dates: 2018-2022, 2018-03..2019-06, …")
@click.option("--min-depth", type=click.IntRange(0, 5), default=0, show_default=True)
@click.option("--run", "run_key", metavar="RUN", help="Cases of one run.")
@click.option(
    "--verified-only", is_flag=True, help="Only cases whose quotations were found and no check failed."
)
@click.option(
    "--licence", type=click.Choice(["any", "open"]), default="any", show_default=True,
    help="open: without the values whose terms forbid training; levels are pooled anew.",
)  # fmt: skip
@click.option("--with-texts", is_flag=True, help="With the sources' texts. Not for publication.")
@click.option(
    "--previous", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="An earlier snapshot; its cases stay in their split.",
)  # fmt: skip
@click.option(
    "--ratios", metavar="TRAIN/VALIDATION/TEST", help="Shares in per cent. Default: 80/10/10, or as before."
)
@store_option
@json_option
def export(
    folder: Path,
    domains: tuple[str, ...],
    period: str | None,
    min_depth: int,
    run_key: str | None,
    verified_only: bool,
    licence: str,
    with_texts: bool,
    previous: Path | None,
    ratios: str | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Freeze the approved cases into FOLDER: JSON lines, splits and a manifest with hashes.

    The same cases give the same bytes. FOLDER must not exist; it appears when it is complete.
    """
    names = [name for group in domains for name in group.split(",") if name.strip()]
    span = parse_period(period) if period else None
    shares = parse_ratios(ratios) if ratios else None
    store = opened_store(db)
    chosen = CaseFilter(
        domains=tuple(domain_name(name, allow_new=True) for name in names),
        first_day=span.first.first_day if span else None,
        last_day=span.last.last_day if span else None,
        min_depth=min_depth,
        run_id=Runs(store).get(run_key).run_id if run_key else None,
    )
    choice = ExportChoice(chosen, verified_only, licence == "open", with_texts, shares, previous)
    done = export_snapshot(store, folder, choice, program=program_version(), commit=commit())
    if as_json:
        print_json(_record(folder, done))
    else:
        _show(store, folder, done)


def parse_ratios(text: str) -> Ratios:
    """Read "80/10/10": shares in per cent that sum to 100."""
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) != RATIO_PARTS or min(parts) < 0 or sum(parts) != 100:
        raise InvalidInput(f"{text!r} is no ratio; type three per cents that sum to 100, such as 80/10/10.")
    return Ratios(train=parts[0] / 100, validation=parts[1] / 100, test=parts[2] / 100)


def _record(folder: Path, done: Exported) -> dict[str, Any]:
    manifest = done.manifest
    return {
        "folder": str(folder), "hash": manifest.hash, "cases": manifest.cases, "levels": manifest.levels,
        "domains": manifest.domains, "values_dropped": manifest.values_dropped, "levels_cut": done.levels_cut,
        "left_out": dict(done.left_out), "texts_missing": done.texts_missing,
    }  # fmt: skip


def _show(store: Store, folder: Path, done: Exported) -> None:
    manifest = done.manifest
    levels = ", ".join(f"{count} at depth {depth}" for depth, count in manifest.levels.items()) or "none"
    click.echo(f"{manifest.cases} approved cases of {store.place} are in {folder}; levels: {levels}.")
    for reason, count in done.left_out.items():
        click.echo(f"Left out: {count} cases, {reason}.")
    if manifest.values_dropped:
        click.echo(
            f"Dropped: {manifest.values_dropped} values, and {done.levels_cut} levels left without any."
        )
    if done.texts_missing:
        click.echo(f"{done.texts_missing} sources have no stored text.")
    if not manifest.cases:
        click.echo("Nothing is approved that fits. Review cases: agents review", err=True)
    click.echo(f"Hash {manifest.hash}\nNext: corpus audit {folder}")
