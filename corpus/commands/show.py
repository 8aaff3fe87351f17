"""`corpus show`: what a snapshot holds, or one of its cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from corpus.case import Case
from corpus.commandline import print_json
from corpus.commands.options import folder_argument, json_option
from corpus.errors import InvalidInput, NotFound
from corpus.snapshot import CASES, Snapshot, read_snapshot
from corpus.splits import Split
from corpus.validation import validate

NAMED = 3


@click.command(epilog="Example: corpus show snapshots/2024-06 the-fed-raises-rates-2022-06-15")
@folder_argument
@click.argument("case_key", metavar="[CASE]", required=False)
@json_option
def show(folder: Path, case_key: str | None, as_json: bool) -> None:
    """What the snapshot in FOLDER holds; with CASE (an id, its start, or a slug) that case as a page."""
    snapshot = read_snapshot(folder)
    if case_key:
        _show_case(find_case(snapshot, case_key), as_json)
    elif as_json:
        print_json(_record(snapshot))
    else:
        _show(snapshot)


def find_case(snapshot: Snapshot, key: str) -> Case:
    """The one case whose id or slug is, or whose id begins with, `key`."""
    exact, begun = None, []
    with (snapshot.folder / CASES).open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if key in (row["case_id"], row["slug"]):
                exact = line
                break
            if row["case_id"].startswith(key):
                begun.append(line)
    if exact or len(begun) == 1:
        return Case.model_validate_json(exact or begun[0])
    if begun:
        some = ", ".join(json.loads(line)["case_id"] for line in begun[:NAMED])
        raise InvalidInput(f"{key!r} fits several cases ({some}); give more of the id.")
    raise NotFound(f"There is no case {key!r} in {snapshot.folder}; give an id or a slug of its {CASES}.")


def _show_case(case: Case, as_json: bool) -> None:
    if as_json:
        print_json(case.model_dump(mode="json"))
        return
    from corpus.terminal import case_page, console

    console().print(case_page(case, validate(case)))


def _record(snapshot: Snapshot) -> dict[str, Any]:
    splits = snapshot.splits
    return {
        "hash": snapshot.hash,
        "manifest": snapshot.manifest.model_dump(mode="json"),
        "cutoff": splits.cutoff.isoformat(),
        "splits": {split.value: len(splits.members(split)) for split in Split},
        "left_out": splits.left_out,
        "small_strata": list(splits.small_strata),
    }


def _show(snapshot: Snapshot) -> None:
    from corpus.terminal import console, table

    manifest, splits = snapshot.manifest, snapshot.splits
    rows = [["domain", name, str(count)] for name, count in manifest.domains.items()]
    rows += [["depth", depth, str(count)] for depth, count in manifest.levels.items()]
    rows += [["split", split.value, str(len(splits.members(split)))] for split in Split]
    rows += [["split", "left out", str(len(splits.left_out))]]
    rows += [
        ["terms of sources", name.replace("_", " "), str(count)] for name, count in manifest.terms.items()
    ]
    rows += [["file", name, f"{entry.lines} lines"] for name, entry in manifest.files.items()]
    console().print(
        table(f"{manifest.cases} cases in {snapshot.folder}", ["what", "which", "how many"], rows)
    )
    click.echo(f"Learned from up to {splits.cutoff}; tested on seeds after it.")
    if manifest.values_dropped:
        click.echo(f"{manifest.values_dropped} values were dropped because of their terms.")
    click.echo(f"Hash {snapshot.hash}")
