"""What several parts of the report share: which figures are shown, their formulas, figures and tables as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from corpus.intervals import Interval
from evaluation.prediction import Mode

SHARES = frozenset({"accuracy", "match_coverage", "chain_coverage"})
MAIN = {
    Mode.GIVEN: (
        "log_loss",
        "brier_binary",
        "accuracy",
        "skill_over_uniform",
        "skill_over_base_rate",
        "auroc",
    ),
    Mode.GENERATED: ("event_loss", "event_perplexity", "match_coverage", "brier_sum"),
    Mode.TREE: ("event_loss", "event_perplexity", "match_coverage", "chain_coverage"),
}
FORMULAS = {
    "log_loss": "mean of −ln max(p, 0.00005), p the probability on what happened, Z an option like any other",
    "perplexity": "exp of log_loss (mode given)",
    "brier_binary": "mean of (p − y)² with every option, Z included, as a yes/no question",
    "brier_sum": "given: Σ (p − y)² over a level's options and Z. "
    "Generated: (1 − Σ matching p)² + Σ p² over the other branches; Z is no term",
    "accuracy": "share of levels whose likeliest option happened; a tie of m counts 1/m",
    "skill over X": "1 − Brier / Brier of X on the same levels; above 0 is better than X",
    "event_loss": "mean of −ln max(p, 0.01), p summed over the branches that match, 0 without a match (mode generated)",
    "event_perplexity": "exp of event_loss",
    "match_coverage": "share of levels at which some branch tells of what happened",
    "when_rps": "ranked probability score of the months, 0 is best",
    "ECE": "Σ over bins n_b/n · |share that happened − mean forecast|; "
    "judged against a perfectly calibrated forecaster at the same forecasts",
    "decomposition": "Brier = reliability − resolution + uncertainty, over distinct forecast values",
    "intervals": "95 %, bootstrap over event families (BCa where defined); "
    "shares: Wilson with the families' design effect",
    "missing predictions": "scored as knowing nothing: uniform in mode given, no match in mode generated; "
    "counted in the verdict",
}


def shown(found: Interval | None, share: bool = False) -> str:
    """A figure with its interval as text."""
    if found is None or found.value is None:
        return "not scored"
    if found.low is None or found.high is None:
        return f"{found.value:.1%} (no interval)" if share else f"{found.value:.3f} (no interval)"
    if share:
        return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def number(value: float | None) -> str:
    """A number to three places; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table of cells that are already safe HTML."""

    def cell(tag: str, k: int, content: str) -> str:
        return f'<{tag} class="num">{content}</{tag}>' if k in numbers else f"<{tag}>{content}</{tag}>"

    top = "".join(cell("th", k, escape(name)) for k, name in enumerate(head))
    body = "".join("<tr>" + "".join(cell("td", k, c) for k, c in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
