"""The command line `corpus`: works on snapshot folders alone, without a store."""

from __future__ import annotations

import click

from corpus.commandline import LazyGroup, run_main

_TABLE = {
    "validate": ("corpus.commands.validate", "validate", "Check every case, hash and split of a snapshot."),
    "audit": ("corpus.commands.audit", "audit", "Can the snapshot be gamed? PASS, REVIEW or FAIL per rule."),
    "show": ("corpus.commands.show", "show", "What a snapshot holds, or one of its cases."),
    "diff": ("corpus.commands.diff", "diff", "What changed between two snapshots."),
}


@click.group(
    cls=LazyGroup,
    table=_TABLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: corpus show FOLDER",
)
@click.version_option(package_name="psychohistory")
def corpus() -> None:
    """Look at frozen cases: a snapshot is a folder made by `agents export`.

    Exit codes: 0 fine, 10 a person should look, 20 fails, 2 wrong usage, 1 broke.
    """


def main() -> None:
    """Entry point of the console command."""
    run_main(corpus, "corpus")


if __name__ == "__main__":
    main()
