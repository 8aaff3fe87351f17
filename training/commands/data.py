"""`training data`: what a snapshot becomes before any model sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.commandline import print_json, printable
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Split
from training.config import Experiment, read_experiment
from training.dataset import Chain, OverLength, Prepared, dialogue_of, prepare
from training.dialogue import REMAINDER, Dialogue, Style, TurnKind

if TYPE_CHECKING:
    from rich.text import Text

    from training.template import Template

_SHOWN_IDS = 10


@click.command(epilog="Example: training data snapshots/2024 --config experiment.yaml --show 2")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="An experiment's YAML; defaults without it.")
@click.option("--base", help="Model whose tokenizer counts; the configuration's without it.")
@click.option("--show", type=click.IntRange(min=0), default=1, show_default=True, help="Dialogues to print.")
@click.option("--json", "as_json", is_flag=True, help="Print counts as JSON.")
def data(snapshot: Path, config: Path | None, base: str | None, show: int, as_json: bool) -> None:
    """Show how many dialogues SNAPSHOT gives, how long they are and what they look like.

    Learnt tokens are coloured: lists green, letters yellow; cases left out are named with the reason.
    """
    experiment = read_experiment(config) if config else Experiment()
    opened = read_snapshot(snapshot)
    from training.encoding import Encoder
    from training.models import load_tokenizer
    from training.template import chosen_template

    tokenizer = load_tokenizer(base or experiment.base)
    template = chosen_template(tokenizer, experiment.data.template)
    encoder = Encoder(tokenizer, template)
    limit = experiment.data.max_tokens
    found = [prepare(opened, split, encoder, limit, OverLength.LEAVE_OUT) for split in Split]
    report = {prepared.split.value: _counts(prepared, experiment) for prepared in found}
    if as_json:
        told = {"version": template.version, "reason": template.reason}
        print_json({"snapshot": opened.hash, "max_tokens": limit, "template": told, "splits": report})
        return
    _print(opened, report, limit)
    click.echo(template.told)
    chains = found[0].chains[:show]
    style = Style(experiment.data.target, experiment.data.without_happened)
    _print_dialogues(chains, style, experiment.seed, template)


def _counts(prepared: Prepared, experiment: Experiment) -> dict[str, Any]:
    style = Style(experiment.data.target, experiment.data.without_happened)
    dialogues = [dialogue_of(chain, style, experiment.seed, 0) for chain in prepared.chains]
    lengths = sorted(prepared.lengths.values())
    return {
        "cases": len(prepared.chains),
        "levels": sum(_of(dialogue, TurnKind.WEIGH) for dialogue in dialogues),
        "levels_without_what_happened": sum(_lacking(dialogue) for dialogue in dialogues),
        "tokens": sum(lengths),
        "tokens_median": lengths[len(lengths) // 2] if lengths else None,
        "tokens_longest": lengths[-1] if lengths else None,
        "too_long": dict(prepared.too_long),
        "without_level": dict(prepared.without_level),
        "cut": dict(prepared.cut),
    }


def _of(dialogue: Dialogue, kind: TurnKind) -> int:
    return sum(turn.kind is kind for turn in dialogue.turns)


def _lacking(dialogue: Dialogue) -> int:
    return sum(turn.kind is TurnKind.PROPOSE and not turn.learn for turn in dialogue.turns)


def _print(snapshot: Snapshot, report: Mapping[str, Mapping[str, Any]], limit: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Dialogues of {snapshot.folder.name} ({snapshot.hash[:12]})")
    columns = ("cases", "levels", "tokens", "tokens_median", "tokens_longest")
    for name in ("split", *columns):
        table.add_column(name.replace("_", " "), justify="left" if name == "split" else "right")
    for split, counts in report.items():
        table.add_row(split, *(str(counts[name]) for name in columns))
    console = Console()
    console.print(table)
    for split, counts in report.items():
        _name(split, f"over {limit} tokens", counts["too_long"])
        _name(split, "without a usable level", counts["without_level"])
        _name(split, "ending early", counts["cut"])


def _name(split: str, what: str, found: Mapping[str, Any]) -> None:
    if found:
        named = "; ".join(f"{case_id} ({why})" for case_id, why in list(found.items())[:_SHOWN_IDS])
        more = f"; and {len(found) - _SHOWN_IDS} more, see --json" if len(found) > _SHOWN_IDS else ""
        click.echo(f"{split}, {what}: {named}{more}")


def _print_dialogues(chains: Iterable[Chain], style: Style, seed: int, template: Template) -> None:
    from rich.console import Console

    for chain in chains:
        Console().print(rendered(dialogue_of(chain, style, seed, 0), template), soft_wrap=True)


def rendered(dialogue: Dialogue, template: Template) -> Text:
    """A dialogue with its learnt turns coloured: lists green, letters yellow, what is not learnt grey."""
    from rich.text import Text

    text = Text(f"\n— {dialogue.case_id} —\n", style="bold")
    for number, turn in enumerate(dialogue.turns):
        before = template.before_next.lstrip("\n") if number else template.before_first
        text.append(f"{before}{printable_lines(turn.ask)}{template.before_answer}", style="dim")
        colour = "green" if turn.kind is TurnKind.PROPOSE else "yellow"
        text.append(printable_lines(turn.answer.rstrip("\n")), style=colour if turn.learn else "dim")
        shares = ", ".join(f"{k} {v:.0%}" for k, v in zip(turn.letters, turn.target, strict=False) if v)
        text.append(f"   ({shares})\n" if shares and turn.answer != REMAINDER else "\n", style="dim")
    return text


def printable_lines(text: str) -> str:
    """Text safe on a terminal, its line breaks kept."""
    return "\n".join(printable(line) for line in text.split("\n"))
