"""`evaluation import-forecastbench`: ForecastBench sets as a question file."""

from __future__ import annotations

from pathlib import Path

import click

from corpus.commandline import print_json
from corpus.errors import InvalidInput
from evaluation.commands.options import FILE, json_option


@click.command()
@click.argument("question_set", type=FILE)
@click.argument("resolution_set", type=FILE)
@click.option(
    "--out", type=FILE, default=Path("questions.jsonl"), show_default=True, help="The question file."
)
@json_option
def import_forecastbench(question_set: Path, resolution_set: Path, out: Path, as_json: bool) -> None:
    """Join QUESTION_SET with RESOLUTION_SET into resolved yes/no questions.

    Example: evaluation import-forecastbench 2024-07-21-llm.json 2024-07-21_resolution_set.json
    """
    from evaluation.questions import import_forecastbench as read
    from evaluation.questions import write_questions

    found = read(question_set, resolution_set)
    if not found.questions:
        raise InvalidInput(f"{resolution_set} resolves none of the questions of {question_set}.")
    write_questions(out, found.questions)
    if as_json:
        print_json({"file": str(out), "questions": len(found.questions), "left_out": dict(found.left_out)})
        return
    click.echo(f"{out}: {len(found.questions)} questions")
    for reason, count in found.left_out.items():
        click.echo(f"left out: {count} ({reason})")
