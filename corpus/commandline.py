"""What all four command lines share: lazy subcommands, errors as sentences, exit codes, JSON output.

Exit codes: 0 done or DEPLOY, 10 REVIEW, 20 FAIL, 2 wrong usage or wrong input, 1 broke.
"""

from __future__ import annotations

import importlib
import json
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from corpus.errors import InvalidInput, MissingExtra, PsychoHistoryError

BROKE, WRONG_USAGE = 1, 2
_OURS = frozenset({"agents", "corpus", "db", "evaluation", "training"})
_EXTRAS = frozenset({"agents", "training"})
"""Programs whose own extra brings what their commands import when they run."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` is quick.

    `table` maps a command's name to (module, attribute, one line of help).
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = dict(table)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table: the order of a case's way."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; a part that is not installed is said in one sentence."""
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as fault:
            raise MissingExtra(_needs(f"{ctx.info_name} {cmd_name}", fault, module.split(".")[0])) from fault
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table alone, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.table.items()])


def _needs(who: str, fault: ModuleNotFoundError, extra: str) -> str:
    return f"{who} needs {fault.name}, which is not installed; type: pip install 'psychohistory[{extra}]'"


def run_main(group: click.Group, name: str) -> NoReturn:
    """Run a command line; an error of the project ends as one sentence on standard error."""
    try:
        code = group.main(prog_name=name, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe went away; nothing is left to say, and nowhere to say it
        sys.exit(BROKE)
    except ModuleNotFoundError as fault:
        if name not in _EXTRAS or (fault.name or name).partition(".")[0] in _OURS:
            raise  # not a part that can be added: a fault of the program
        click.echo(f"Error: {_needs(name, fault, name)}", err=True)
        sys.exit(BROKE)
    except PsychoHistoryError as fault:
        click.echo(f"Error: {printable(str(fault))}", err=True)
        sys.exit(WRONG_USAGE if isinstance(fault, InvalidInput) else BROKE)


def print_json(value: Any) -> None:
    """One JSON document on standard output, and nothing else there."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


_HIDDEN = {"Cc", "Cf", "Co", "Cs"}


def counted(count: int, thing: str) -> str:
    """ "1 case", "2,000 cases": a number with the noun it counts."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def printable(text: str) -> str:
    """Text from anywhere, safe on a terminal: no control, escape or direction characters."""
    return "".join(
        " " if char in "\n\t\r" else char
        for char in text
        if char in "\n\t\r" or unicodedata.category(char) not in _HIDDEN
    )
