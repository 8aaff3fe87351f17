"""One self-contained HTML report: no network, no script, pictures as inline SVG.

Texts from cases are shown as text; links are only made of http(s) addresses.

Does not cover: other formats (the same numbers as JSON: `evaluation.summary`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from corpus.files import write_atomically
from evaluation import svg
from evaluation.compare import Difference, verdict_sentence
from evaluation.curves import Curve, Fit
from evaluation.evaluate import Evaluation
from evaluation.matcher_audit import MatcherAudit
from evaluation.report_scores import baselines_section, extremes_section, mode_section
from evaluation.report_text import FORMULAS, number, shown, table
from evaluation.suites import HistoryEntry, SuiteName


@dataclass(frozen=True)
class ReportParts:
    """What stands in a report beside the evaluation itself; each part may be absent."""

    environment: Mapping[str, str]
    comparison: tuple[str, str, Sequence[Difference]] | None = None
    """First and second model's name, and the differences."""
    curve: tuple[Curve, Fit] | None = None
    history: Sequence[HistoryEntry] = ()
    matcher_audit: MatcherAudit | None = None
    corpus_audit: Mapping[str, Any] | None = None
    """The JSON of `corpus audit`."""
    costs: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """Stage, estimated_usd, actual_usd."""
    judge_cost: Mapping[str, Any] | None = None


def write_report(path: Path, found: Evaluation, parts: ReportParts) -> None:
    """Write the report by way of a temporary file."""
    write_atomically(path, [report_html(found, parts)])


def report_html(found: Evaluation, parts: ReportParts) -> str:
    """The whole page."""
    style = resources.files("evaluation").joinpath("report.css").read_text(encoding="utf-8")
    sections = [
        _verdict(found),
        *(mode_section(found, scores) for scores in found.scores),
        baselines_section(found),
        _comparison(parts),
        _curve(parts),
        _history(parts),
        extremes_section(found),
        _audits(parts),
        _costs(parts),
        _environment(found, parts),
        _formulas(),
    ]
    title = f"Evaluation of {found.model}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<link rel="icon" href="data:,"><style>{style}</style></head>'
        f"<body><main>{''.join(sections)}</main></body></html>"
    )


def _verdict(found: Evaluation) -> str:
    decision = found.verdict.decision.value
    rows = [
        (
            f'<span class="tag {gate.decision}">{_passed(gate.decision.value)}</span>',
            escape(gate.name),
            escape(gate.sentence),
        )
        for gate in found.verdict.gates
    ]
    levels = ", ".join(f"{s.levels} levels in {s.families} event families ({s.mode})" for s in found.scores)
    return (
        f"<h1>{escape(found.model)}</h1>"
        f'<p class="soft">Split {escape(found.split.value)}, snapshot {escape(found.snapshot_hash[:16])}…; '
        f"{escape(levels)}</p>"
        f'<p><span class="verdict {decision}">{decision}</span></p>'
        "<p>A gate passes or fails with its whole 95 % interval. REVIEW means: not shown either way.</p>"
        + table(("", "gate", "what the interval says"), rows)
    )


def _passed(decision: str) -> str:
    return "PASS" if decision == "DEPLOY" else decision


def _comparison(parts: ReportParts) -> str:
    if parts.comparison is None:
        return ""
    first, second, differences = parts.comparison
    return f"<h2>Compared with {escape(second)}</h2>" + comparison_table(first, second, differences)


def comparison_table(first: str, second: str, differences: Sequence[Difference]) -> str:
    """Differences as an HTML table."""
    said = verdict_sentence(first, second, differences)
    rows = [
        (
            escape(d.figure),
            number(d.first),
            number(d.second),
            shown(d.difference),
            number(d.p_adjusted),
            escape(said[d.figure]),
        )
        for d in differences
    ]
    head = ("figure", first, second, "difference [95 %]", "p (Holm)", "")
    return table(head, rows, frozenset({1, 2, 3, 4}))


def _curve(parts: ReportParts) -> str:
    if parts.curve is None:
        return ""
    curve, fit = parts.curve
    lines = [svg.Line("validation", tuple((float(s), v) for s, v in curve.validation), "one")]
    if curve.train:
        lines.append(svg.Line("training", tuple((float(s), v) for s, v in curve.train), "two"))
    stop = "" if fit.recommended_stop is None else f" Recommended stop: step {fit.recommended_stop}."
    mark = None if fit.best_step is None else float(fit.best_step)
    return (
        f"<h2>Learning curve</h2><p>{escape(fit.finding.value)}: {escape(fit.sentence)}.{escape(stop)}</p>"
        + svg.line_chart(lines, "Losses by step", x_label="step", y_label="loss", mark=mark)
    )


