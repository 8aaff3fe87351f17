"""The report of a calibration: one self-contained HTML page and the same numbers as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any

from agents.calibration.asking import Asked
from agents.calibration.judging import Judged
from agents.journal import NANO
from evaluation.report_text import shown
from evaluation.svg import reliability_diagram

SHARES = frozenset({"answered", "recall_share"})
_SECURITY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Origin:
    """What was calibrated, on what, and what it cost."""

    model: str
    base_url: str
    prompts: str
    file: str
    file_sha256: str
    seed: int
    made_at: str
    prompt_tokens: int
    completion_tokens: int
    cost_nanousd: int
    """Of calls paid for this time; responses from the journal cost nothing."""
    priced: bool
    """Whether the model's price is known; else the cost is not scored."""


def as_json(origin: Origin, judged: Judged, asked: Sequence[Asked]) -> dict[str, Any]:
    """Everything in the report as plain values; what is not scored is null."""
    per_item = origin.cost_nanousd / NANO / len(asked) if origin.priced and asked else None
    found = judged.calibration
    return {
        "verdict": judged.verdict.value,
        "gates": [{"figure": g.figure, "verdict": g.verdict.value, "sentence": g.sentence} for g in judged.gates],
        "figures": {name: interval.as_json() for name, interval in judged.figures.items()},
        "calibration": None if found is None else {"error": found.bins.ece, "limit": found.null.limit,
                                                   "p_value": found.null.p_value},
        "cost_per_item_usd": per_item,
        "tokens_per_item": {
            "prompt": origin.prompt_tokens / len(asked), "completion": origin.completion_tokens / len(asked),
        } if asked else None,
        "model": origin.model, "base_url": origin.base_url, "prompts": origin.prompts,
        "file": origin.file, "file_sha256": origin.file_sha256, "seed": origin.seed, "made_at": origin.made_at,
        "strata": [{"domain": d, "depth": n, "base_rate": b, "items": count}
                   for (d, n, b), count in sorted(Counter(row.item.stratum for row in asked).items())],
        "items": [_row(row) for row in asked],
    }  # fmt: skip


def _row(asked: Asked) -> dict[str, Any]:
    item = asked.item
    return {
        "item": item.item_id, "domain": item.domain, "depth": item.depth, "outcome": item.outcome,
        "distribution": list(asked.distribution) if asked.distribution else None,
        "crowd": list(item.crowd) if item.crowd else None, "recall_risk": asked.recall_risk,
        "evidence": asked.evidence,
        "failure": None if asked.failure is None else {"type": asked.failure.kind.value,
                                                       "message": asked.failure.message},
    }  # fmt: skip


def as_html(origin: Origin, judged: Judged, asked: Sequence[Asked]) -> str:
    """The page; texts from items and models are shown as text."""
    style = resources.files("evaluation").joinpath("report.css").read_text(encoding="utf-8")
    title = f"Calibration of {origin.model}"
    gates = [[g.verdict.value, g.figure, g.sentence] for g in judged.gates]
    figures = [
        [name, shown(found, name in SHARES), str(found.items)] for name, found in judged.figures.items()
    ]
    strata = Counter(row.item.stratum for row in asked)
    sample = [[d, str(n), b, str(count)] for (d, n, b), count in sorted(strata.items())]
    failed = [[row.item.item_id, row.failure.kind.value, row.failure.message] for row in asked if row.failure]
    parts = [
        f"<h1>{escape(title)}: {judged.verdict.value}</h1>",
        f"<p>{escape(_sentence(origin, len(asked)))}</p>",
        _table("Gates", ["verdict", "figure", "what was found"], gates),
        _table("Figures, with 95 % intervals", ["figure", "value", "items"], figures),
        reliability_diagram(judged.calibration, "Reliability") if judged.calibration else "",
        _table("The sample", ["domain", "depth", "crowd's base rate", "items"], sample),
        _table("Without an answer", ["item", "failure", "message"], failed) if failed else "",
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_SECURITY}"><link rel="icon" href="data:,">'
        f"<style>{style}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )


def _sentence(origin: Origin, items: int) -> str:
    cost = f"${origin.cost_nanousd / NANO:.4f} paid" if origin.priced else "cost not known (no price)"
    return (
        f"{items} items of {origin.file} (sha256 {origin.file_sha256[:12]}, seed {origin.seed}), {origin.base_url}, "
        f"prompts {origin.prompts}, {origin.made_at}; {origin.prompt_tokens:,} prompt and "
        f"{origin.completion_tokens:,} completion tokens, {cost}."
    )


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
