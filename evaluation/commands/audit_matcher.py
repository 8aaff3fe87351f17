"""`evaluation audit-matcher`: draw lists to be labelled, then measure the matcher on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from corpus.commandline import print_json
from corpus.errors import InvalidInput
from evaluation.commands.options import (
    FILE,
    build_matcher,
    json_option,
    matching_of,
    matching_options,
    open_target,
    split_of,
    target_of,
    target_options,
)


@click.command()
@click.argument("file", type=FILE)
@target_options
@matching_options
@click.option(
    "--draw", type=click.IntRange(min=4), help="FILE holds predictions: draw this many lists to be labelled."
)
@click.option("--out", type=FILE, help="Where the sample or the audit goes.")
@json_option
def audit_matcher(file: Path, draw: int | None, out: Path | None, as_json: bool, **values: Any) -> None:
    """Measure how often the matcher errs, on lists labelled by a person.

    First draw a sample and set `foreseen` to 1 or 0 in each line; then measure.

    \b
    Example: evaluation audit-matcher predictions.jsonl --snapshot S --draw 100 --out sample.jsonl
             evaluation audit-matcher sample.jsonl --out matcher_audit.json
    """
    target, matching = target_of(values), matching_of(values)
    matcher, _ = build_matcher(matching)
    if draw is not None:
        _draw(file, draw, out or Path("sample.jsonl"), target, matcher)
        return
    from corpus.files import write_atomically
    from evaluation.matcher_audit import audit_matcher as measure
    from evaluation.matcher_audit import read_sample

    audit, wrong = measure(read_sample(file), matcher)
    path = out or Path("matcher_audit.json")
    write_atomically(path, [audit.model_dump_json(indent=1)])
    if as_json:
        disputed = [
            {"case_id": w.row.case_id, "depth": w.row.depth, "happened": w.row.happened} for w in wrong
        ]
        print_json(audit.model_dump(mode="json") | {"wrong": disputed})
        return
    for name, rate in (("sensitivity", audit.sensitivity), ("specificity", audit.specificity)):
        click.echo(f"{name}: {rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}] of {rate.items}")
    for item in wrong:
        click.echo(f"wrong ({item.stage}): {item.row.happened}")
    click.echo(f"{path} written; hand it to `evaluation run --matcher-audit`.")


def _draw(file: Path, size: int, out: Path, target: Any, matcher: Any) -> None:
    from evaluation.generated import match_pairs
    from evaluation.matcher_audit import draw_sample, write_sample
    from evaluation.pairing import check_same_set, pair_generated
    from evaluation.prediction import Mode, read_predictions

    found, asked = read_predictions(file), open_target(target)
    check_same_set(found, asked)
    if Mode.GENERATED not in found.modes:
        raise InvalidInput(f"{file} holds no list in mode generated; there is nothing to match.")
    pairs = pair_generated(found.of(Mode.GENERATED), asked.of(split_of(target.split)))
    rows = draw_sample(pairs, match_pairs(pairs, matcher), size)
    write_sample(out, rows)
    click.echo(f"{out}: {len(rows)} lists; set `foreseen` to 1 or 0 in each.")
