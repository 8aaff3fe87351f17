"""`agents import`, `backup` and `restore`: cases into the store and out of it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from agents.commands.opening import json_option, opened_store, store_option
from agents.reading.address import publisher_of
from corpus.commandline import counted, print_json, printable
from corpus.importing import Imported, Refused, read_cases
from corpus.validation import validate
from db.repository import Cases

SOME_REFUSED = 1


@click.command("import", epilog="Example: agents import historical_cases.jsonl")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--allow-new-domain", is_flag=True, help="Take domains that are not in the list of known ones.")
@store_option
@json_option
def import_(file: Path, allow_new_domain: bool, db: str | None, as_json: bool) -> None:
    """Read cases from a file: JSON lines, a JSON array or one object.

    Both shapes of the seed documents are read (outcome_chain, levels), and our own. Good rows are kept, bad
    ones named with their line; exit code 1 where one was bad. Reading the same file again changes nothing.
    """
    cases = Cases(opened_store(db))
    results: Counter[str] = Counter()
    refused: list[Refused] = []
    open_problems = 0
    for row in read_cases(file, registrable=_publisher, allow_new_domain=allow_new_domain):
        if isinstance(row, Imported):
            problems = validate(row.case)
            open_problems += bool(problems)
            results[cases.put(row.case, problems).result.value] += 1
        else:
            refused.append(row)
    if as_json:
        bad = [{"line": row.line, "message": row.message} for row in refused]
        print_json({"results": dict(results), "refused": bad, "with_problems": open_problems})
    else:
        _show(file, results, refused, open_problems)
    if refused:
        sys.exit(SOME_REFUSED)


def _publisher(host: str) -> str:
    return publisher_of(f"https://{host}/")


def _show(file: Path, results: Counter[str], refused: list[Refused], open_problems: int) -> None:
    for row in refused:
        click.echo(f"{file.name}: {printable(row.message)}", err=True)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(results.items())) or "none"
    click.echo(
        f"Cases: {counts}; {counted(len(refused), 'row')} refused, {counted(open_problems, 'case')} with open problems."
    )
    if results:
        click.echo("Look at them: agents list")


@click.command(epilog="Example: agents backup cases-2024-06-01.zip")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@store_option
@json_option
def backup(file: Path, db: str | None, as_json: bool) -> None:
    """Write the whole store (cases, history, texts, runs, journal) to one checksummed file."""
    from db.backup import backup as write_backup

    store = opened_store(db)
    manifest = write_backup(store, file)
    rows = {name: member.rows for name, member in manifest.members.items()}
    if as_json:
        print_json({"file": str(file), "rows": rows})
    else:
        click.echo(
            f"{sum(rows.values())} rows of {len(rows)} tables are in {file}. Put back: agents restore {file} --db NEW"
        )


@click.command(epilog="Example: agents restore cases-2024-06-01.zip --db new.sqlite")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
@json_option
def restore(file: Path, db: str | None, as_json: bool) -> None:
    """Fill an empty store from a backup, on either kind of database."""
    from db.backup import restore as read_backup

    manifest = read_backup(db, file)
    rows = {name: member.rows for name, member in manifest.members.items()}
    if as_json:
        print_json({"file": str(file), "rows": rows})
    else:
        click.echo(f"{sum(rows.values())} rows of {len(rows)} tables restored.")
