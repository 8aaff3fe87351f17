"""The model card: the text that goes with a published model, from the numbers of its evaluation.

The text has the metadata block that the Hugging Face hub reads; `hub_card` hands it to `huggingface_hub` for
checking and pushing, which `training push` does.

Does not cover: pushing; licences of the training data (a snapshot's manifest states them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from corpus.errors import MissingExtra
from corpus.intervals import Interval
from evaluation.evaluate import Evaluation
from evaluation.prediction import Mode
from evaluation.report_text import FORMULAS, MAIN, SHARES, shown


@dataclass(frozen=True)
class CardInfo:
    """What the numbers do not say."""

    base_model: str = ""
    licence: str = ""
    library: str = "peft"
    intended_use: str = (
        "Forecasting what follows from an event, as a tree of outcomes with probabilities. Not for decisions about "
        "persons, and not without the calibration and the limits stated below."
    )


def card_text(found: Evaluation, info: CardInfo) -> str:
    """The whole card as Markdown."""
    parts = [_metadata(found, info), f"# {found.model}", info.intended_use, _verdict(found)]
    parts += [_figures(found, mode) for mode in Mode if found.of(mode)]
    parts += [_baselines(found), _limits(found), _formulas()]
    return "\n\n".join(part for part in parts if part) + "\n"


def hub_card(found: Evaluation, info: CardInfo) -> Any:
    """The card as `huggingface_hub.ModelCard`; raises MissingExtra where that is not installed."""
    try:
        from huggingface_hub import ModelCard
    except ImportError as fault:
        raise MissingExtra(
            "A hub card needs huggingface_hub, which is not installed; type: pip install 'psychohistory[training]'"
        ) from fault
    return ModelCard(card_text(found, info))


def _metadata(found: Evaluation, info: CardInfo) -> str:
    data: dict[str, Any] = {
        "tags": ["forecasting", "calibration", "psychohistory"],
        "library_name": info.library,
    }
    if info.base_model:
        data["base_model"] = info.base_model
    if info.licence:
        data["license"] = info.licence
    metrics = [
        {"type": name, "name": f"{name} ({scores.mode})", "value": round(own.value, 4)}
        for scores in found.scores
        for name in MAIN[scores.mode]
        if (own := scores.figures.get(name)) and own.value is not None
    ]
    data["model-index"] = [
        {
            "name": found.model,
            "results": [
                {
                    "task": {"type": "text-generation", "name": "event forecasting"},
                    "dataset": {
                        "type": "psychohistory",
                        "name": f"snapshot {found.snapshot_hash[:16]}",
                        "split": found.split.value,
                    },
                    "metrics": metrics,
                }
            ],
        }
    ]
    return f"---\n{yaml.safe_dump(data, sort_keys=False, allow_unicode=True)}---"


def _verdict(found: Evaluation) -> str:
    rows = [
        f"| {_passed(g.decision.value)} | {_cell(g.name)} | {_cell(g.sentence)} |"
        for g in found.verdict.gates
    ]
    head = f"## Verdict: {found.verdict.decision}\n\n| | gate | what the 95 % interval says |\n|---|---|---|"
    return "\n".join([head, *rows])


def _passed(decision: str) -> str:
    return "PASS" if decision == "DEPLOY" else decision


def _figures(found: Evaluation, mode: Mode) -> str:
    scores = found.of(mode)
    if scores is None:
        return ""
    rows = [
        f"| {name} | {shown(scores.figures[name], name in SHARES)} |"
        for name in MAIN[mode]
        if name in scores.figures
    ]
    title = f"## Mode {mode}: {scores.levels} levels, {scores.families} event families"
    return "\n".join([title, "", "| figure | value [95 %] |", "|---|---|", *rows])


def _baselines(found: Evaluation) -> str:
    own = found.of(Mode.GIVEN)
    if own is None or not found.baselines:
        return ""
    rows = [
        f"| {_cell(s.name)} | {_of(s.figures, 'log_loss')} | {_of(s.figures, 'brier_binary')} |"
        for s in (own, *found.baselines)
    ]
    return "\n".join(
        ["## Beside the baselines\n\n| forecaster | log_loss | brier_binary |\n|---|---|---|", *rows]
    )


def _of(figures: dict[str, Interval], name: str) -> str:
    return shown(figures.get(name))


def _limits(found: Evaluation) -> str:
    open_gates = [g.name for g in found.verdict.gates if g.decision.value != "DEPLOY"]
    listed = "; ".join(open_gates) or "none"
    return (
        "## Limits\n\nThe probabilities hold for events like those of the snapshot. English texts only. "
        f"Not shown, or failed: {listed}. Events of different cases may be related beyond what the event "
        "families catch; the intervals are then too narrow."
    )


def _formulas() -> str:
    return "## Formulas\n\n" + "\n".join(f"- **{name}**: {text}" for name, text in FORMULAS.items())


def _cell(text: str) -> str:
    """Text that cannot break a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
