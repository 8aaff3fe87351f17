"""`agents archive`: a user's own documents in, listed and searched."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.commandline import LazyGroup, counted, print_json, printable
from corpus.dates import EventDate
from corpus.errors import EmptyArchive, InvalidDate

if TYPE_CHECKING:
    from agents.archive import Added, Archive
    from agents.archive_files import Listing
    from agents.archive_records import BadRow
    from agents.reading.document import Document

SOME_REFUSED = 1
_TABLE = {
    "add": ("agents.archive_cli", "add", "Read files and folders into the archive."),
    "list": ("agents.archive_cli", "list_", "Documents by publication."),
    "search": ("agents.archive_cli", "search", "Documents that fit a few words."),
}


def _date(ctx: click.Context, param: click.Parameter, value: str | None) -> EventDate | None:
    """2022-06-15, 2022-06, 2022-Q2 or 2022."""
    try:
        return EventDate.parse(value) if value else None
    except InvalidDate as fault:
        raise click.BadParameter(str(fault), ctx, param) from fault


_where = click.option(
    "--archive",
    "path",
    metavar="FILE",
    envvar="PSYCHOHISTORY_ARCHIVE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive's file. Default: archive.sqlite in your data folder.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
_limit = click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many."
)


@click.group(cls=LazyGroup, table=_TABLE, epilog="Example: agents archive add my-news/")
def archive() -> None:
    """Your own documents, searched offline: add, list, search."""


@click.command(epilog="Example: agents archive add news.jsonl reports/ --published 2022-06")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--published",
    metavar="DATE",
    callback=_date,
    help="When documents without a certain date were published and readable.",
)
@_where
@_as_json
def add(files: tuple[Path, ...], published: EventDate | None, path: Path | None, as_json: bool) -> None:
    """Read JSON lines, HTML pages, PDF files, plain text, or folders of them.

    Good documents are kept and bad ones named with their place; exit code 1 where one was bad. Adding the
    same again changes nothing. A page counts as readable at a date only if its publication is checked (two
    independent signals agree) or declared with --published.
    """
    from agents.archive import Archive
    from agents.archive_files import list_files

    listing = list_files(files)
    seen: Counter[str] = Counter()
    bad: list[BadRow] = []
    with Archive.open(path or default_archive_path()) as opened:
        added = opened.add(_shown(listing, published, seen, bad, quiet=as_json))
        _report(opened, added, seen, bad, as_json=as_json)
    if bad:
        sys.exit(SOME_REFUSED)


def _shown(
    listing: Listing, published: EventDate | None, seen: Counter[str], bad: list[BadRow], *, quiet: bool
) -> Iterator[Document]:
    """The documents read, counted by kind, behind a progress bar where somebody watches."""
    from rich.console import Console
    from rich.progress import Progress

    from agents.archive_files import read_listing
    from agents.archive_records import BadRow

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task("Reading", total=len(listing.pages) or None)
        for row in read_listing(listing, published=published):
            progress.advance(task)
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            seen["other_language"] += row.language != "en"
            seen["undated"] += row.available_at is None
            yield row


def _report(archive: Archive, added: Added, seen: Counter[str], bad: list[BadRow], *, as_json: bool) -> None:
    counts = {
        "new": added.new,
        "known": added.known,
        "refused": len(bad),
        "other_language": seen["other_language"],
        "undated": seen["undated"],
        "total": archive.count(),
    }
    if as_json:
        refused = [{"place": row.place, "message": row.message} for row in bad]
        print_json({"archive": archive.name, **counts, "bad": refused})
        return
    for row in bad:
        click.echo(printable(str(row)), err=True)
    click.echo(
        f"{counted(added.new, 'new document')}, {added.known} known, {len(bad)} refused; "
        f"{counts['total']} in {archive.name}."
    )
    if seen["other_language"]:
        click.echo(
            f"{seen['other_language']} in another language than English are kept but not read for events."
        )
    if seen["undated"]:
        click.echo(
            f"{seen['undated']} have no certain date and stay out of all estimates; --published DATE declares one."
        )


@click.command("list", epilog="Example: agents archive list --limit 50")
@_where
@_limit
@_as_json
def list_(path: Path | None, limit: int, as_json: bool) -> None:
    """Documents, oldest publication first. Without an archive of your own: the starter archive."""
    with opened(path) as archive:
        total = archive.count()
        _print(archive.name, archive.all()[:limit], total, as_json=as_json)


@click.command(epilog='Example: agents archive search "rate rise" --since 2022 --until 2022-06')
@click.argument("query")
@click.option(
    "--since", metavar="DATE", callback=_date, help="Published in or after this day, month, quarter or year."
)
@click.option("--until", metavar="DATE", callback=_date, help="Published in or before it.")
@click.option(
    "--available-by",
    metavar="DATE",
    callback=_date,
    help="Only what is shown to have been readable by the end of it.",
)
@_where
@_limit
@_as_json
def search(
    query: str,
    since: EventDate | None,
    until: EventDate | None,
    available_by: EventDate | None,
    path: Path | None,
    limit: int,
    as_json: bool,
) -> None:
    """Documents that share words with QUERY, best first. Without an archive of your own: the starter archive."""
    moment: datetime | None = available_by.end() if available_by else None
    with opened(path) as archive:
        found = archive.search(query, since=since, until=until, available_by=moment, limit=limit)
        _print(archive.name, found, len(found), as_json=as_json)


def default_archive_path() -> Path:
    """`archive.sqlite` in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("psychohistory") / "archive.sqlite"


STARTER = Path("starter")
"""What `--archive` is told for the shipped archive."""


def opened(path: Path | None) -> Archive:
    """The named archive, else the user's own, else the starter archive; EmptyArchive where nothing is in it."""
    from agents.archive import Archive, starter_archive

    place = path or default_archive_path()
    if path == STARTER or (path is None and not place.is_file()):
        return starter_archive()
    if not place.is_file():
        raise EmptyArchive(
            f"{place} does not exist; fill it first: agents archive add FILE… --archive {place}"
        )
    archive = Archive.open(place, read_only=True)
    if archive.count() == 0:
        archive.close()
        raise EmptyArchive(f"{place} holds no document; fill it first: agents archive add FILE…")
    return archive


def _print(name: str, documents: list[Document], total: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"archive": name, "total": total, "documents": [_as_row(d) for d in documents]})
        return
    if not documents:
        click.echo("No document fits; try fewer or other words.")
        return
    from rich.console import Console

    from corpus.terminal import table

    rows = [
        (str(d.published_at or "undated"), d.publisher, d.title or d.url, d.language, d.availability.value)
        for d in documents
    ]
    Console().print(table(f"{len(documents)} of {total} in {name}", _HEADS, rows))


_HEADS = ("published", "publisher", "title", "language", "available")


def _as_row(document: Document) -> dict[str, Any]:
    return {
        "url": document.url,
        "publisher": document.publisher,
        "title": document.title,
        "published_at": str(document.published_at) if document.published_at else None,
        "available_at": document.available_at.isoformat() if document.available_at else None,
        "availability": document.availability.value,
        "language": document.language,
        "text_kind": document.text_kind.value,
        "terms": document.terms.value,
        "text_sha256": document.text_sha256,
        "characters": len(document.text),
    }
