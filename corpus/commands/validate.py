"""`corpus validate`: every case, hash and split of a snapshot."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from corpus.checking import Findings, check_snapshot
from corpus.commandline import print_json, printable
from corpus.commands.options import FAILS, folder_argument, json_option


@click.command(epilog="Example: corpus validate snapshots/2024-06")
@folder_argument
@click.option("--workers", type=click.IntRange(1), help="Processes. Default: one for each processor.")
@json_option
def validate(folder: Path, workers: int | None, as_json: bool) -> None:
    """Check hashes, splits and every case of the snapshot in FOLDER against the rules.

    Ends with exit code 20 where a case has an error or the files contradict each other.
    """
    findings = check_snapshot(folder, datetime.now(UTC).date(), workers)
    if as_json:
        print_json(_record(findings))
    else:
        _show(folder, findings)
    if not findings.sound:
        sys.exit(FAILS)


def _record(findings: Findings) -> dict[str, Any]:
    return {
        "cases": findings.cases, "errors": findings.errors, "warnings": findings.warnings,
        "faults": findings.fault_count, "fault_examples": findings.faults,
        "codes": {code.value: count for code, count in findings.codes.most_common()},
        "examples": {
            code.value: [{"case_id": case_id, **problem.model_dump(mode="json")} for case_id, problem in found]
            for code, found in findings.examples.items()
        },
        "small_strata": list(findings.small_strata),
    }  # fmt: skip


def _show(folder: Path, findings: Findings) -> None:
    from corpus.terminal import console, table

    for message in findings.faults:
        click.echo(printable(message), err=True)
    if findings.fault_count > len(findings.faults):
        click.echo(f"… and {findings.fault_count - len(findings.faults)} more faults of the files.", err=True)
    rows = [
        [
            problem.severity.value,
            code.value.replace("_", " "),
            str(findings.codes[code]),
            case_id,
            problem.message,
        ]
        for code, found in findings.examples.items()
        for case_id, problem in found[:1]
    ]
    if rows:
        rows.sort(key=lambda row: (row[0], -int(row[2])))
        console().print(table("Problems", ["severity", "rule", "cases", "for example", "what"], rows))
    click.echo(
        f"{findings.cases} cases in {folder}: {findings.errors} errors, {findings.warnings} warnings, "
        f"{findings.fault_count} faults of the files."
    )
    if findings.small_strata:
        click.echo(f"Small strata: {'; '.join(findings.small_strata)}.")
