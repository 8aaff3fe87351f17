"""`agents status`, `list`, `show` and `verify`: looking at what the store holds."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import click

from agents.checks import check_claims
from agents.commands.opening import json_option, opened_store, store_option
from agents.commands.texts import read_back
from agents.period import parse_period
from corpus.case import CheckResult, ClaimCheck, Status
from corpus.commandline import print_json
from corpus.domains import domain_name
from corpus.terminal import case_page, console, table
from db.documents import Documents
from db.mapping import CaseSummary
from db.repository import Cases
from db.runs import Runs
from db.selection import CaseFilter
from db.tables import RunState, SeedState

RUNS_SHOWN = 10
CHECK_FAILED = 1


@click.command(epilog="Example: agents status --json")
@store_option
@json_option
def status(db: str | None, as_json: bool) -> None:
    """Runs and cases at a glance."""
    store = opened_store(db)
    counts = Cases(store).count_by_status()
    runs = Runs(store)
    newest = [(run, runs.count_seeds(run.run_id)) for run in runs.list_runs(RUNS_SHOWN)]
    if as_json:
        print_json(
            {
                "store": store.place,
                "cases": {state.value: count for state, count in counts.items()},
                "runs": [
                    {"run": run.run_id, "state": run.state.value, "started": run.started.isoformat(),
                     "seeds": {state.value: count for state, count in seeds.items()}}
                    for run, seeds in newest
                ],
            }
        )  # fmt: skip
        return
    out = console()
    click.echo(f"Store: {store.place}")
    out.print(
        table("Cases", ["status", "cases"], [[s.value.replace("_", " "), str(n)] for s, n in counts.items()])
    )
    rows = [
        [
            run.run_id,
            run.state.value,
            f"{run.started:%Y-%m-%d %H:%M}",
            *(str(seeds[state]) for state in SeedState),
        ]
        for run, seeds in newest
    ]
    if rows:
        out.print(
            table("Newest runs", ["run", "state", "started (UTC)", *(s.value for s in SeedState)], rows)
        )
    unfinished = [run.run_id for run, _ in newest if run.state is RunState.STOPPED]
    if unfinished:
        click.echo(f"Stopped before its end: {unfinished[0]}. Go on with: agents resume {unfinished[0]}")
    elif not rows:
        click.echo("Nothing here yet. Begin with: agents run --period 2018-2022 --domains economics")


@click.command("list", epilog="Example: agents list --status pending --domain economics --period 2020-2022")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice([s.value for s in Status]), help="Repeatable."
)
@click.option("--domain", "domains", multiple=True, metavar="NAME", help="Repeatable.")
@click.option("--period", metavar="PERIOD", help="Seed dates: 2018-2022, 2018-03..2019-06, …")
@click.option("--run", "run_key", metavar="RUN", help="Cases of one run.")
@click.option("--min-depth", type=click.IntRange(0, 5), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@store_option
@json_option
def list_(
    statuses: tuple[str, ...],
    domains: tuple[str, ...],
    period: str | None,
    run_key: str | None,
    min_depth: int,
    limit: int,
    db: str | None,
    as_json: bool,
) -> None:
    """Cases in the store, by seed date."""
    store = opened_store(db)
    cases = Cases(store)
    span = parse_period(period) if period else None
    chosen = CaseFilter(
        statuses=tuple(Status(s) for s in statuses),
        domains=tuple(domain_name(d, allow_new=True) for d in domains),
        first_day=span.first.first_day if span else None,
        last_day=span.last.last_day if span else None,
        min_depth=min_depth,
        run_id=Runs(store).get(run_key).run_id if run_key else None,
    )
    found, total = cases.list_cases(chosen, limit=limit), cases.count(chosen)
    if as_json:
        print_json([_summary_record(case) for case in found])
        return
    rows = [
        [c.case_id[:8], str(c.seed_date), c.domain, c.seed_event, str(c.depth), c.status.value.replace("_", " "),
         f"{c.error_count}/{c.warning_count}"]
        for c in found
    ]  # fmt: skip
    if not rows:
        click.echo(
            "No case fits. Take a filter away, or find cases: agents run --period 2018-2022 --domains economics"
        )
        return
    title = f"{len(rows)} of {total} cases"
    heads = ["case", "date", "domain", "seed event", "depth", "status", "errors/warnings"]
    console().print(table(title, heads, rows))


def _summary_record(case: CaseSummary) -> dict[str, Any]:
    return {
        "case_id": case.case_id, "slug": case.slug, "domain": case.domain, "seed_event": case.seed_event,
        "seed_date": str(case.seed_date), "depth": case.depth, "status": case.status.value, "revision": case.revision,
        "run": case.run_id, "origin": case.origin, "errors": case.error_count, "warnings": case.warning_count,
        "problems": list(case.problem_codes),
    }  # fmt: skip


@click.command(epilog="Example: agents show the-fed-raises-rates-2022-06-15")
@click.argument("case_key", metavar="CASE")
@click.option("--revision", type=click.IntRange(1), help="An earlier revision.")
@store_option
@json_option
def show(case_key: str, revision: int | None, db: str | None, as_json: bool) -> None:
    """One case as a page; CASE is its id, the start of it, or its slug."""
    stored = Cases(opened_store(db)).get(case_key, revision)
    if as_json:
        problems = [problem.model_dump(mode="json") for problem in stored.problems]
        print_json({"case": stored.case.model_dump(mode="json"), "problems": problems})
        return
    console().print(case_page(stored.case, stored.problems))


@click.command(epilog="Example: agents verify the-fed-raises-rates-2022-06-15")
@click.argument("case_key", metavar="CASE")
@store_option
@json_option
def verify(case_key: str, db: str | None, as_json: bool) -> None:
    """Check a case's quotations, dates, names and numbers against the stored texts, offline.

    Ends with exit code 1 where a check fails. Nothing is changed.
    """
    store = opened_store(db)
    case = Cases(store).get(case_key).case
    documents = {key: read_back(d) for key, d in Documents(store).of_case(case).items()}
    checks = check_claims(case, documents)
    if as_json:
        print_json([check.model_dump(mode="json") for check in checks])
    else:
        _show_checks(checks)
    if any(check.result is CheckResult.FAILED for check in checks):
        sys.exit(CHECK_FAILED)


def _show_checks(checks: tuple[ClaimCheck, ...]) -> None:
    counts = Counter(check.result for check in checks)
    rows = [
        [c.path, c.check.value.replace("_", " "), c.result.value.replace("_", " "), c.note]
        for c in checks
        if c.result is not CheckResult.PASSED
    ]
    if rows:
        console().print(table("What did not pass", ["claim", "check", "result", "why"], rows))
    parts = [f"{counts[result]} {result.value.replace('_', ' ')}" for result in CheckResult]
    click.echo(f"{len(checks)} checks: {', '.join(parts)}.")
