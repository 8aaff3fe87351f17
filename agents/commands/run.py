"""`agents run`, `research`, `resume` and `rerun`: everything that makes cases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agents.archive_cli import STARTER
from agents.commands.model_options import ModelRequest, model_options
from agents.commands.opening import (
    archive_option,
    commit,
    json_option,
    opened_archive,
    opened_store,
    program_version,
    store_option,
)
from agents.commands.returned import seed_of
from agents.commands.spending import cap, check_calibrated, opening_line, resumed
from agents.period import parse_period
from agents.state import RunSettings, Seed
from corpus.case import DEFAULT_HORIZON_MONTHS, MAX_DEPTH
from corpus.commandline import counted, print_json, printable
from corpus.dates import EventDate
from corpus.domains import domain_name
from corpus.errors import InvalidInput
from corpus.terminal import console, table
from db.repository import Cases
from db.runs import Runs
from db.selection import CaseFilter
from db.session import Store
from db.tables import SeedState

if TYPE_CHECKING:  # the graphs bring langgraph, which help and wrong usage need not wait for
    from agents.archive import Archive
    from agents.commands.execution import Finished

RESUMABLE = 3
"""Exit code of a run that was stopped and can be resumed."""
NO_CASE = 1
"""Exit code of a run in which every seed failed."""

_horizon = click.option(
    "--horizon", type=click.IntRange(1, 600), default=DEFAULT_HORIZON_MONTHS, show_default=True, metavar="MONTHS",
    help="Within how many months after its parent an outcome must lie.",
)  # fmt: skip
_depth = click.option(
    "--max-depth", type=click.IntRange(1, MAX_DEPTH), default=MAX_DEPTH, show_default=True,
    help="Levels of a chain at most; it stops earlier where the evidence does.",
)  # fmt: skip


@click.command(epilog="Example: agents run --period 2018-2022 --domains economics --num-cases 20")
@click.option(
    "--period", required=True, metavar="PERIOD", help="2018-2022, 2018-03..2019-06, 2020-01-01..2020-06-30."
)
@click.option(
    "--domains", required=True, multiple=True, metavar="NAME",
    help="Subject of the seeds; repeat it, or separate several by commas.",
)  # fmt: skip
@click.option("--allow-new-domain", is_flag=True, help="Take a domain that is not in the list of known ones.")
@click.option(
    "--num-cases", type=click.IntRange(1, 100_000), default=25, show_default=True, help="Seeds at most."
)
@_horizon
@_depth
@click.option(
    "--blind-share", type=click.FloatRange(0, 1), default=0.2, show_default=True,
    help="Share of seeds drawn without looking at what followed, so that quiet events are in it too.",
)  # fmt: skip
@click.option(
    "--concurrency", type=click.IntRange(1, 512), default=8, show_default=True, help="Seeds at a time."
)
@click.option("--random-seed", type=int, default=42, show_default=True, help="For the seeds that are drawn.")
@model_options
@store_option
@archive_option
@json_option
def run(
    period: str,
    domains: tuple[str, ...],
    allow_new_domain: bool,
    num_cases: int,
    horizon: int,
    max_depth: int,
    blind_share: float,
    concurrency: int,
    random_seed: int,
    models: ModelRequest,
    db: str | None,
    archive: Path | None,
    as_json: bool,
) -> None:
    """Research a period: find seed events, what followed, what else could have, and leave pending cases.

    Cases of the period and domains that a curator sent back are researched again first, with the note.
    Without a model and a key it works offline on an archive of documents. A run that is stopped or killed
    goes on with `agents resume`.
    """
    span = parse_period(period)
    names = [part for group in domains for part in group.split(",") if part.strip()]
    settings = RunSettings(
        first_day=span.first,
        last_day=span.last,
        domains=tuple(dict.fromkeys(domain_name(name, allow_new=allow_new_domain) for name in names)),
        num_cases=num_cases,
        horizon_months=horizon,
        max_depth=max_depth,
        mode=models.mode,
        blind_share=blind_share,
        concurrency=concurrency,
        random_seed=random_seed,
    )
    documents = opened_archive(archive)
    _begin(opened_store(db), documents, settings, models, as_json, archive)


@click.command(
    epilog='Example: agents research "The Fed raises its rate by 75 basis points" --date 2022-06-15'
)
@click.argument("event")
@click.option("--date", "day", required=True, metavar="DATE", help="2022-06-15, 2022-06, 2022-Q2 or 2022.")
@click.option(
    "--domain", default="economics", show_default=True, help="Under which subject the case is filed."
)
@click.option("--allow-new-domain", is_flag=True, help="Take a domain that is not in the list of known ones.")
@_horizon
@_depth
@model_options
@store_option
@archive_option
@json_option
def research(
    event: str,
    day: str,
    domain: str,
    allow_new_domain: bool,
    horizon: int,
    max_depth: int,
    models: ModelRequest,
    db: str | None,
    archive: Path | None,
    as_json: bool,
) -> None:
    """Research one event that you name."""
    if not event.strip():
        raise InvalidInput("The event is empty; type what happened, in quotation marks.")
    date, name = EventDate.parse(day), domain_name(domain, allow_new=allow_new_domain)
    settings = RunSettings(
        first_day=date,
        last_day=date,
        domains=(name,),
        num_cases=1,
        horizon_months=horizon,
        max_depth=max_depth,
        mode=models.mode,
    )
    documents = opened_archive(archive)
    seed = _named_seed(documents, " ".join(event.split()), date, name)
    _begin(opened_store(db), documents, settings, models, as_json, archive, seed)


@click.command(epilog="Example: agents resume last")
@click.argument("run_key", metavar="RUN")
@model_options
@store_option
@archive_option
@json_option
def resume(run_key: str, models: ModelRequest, db: str | None, archive: Path | None, as_json: bool) -> None:
    """Go on with a run that was stopped or killed; RUN is its id, the start of it, or `last`.

    Finished seeds are not touched again, and calls that were paid for are not paid again. Models and web are those
    of the run unless you name others.
    """
    from agents.commands.execution import Execution

    store, documents = opened_store(db), None
    runs = Runs(store)
    taken = runs.take(run_key, cap_nanousd=cap(models))
    models = resumed(ModelRequest.of_run(taken.arguments.get("models", {})), models)
    check_calibrated(models)
    if archive is None and taken.arguments.get("archive"):
        archive = Path(taken.arguments["archive"])
    documents = opened_archive(archive)
    _finish(store, runs, Execution(store, documents, runs, taken, models).carry_out(), as_json)


@click.command(epilog="Example: agents rerun the-fed-raises-rates-2022-06-15")
@click.argument("case_key", metavar="CASE")
@model_options
@store_option
@archive_option
@json_option
def rerun(case_key: str, models: ModelRequest, db: str | None, archive: Path | None, as_json: bool) -> None:
    """Research the seed of a stored case anew; CASE is its id, the start of it, or its slug.

    The note of a curator who sent it back goes to the Chronicler. A result that differs becomes a new revision for
    review. An approved revision stays as it is.
    """
    store = opened_store(db)
    cases = Cases(store)
    case = cases.get(case_key).case
    settings = RunSettings(
        first_day=case.seed_date, last_day=case.seed_date, domains=(case.domain,), num_cases=1,
        horizon_months=case.horizon_months, mode=models.mode,
    )  # fmt: skip
    seed = seed_of(case, cases.history(case.case_id))
    _begin(store, opened_archive(archive), settings, models, as_json, archive, seed)


def _named_seed(archive: Archive, event: str, date: EventDate, domain: str) -> Seed:
    """The user's event with what the archive says of it; without evidence the case will say so."""
    from agents.offline.finding import evidence_for

    found = evidence_for(archive, event, date)
    return Seed(
        event=event, date=date, domain=domain, chosen="named",
        evidence=tuple(m.evidence() for m in found),
        sources=tuple(dict.fromkeys(m.document.as_source() for m in found)),
    )  # fmt: skip