def _history(parts: ReportParts) -> str:
    if not parts.history:
        return ""
    return f'<h2>Trend on the suites</h2><div class="pair">{"".join(trend_charts(parts.history))}</div>'


def trend_charts(history: Sequence[HistoryEntry]) -> list[str]:
    """One chart a figure: its value on easy, medium and hard over the runs."""
    names = sorted({name for found in history for name in found.figures})
    runs = sorted({found.at for found in history})
    charts = []
    for name in names:
        lines = [
            svg.Line(suite.value, points, tone)
            for suite, tone in zip(SuiteName, ("three", "one", "two"), strict=True)
            if (points := _points(history, suite, name, runs))
        ]
        charts.append(
            f"<div><h3>{escape(name)}</h3>"
            + svg.line_chart(lines, f"{name} over the runs", x_label="run", y_label="")
            + "</div>"
        )
    return charts


def _points(
    history: Sequence[HistoryEntry], suite: SuiteName, name: str, runs: Sequence[Any]
) -> tuple[tuple[float, float], ...]:
    own = [found for found in history if found.suite is suite and name in found.figures]
    return tuple(
        (float(runs.index(found.at) + 1), value)
        for found in own
        if (value := found.figures[name].value) is not None
    )


def _audits(parts: ReportParts) -> str:
    body = ""
    if parts.matcher_audit:
        a = parts.matcher_audit
        body += (
            f"<p>Matcher ({escape(a.matcher)}), {a.sample} labelled lists: finds {a.sensitivity.value:.1%} "
            f"[{a.sensitivity.low:.1%}, {a.sensitivity.high:.1%}] of what was foreseen and stays silent on "
            f"{a.specificity.value:.1%} [{a.specificity.low:.1%}, {a.specificity.high:.1%}] of what was not.</p>"
        )
    if parts.judge_cost:
        body += "<p>Judge: " + escape(", ".join(f"{k} {v}" for k, v in parts.judge_cost.items())) + ".</p>"
    if parts.corpus_audit:
        body += _corpus_audit(parts.corpus_audit)
    return f"<h2>Audit</h2>{body}" if body else ""


def _corpus_audit(audit: Mapping[str, Any]) -> str:
    """The rows of the corpus audit, whatever their columns are."""
    plain = [
        f"{k}: {v}" for k, v in audit.items() if isinstance(v, str | int | float) and not isinstance(v, bool)
    ]
    rows = next((v for v in audit.values() if isinstance(v, list) and v and isinstance(v[0], dict)), [])
    head = [key for key in (rows[0] if rows else {}) if not isinstance(rows[0][key], dict | list)]
    listed = table(head, [[escape(str(row.get(key, ""))) for key in head] for row in rows]) if rows else ""
    return f"<p>Corpus audit. {escape('; '.join(plain))}</p>{listed}"


def _costs(parts: ReportParts) -> str:
    if not parts.costs:
        return ""
    rows = [
        (escape(str(c.get("stage", ""))), _usd(c.get("estimated_usd")), _usd(c.get("actual_usd")))
        for c in parts.costs
    ]
    totals = [
        sum(float(c[key]) for c in parts.costs if isinstance(c.get(key), int | float))
        for key in ("estimated_usd", "actual_usd")
    ]
    rows.append(("all", _usd(totals[0]), _usd(totals[1])))
    return "<h2>Cost</h2>" + table(("stage", "estimated", "actual"), rows, frozenset({1, 2}))


def _usd(value: Any) -> str:
    return f"${float(value):,.2f}" if isinstance(value, int | float) else "–"


def _environment(found: Evaluation, parts: ReportParts) -> str:
    speed = "not stated" if found.tokens_per_second is None else f"{found.tokens_per_second:,.0f}"
    rows = [
        ("predictions", found.origin),
        ("snapshot hash", found.snapshot_hash),
        ("predictions outside the split", str(found.unused)),
        ("tokens per second", speed),
        *parts.environment.items(),
    ]
    return "<h2>Environment</h2>" + table(("", ""), [(escape(k), escape(v)) for k, v in rows])


def _formulas() -> str:
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in FORMULAS.items())
    return f"<h2>Formulas</h2><dl>{listed}</dl>"


def trend_page(history: Sequence[HistoryEntry]) -> str:
    """The trend alone, as a page."""
    style = resources.files("evaluation").joinpath("report.css").read_text(encoding="utf-8")
    charts = "".join(trend_charts(history))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Trend on the suites</title>'
        f'<link rel="icon" href="data:,"><style>{style}</style></head><body><main><h1>Trend on the suites</h1>'
        f'<div class="pair">{charts}</div></main></body></html>'
    )
