"""`agents calibrate`: is a model good enough at weighing to pay for a batch?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.commands.model_options import ModelRequest, calibration_options
from agents.commands.opening import archive_option, json_option, opened_archive, opened_store, store_option
from corpus.commandline import print_json
from corpus.errors import InvalidInput

if TYPE_CHECKING:  # models and metrics are loaded when they are used
    from agents.calibration.asking import Asked
    from agents.calibration.items import Item
    from agents.calibration.judging import Judged
    from agents.calibration.report import Origin
    from agents.models.result import Usage
    from db.session import Store

DEFAULT_CAP_USD = 5.0


@click.command(epilog="Example: agents calibrate questions.jsonl --model gpt-6-luna --output calibration")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--size", type=click.IntRange(2, 100_000), default=50, show_default=True, help="Items to ask.")
@click.option("--seed", type=int, default=42, show_default=True, help="For the items that are drawn.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("calibration"), show_default=True,
    metavar="DIR", help="Where calibration.html and calibration.json are written.",
)  # fmt: skip
@calibration_options
@store_option
@archive_option
@json_option
def calibrate(
    file: Path,
    size: int,
    seed: int,
    output: Path,
    models: ModelRequest,
    db: str | None,
    archive: Path | None,
    as_json: bool,
) -> None:
    """Ask a model labelled items before paying for a batch; the verdict is PASS, REVIEW or FAIL.

    FILE holds resolved yes/no questions (as `evaluation import-forecastbench` writes them) or approved cases with
    market or survey values. The sample is stratified by domain, depth and base rate; a ledger refuses items used
    before, so that a second calibration is on fresh ones. Without --max-usd it may cost 5 dollars. Exit codes: 0
    PASS, 10 REVIEW, 20 FAIL.
    """
    if not models.uses_models:
        raise InvalidInput("Nothing to calibrate: name a model by --model.")
    from agents.calibration.items import read_items
    from agents.calibration.judging import EXIT_CODES, judge
    from agents.calibration.ledger import ledger_file, read_ledger, used_items
    from agents.calibration.sampling import stratified

    ledger = ledger_file(os.environ)
    sample = stratified(read_items(file), used_items(read_ledger(ledger)), size=size, seed=seed)
    asked, usage, priced = asyncio.run(_asked(models, opened_store(db), archive, sample))
    _stop_if_cut_short(asked)
    judged = judge(asked)
    origin = _origin(models, file, seed, usage, priced)
    report = _written(output, origin, judged, asked)
    _entered(ledger, origin, judged, asked, output)
    if as_json:
        print_json(report)
    else:
        _show(judged, output)
    sys.exit(EXIT_CODES[judged.verdict])


async def _asked(
    models: ModelRequest, store: Store, archive: Path | None, sample: Sequence[Item]
) -> tuple[list[Asked], Usage, bool]:
    """The answers, what they used, and whether the model has a price."""
    from agents.calibration.asking import ask_all
    from agents.calibration.capped import CappedJournal
    from agents.commands.equipment import taped
    from agents.journal import nanousd
    from agents.library import ArchiveLibrary
    from agents.model import open_models
    from agents.models.prices import load
    from agents.models.result import Usage
    from agents.store_journal import StoreJournal
    from db.journal import Journal

    prices, settings = load(os.environ), models.settings(os.environ)
    priced = all(prices.price(chosen) is not None for chosen in settings.values())
    limit = DEFAULT_CAP_USD if models.max_usd is None else models.max_usd
    stored = StoreJournal(Journal(store))
    try:
        journal = CappedJournal(taped(stored, models), nanousd(limit))
        opened = open_models(settings, journal, prices, capped=not models.replay)
        async with opened:
            asked = await ask_all(opened, ArchiveLibrary(opened_archive(archive)), sample)
        return asked, sum(opened.usage().values(), Usage()), priced
    finally:
        stored.close()


def _stop_if_cut_short(asked: Sequence[Asked]) -> None:
    """A cap, a key or a server that does not answer says nothing of the model: no verdict, nothing entered."""
    from agents.state import STOPS_THE_RUN, FailureKind

    outside = STOPS_THE_RUN | {FailureKind.UNREACHABLE}
    if failure := next((row.failure for row in asked if row.failure and row.failure.kind in outside), None):
        raise InvalidInput(
            f"No verdict: {failure.message} What was paid for is kept; the same command goes on."
        )


def _origin(models: ModelRequest, file: Path, seed: int, usage: Usage, priced: bool) -> Origin:
    from agents.calibration.ledger import measured_prompts
    from agents.calibration.report import Origin
    from corpus.files import file_sha256

    path = file / "cases.jsonl" if file.is_dir() else file
    return Origin(
        model=estimator_model(models), base_url=models.base_url, prompts=measured_prompts(), file=str(file),
        file_sha256=file_sha256(path), seed=seed, made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens,
        cost_nanousd=usage.cost_nanousd, priced=priced,
    )  # fmt: skip


def estimator_model(models: ModelRequest) -> str:
    """The model that weighs."""
    return models.model_for.get("estimator", models.model)


def _written(output: Path, origin: Origin, judged: Judged, asked: Sequence[Asked]) -> dict[str, object]:
    import json

    from agents.calibration.report import as_html, as_json
    from corpus.files import write_atomically

    output.mkdir(parents=True, exist_ok=True)
    report = as_json(origin, judged, asked)
    text = json.dumps(report, ensure_ascii=False, indent=1, sort_keys=True)
    write_atomically(output / "calibration.json", [text])
    write_atomically(output / "calibration.html", [as_html(origin, judged, asked)])
    return report


def _entered(ledger: Path, origin: Origin, judged: Judged, asked: Sequence[Asked], output: Path) -> None:
    """The ledger's entry; an item that no answer came for was not looked at and stays fresh."""
    from agents.calibration.ledger import Entry, append

    used = tuple(row.item.item_id for row in asked if row.distribution is not None)
    if used:
        append(ledger, Entry(origin.made_at, origin.model, origin.base_url, origin.prompts, used,
                             judged.verdict.value, str(output.resolve())))  # fmt: skip


def _show(judged: Judged, output: Path) -> None:
    from corpus.terminal import console, table

    rows = [[gate.verdict.value, gate.figure, gate.sentence] for gate in judged.gates]
    console().print(table(f"Calibration: {judged.verdict.value}", ["verdict", "figure", "found"], rows))
    click.echo(f"Report: {output / 'calibration.html'}")
