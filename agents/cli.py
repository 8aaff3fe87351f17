"""The command line `agents`: collect, look at and move cases. Commands are imported when called."""

from __future__ import annotations

import click

from corpus.commandline import LazyGroup, run_main

_TABLE = {
    "run": ("agents.commands.run", "run", "Research a period: seeds, chains, pending cases."),
    "research": ("agents.commands.run", "research", "Research one event that you name."),
    "resume": ("agents.commands.run", "resume", "Go on with a run that was stopped or killed."),
    "rerun": ("agents.commands.run", "rerun", "Research the seed of a stored case anew."),
    "status": ("agents.commands.look", "status", "Runs and cases at a glance."),
    "list": ("agents.commands.look", "list_", "Cases in the store."),
    "show": ("agents.commands.look", "show", "One case as a page: chain, alternatives, quotes."),
    "verify": ("agents.commands.look", "verify", "Check a case's quotations against the stored texts."),
    "archive": ("agents.archive_cli", "archive", "Your own documents: add, list, search."),
    "providers": (
        "agents.providers_cli",
        "providers",
        "Sources on the web: what they need, whether they answer.",
    ),
    "prices": ("agents.prices_cli", "prices", "What models cost, for the cap of a run."),
    "calibrate": (
        "agents.commands.calibrate",
        "calibrate",
        "Is a model good enough at weighing to pay for a batch?",
    ),
    "import": ("agents.commands.move", "import_", "Read cases from a file."),
    "review": ("agents.commands.review", "review", "The review page: approve, edit, reject."),
    "curators": ("agents.commands.curators", "curators", "Who may review: add, list, new link."),
    "export": ("agents.commands.export", "export", "Freeze approved cases as a snapshot folder."),
    "check-sources": (
        "agents.commands.check_sources",
        "check_sources",
        "Do a snapshot's source addresses answer?",
    ),
    "backup": ("agents.commands.move", "backup", "Write the whole store to one file."),
    "restore": ("agents.commands.move", "restore", "Fill an empty store from a backup."),
}


@click.group(
    cls=LazyGroup,
    table=_TABLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: agents run --period 2018-2022 --domains economics",
)
@click.version_option(package_name="psychohistory")
def agents() -> None:
    """Research historical events: what followed, what could have followed, and how likely it looked.

    Cases go to a store (SQLite by default; --db or PSYCHOHISTORY_DB names another, Postgres too), where they wait
    for a curator.
    """


def main() -> None:
    """Entry point of the console command."""
    run_main(agents, "agents")


if __name__ == "__main__":
    main()
