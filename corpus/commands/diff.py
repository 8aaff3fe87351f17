"""`corpus diff`: what changed between two snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json, printable
from corpus.commands.options import FOLDER, json_option
from corpus.comparing import CaseChange, SnapshotDiff, diff_snapshots

SHOWN_IDS = 10
SHOWN_FIELDS = 8
SHOWN_CHARACTERS = 70


@click.command(epilog="Example: corpus diff snapshots/2024-05 snapshots/2024-06")
@click.argument("old", type=FOLDER)
@click.argument("new", type=FOLDER)
@json_option
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Which cases came, went, or say something else in NEW, and which moved between splits."""
    found = diff_snapshots(old, new)
    if as_json:
        print_json(_record(found))
    else:
        _show(found)


def _record(found: SnapshotDiff) -> dict[str, Any]:
    return {
        "old": found.old.hash,
        "new": found.new.hash,
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": [
            {
                "case_id": change.case_id, "old_revision": change.old_revision, "new_revision": change.new_revision,
                "fields": [{"path": f.path, "old": f.old, "new": f.new} for f in change.fields],
            }
            for change in found.changes()
        ],
        "moved": {case_id: {"from": was, "to": now} for case_id, (was, now) in found.moved.items()},
    }  # fmt: skip


def _show(found: SnapshotDiff) -> None:
    if found.same:
        click.echo("Both hold the same cases in the same splits.")
        return
    for name, ids in (("added", found.added), ("removed", found.removed)):
        if ids:
            more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
            click.echo(f"{len(ids)} {name}: {', '.join(ids[:SHOWN_IDS])}{more}")
    for case_id, (was, now) in found.moved.items():
        click.echo(f"{case_id} moved from {was} to {now}")
    for change in found.changes():
        _show_change(change)
    click.echo(
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, "
        f"{len(found.moved)} moved between splits."
    )


def _show_change(change: CaseChange) -> None:
    revisions = f"revision {change.old_revision} → {change.new_revision}"
    click.echo(f"{change.case_id} {printable(change.seed_event)} ({revisions})")
    for field in change.fields[:SHOWN_FIELDS]:
        click.echo(f"  {field.path}: {_short(field.old)} → {_short(field.new)}")
    if len(change.fields) > SHOWN_FIELDS:
        click.echo(f"  … and {len(change.fields) - SHOWN_FIELDS} more values (--json shows all)")


def _short(value: Any) -> str:
    text = "nothing" if value is None else printable(str(value))
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
