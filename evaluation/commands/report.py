"""`evaluation report`: the HTML report, the zip bundle and the model card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from corpus.errors import InvalidFile
from evaluation.commands.options import (
    FILE,
    build_matcher,
    build_settings,
    judging_of,
    judging_options,
    matching_of,
    matching_options,
    open_target,
    target_of,
    target_options,
)


@click.command()
@click.argument("predictions", type=FILE)
@target_options
@matching_options
@judging_options
@click.option("--out", type=FILE, default=Path("report.html"), show_default=True, help="The report.")
@click.option("--against", type=FILE, help="Another prediction file to compare with.")
@click.option("--history", type=FILE, help="The history of the suites, drawn as a trend.")
@click.option("--corpus-audit", type=FILE, help="The JSON of `corpus audit`.")
@click.option("--costs", type=FILE, help="JSONL with stage, estimated_usd, actual_usd.")
@click.option("--bundle", type=FILE, help="Also write everything as a zip with a manifest.")
@click.option("--card", type=FILE, help="Also write the model card (Markdown).")
@click.option("--base-model", default="", help="For the model card.")
@click.option("--licence", default="", help="For the model card.")
@click.pass_context
def report(context: click.Context, /, predictions: Path, **values: Any) -> None:
    """Score PREDICTIONS and write one self-contained HTML page about it.

    Ends like `evaluation run`: 0 for DEPLOY, 10 for REVIEW, 20 for FAIL.

    Example: evaluation report predictions.jsonl --snapshot snapshots/2024-05 --bundle evaluation.zip
    """
    from corpus.files import write_atomically
    from evaluation.bundle import write_bundle
    from evaluation.compare_files import compare_files
    from evaluation.curves import diagnose, read_curve
    from evaluation.environment import environment
    from evaluation.evaluate import evaluate
    from evaluation.matcher_audit import read_audit
    from evaluation.model_card import CardInfo, card_text
    from evaluation.prediction import Mode, read_predictions
    from evaluation.report import ReportParts, report_html
    from evaluation.suites import read_history
    from evaluation.summary import evaluation_json

    target, matching, judging = target_of(values), matching_of(values), judging_of(values)
    found, asked = read_predictions(predictions), open_target(target)
    matcher, judge = build_matcher(matching)
    settings = build_settings(target, matcher, matching.audit, judging)
    result = evaluate(found, asked, settings)
    comparison = None
    if values["against"]:
        other = read_predictions(values["against"])
        differences = compare_files(found, other, asked, asked.of(settings.split), matcher)
        mode = Mode.GIVEN if Mode.GIVEN in differences else Mode.GENERATED
        comparison = found.model, other.model, differences[mode]
    curve = read_curve(judging.curve) if judging.curve else None
    parts = ReportParts(
        environment=environment(),
        comparison=comparison,
        curve=(curve, settings.fit or diagnose(curve)) if curve else None,
        history=read_history(values["history"]) if values["history"] else (),
        matcher_audit=read_audit(matching.audit) if matching.audit else None,
        corpus_audit=_object(values["corpus_audit"]) if values["corpus_audit"] else None,
        costs=_lines(values["costs"]) if values["costs"] else (),
        judge_cost=asdict(judge.cost) if judge else None,
    )
    page = report_html(result, parts)
    write_atomically(values["out"], [page])
    card = card_text(result, CardInfo(values["base_model"], values["licence"]))
    if values["card"]:
        write_atomically(values["card"], [card])
    if values["bundle"]:
        numbers = json.dumps(evaluation_json(result), ensure_ascii=False, indent=1).encode()
        criteria = settings.criteria.model_dump_json(indent=1).encode()
        files = {
            "report.html": page.encode(),
            "evaluation.json": numbers,
            "criteria.json": criteria,
            "model_card.md": card.encode(),
            "predictions.jsonl": predictions.read_bytes(),
            "environment.json": json.dumps(dict(parts.environment), indent=1).encode(),
        }
        write_bundle(values["bundle"], files)
    click.echo(f"{result.verdict.decision}: {values['out']}")
    context.exit(result.verdict.exit_code)


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as fault:
        raise InvalidFile(f"{path} cannot be read as JSON: {fault}.") from fault
    if not isinstance(found, dict):
        raise InvalidFile(f"{path} holds no JSON object; give the output of `corpus audit --json`.")
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    rows = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict) or "stage" not in row:
                    raise InvalidFile(f"{path}:{number}: a cost line needs stage, estimated_usd, actual_usd.")
                rows.append(row)
    except (OSError, json.JSONDecodeError) as fault:
        raise InvalidFile(f"{path} cannot be read as JSON lines: {fault}.") from fault
    return rows
