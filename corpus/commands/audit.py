"""`corpus audit`: can a snapshot be gamed, does it leak, do its sources hold?"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from corpus.commandline import print_json, printable
from corpus.commands.options import FAILS, LOOK, folder_argument, json_option

if TYPE_CHECKING:  # numpy and scipy take a while to load, help must not
    from corpus.audit.report import AuditReport


@click.command(epilog="Example: corpus audit snapshots/2024-06 --html audit.html")
@folder_argument
@click.option(
    "--texts", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Stored texts as JSON lines, such as an archive; beside the snapshot's own.",
)  # fmt: skip
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as a page, too."
)
@json_option
def audit(folder: Path, texts: Path | None, html: Path | None, as_json: bool) -> None:
    """Hold the snapshot in FOLDER against every rule of the audit.

    Exit codes: 0 PASS, 10 REVIEW, 20 FAIL. A limit is held against an interval, never against a point.
    """
    from corpus.audit.report import as_html, audit_snapshot
    from corpus.audit.rows import Verdict
    from corpus.files import write_atomically

    report = audit_snapshot(folder, datetime.now(UTC).date(), texts)
    if html:
        write_atomically(html, as_html(report).splitlines())
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
        if html:
            click.echo(f"The page is {html}")
    codes = {Verdict.PASS: 0, Verdict.REVIEW: LOOK, Verdict.FAIL: FAILS}
    sys.exit(codes[report.verdict])


def _show(report: AuditReport) -> None:
    from corpus.audit.report import shown
    from corpus.terminal import console, table

    rows = [
        [
            row.verdict.value.upper(),
            row.rule.value.replace("_", " "),
            shown(row.figure),
            row.limit,
            row.message,
        ]
        for row in report.rows
    ]
    console().print(table("Audit", ["verdict", "rule", "figure (95 %)", "good is", "what was found"], rows))
    for row in report.rows:
        for example in row.examples:
            click.echo(
                f"{row.rule.value}: {example.case_id} {example.path}: {printable(example.text)}", err=True
            )
    if report.note:
        click.echo(report.note)
    click.echo(f"{report.verdict.value.upper()}: {report.cases} cases of {report.families} event families.")