def _begin(
    store: Store,
    archive: Archive,
    settings: RunSettings,
    models: ModelRequest,
    as_json: bool,
    archive_path: Path | None,
    *seeds: Seed,
) -> None:
    from agents.commands.execution import Execution

    check_calibrated(models)
    runs = Runs(store)
    arguments: dict[str, Any] = {
        "models": models.record_for_run(),
        "argv": sys.argv[1:],
        "archive": _place(archive_path),
    }
    begun = runs.create(
        arguments, settings.model_dump(mode="json"), program=program_version(), commit=commit(),
        cap_nanousd=cap(models),
    )  # fmt: skip
    click.echo(opening_line(begun.run_id, models, archive.count()), err=True)
    if seeds:
        runs.add_seeds(begun.run_id, [(seed.key, seed.model_dump(mode="json")) for seed in seeds])
    _finish(store, runs, Execution(store, archive, runs, begun, models).carry_out(), as_json)


def _place(archive: Path | None) -> str:
    """The archive as `resume` will find it from any folder."""
    if archive is None or archive == STARTER:
        return str(archive or "")
    return str(archive.resolve())


def _finish(store: Store, runs: Runs, finished: Finished, as_json: bool) -> None:
    """Show what a run found and what to type next."""
    run_id = finished.run.run_id
    done = [s.case_id for s in runs.seeds(run_id, SeedState.DONE) if s.case_id]
    failures = runs.seeds(run_id, SeedState.FAILED)
    cases = [c for c in Cases(store).list_cases(CaseFilter()) if c.case_id in set(done)]
    if as_json:
        from agents.commands.execution import run_record

        print_json(run_record(finished, cases, failures))
    else:
        _show(finished, cases, failures)
    if finished.stopped:
        click.echo(f"\nStopped. Go on with: agents resume {run_id}", err=True)
        sys.exit(RESUMABLE)
    if failures and not done:
        sys.exit(NO_CASE)


def _show(finished: Finished, cases: list[Any], failures: list[Any]) -> None:
    out = console()
    rows = [
        [c.case_id[:8], str(c.seed_date), c.seed_event, str(c.depth), _open(c.error_count, c.warning_count)]
        for c in cases
    ]
    if rows:
        out.print(
            table(f"Cases of {finished.run.run_id}", ["case", "date", "seed event", "depth", "open"], rows)
        )
    for seed in failures:
        click.echo(
            f"No case for {printable(seed.seed['event'])!r}: {printable(seed.failure.message)}", err=True
        )
    for note in finished.notes:
        click.echo(printable(note), err=True)
    if failures:
        click.echo(f"The log is {finished.log}", err=True)
    if cases:
        deepest = max(cases, key=lambda c: (c.depth, -c.error_count))
        pending = counted(len(cases), "case")
        click.echo(f"\n{pending} pending. Look at one: agents show {deepest.case_id[:8]}")
    elif failures:
        click.echo(
            "\nNo seed ended as a case; why stands above. Another model, or other evidence, may do better."
        )
    elif not finished.stopped:
        click.echo(
            "No case was found; widen the period, name other domains, or add documents: agents archive add FILE…"
        )


def _open(errors: int, warnings: int) -> str:
    """Open problems in words short enough for a table."""
    parts = [f"{errors} to mend"] if errors else []
    parts += [f"{warnings} to look at"] if warnings else []
    return ", ".join(parts) or "none"
