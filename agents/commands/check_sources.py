"""`agents check-sources`: do the addresses of a snapshot's sources still answer?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import click

from agents.commands.opening import json_option
from corpus.commandline import print_json, printable

REVIEW = 10
SHOWN = 20


@click.command("check-sources", epilog="Example: agents check-sources snapshots/2024-06")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--answers", type=click.Path(dir_okay=False, path_type=Path),
              help="Where answers are kept. Default: beside FOLDER, with .sources.jsonl added.")  # fmt: skip
@click.option("--again", is_flag=True, help="Ask every address anew.")
@json_option
def check_sources(folder: Path, answers: Path | None, again: bool, as_json: bool) -> None:
    """Ask each source address of the snapshot in FOLDER once, at each site's pace.

    Pace and contact come from hosts.toml and PSYCHOHISTORY_CONTACT, as in a run. A stopped check goes on where
    it was. Ends with exit code 10 where an address is gone.
    """
    from agents.source_check import Standing, read_answers, settled, source_addresses
    from corpus.snapshot import read_snapshot

    read_snapshot(folder)
    file = answers or folder.with_name(f"{folder.name}.sources.jsonl")
    if again:
        file.unlink(missing_ok=True)
    urls = source_addresses(folder)
    known = read_answers(file)
    left = [url for url in urls if url not in settled(list(known.values()))]
    click.echo(f"{len(urls)} addresses, {len(urls) - len(left)} known from {file}.", err=True)
    asyncio.run(_check(left, file))
    found = [checked for url, checked in read_answers(file).items() if url in set(urls)]
    counts = Counter(checked.standing for checked in found)
    gone = [checked for checked in found if checked.standing is Standing.GONE]
    if as_json:
        print_json({"counts": {s.value: counts[s] for s in Standing},
                    "gone": [{"url": c.url, "message": c.message} for c in gone], "answers": str(file)})  # fmt: skip
    else:
        for checked in gone[:SHOWN]:
            click.echo(f"gone: {printable(checked.message or checked.url)}")
        if len(gone) > SHOWN:
            click.echo(f"… and {len(gone) - SHOWN} more in {file}")
        click.echo(", ".join(f"{counts[standing]} {standing.value}" for standing in Standing) + ".")
    if gone:
        sys.exit(REVIEW)


async def _check(urls: list[str], file: Path) -> None:
    from agents.fetching.client import WebClient
    from agents.providers.configuration import load
    from agents.source_check import NoJournal, check_addresses

    web = load(os.environ)
    async with WebClient(web.settings(), web.gate(), web.policy(), NoJournal()) as client:
        await check_addresses(client, urls, file)
