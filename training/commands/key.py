"""`training key`: an API key for `training serve`."""

from __future__ import annotations

from pathlib import Path

import click

from corpus.commandline import print_json
from corpus.errors import InvalidInput


@click.command(epilog="Example: training key ann --keys keys.txt")
@click.argument("name")
@click.option("--keys", "file", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="The key file; made where there is none.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Make a new key for a NAME that has one; the old one ends.")
@click.option("--json", "as_json", is_flag=True, help="Print name, key and file as JSON.")
def key(name: str, file: Path, replace: bool, as_json: bool) -> None:
    """Make a key for NAME and print it; the file keeps its hash alone.

    A running server reads the file when it starts. To end a key, remove its line and start the server again.
    """
    from training.serve.keys import KeyRing, read_keys, write_keys

    ring = read_keys(file) if file.exists() else KeyRing()
    if name in ring.names and not replace:
        raise InvalidInput(f"{name!r} has a key in {file} already; add --replace to end it and make another.")
    ring, made = ring.with_new(name)
    write_keys(file, ring)
    if as_json:
        print_json({"name": name, "key": made, "file": str(file)})
        return
    click.echo(f"Key of {name}, shown this once: {made}")
