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
from urllib.parse import urlsplit

from corpus.files import write_atomically
from corpus.intervals import Interval
from evaluation import svg
from evaluation.compare import Difference, verdict_sentence
from evaluation.curves import Curve, Fit
from evaluation.evaluate import Evaluation, Judged
from evaluation.matcher_audit import MatcherAudit
from evaluation.prediction import Mode
from evaluation.scoring import Scores
from evaluation.suites import HistoryEntry, SuiteName

SHARES = frozenset({"accuracy", "match_coverage", "chain_coverage"})
EXTREMES = 5
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
        *(_mode(found, scores) for scores in found.scores),
        _baselines(found),
        _comparison(parts),
        _curve(parts),
        _history(parts),
        _extremes(found),
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


def shown(found: Interval | None, share: bool = False) -> str:
    """A figure with its interval as text."""
    if found is None or found.value is None:
        return "not scored"
    if found.low is None or found.high is None:
        return f"{found.value:.1%} (no interval)" if share else f"{found.value:.3f} (no interval)"
    if share:
        return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table of cells that are already safe HTML."""

    def cell(tag: str, k: int, content: str) -> str:
        return f'<{tag} class="num">{content}</{tag}>' if k in numbers else f"<{tag}>{content}</{tag}>"

    top = "".join(cell("th", k, escape(name)) for k, name in enumerate(head))
    body = "".join("<tr>" + "".join(cell("td", k, c) for k, c in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


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
        + _table(("", "gate", "what the interval says"), rows)
    )


def _passed(decision: str) -> str:
    return "PASS" if decision == "DEPLOY" else decision


def _mode(found: Evaluation, scores: Scores) -> str:
    wanted = [name for name in MAIN[scores.mode] if name in scores.figures]
    others = [name for name in scores.figures if name not in wanted]
    rows = [(escape(n), shown(scores.figures[n], n in SHARES)) for n in (*wanted, *others)]
    parts = [
        f"<h2>Mode {scores.mode}</h2>",
        _notes(scores),
        _table(("figure", "value [95 % interval]"), rows, frozenset({1})),
    ]
    if scores.mode is Mode.GIVEN:
        parts += [_reliability(scores), _depths(scores, "log_loss"), _depths(scores, "accuracy")]
    if scores.mode is Mode.GENERATED:
        parts += [f"<p>Matcher: {escape(found.matcher)}.</p>", _stages(scores)]
    if scores.mode in (Mode.GENERATED, Mode.TREE):
        parts.append(_depths(scores, "match_coverage"))
    return "".join([*parts, _groups(scores)])


def _notes(scores: Scores) -> str:
    notes = []
    if scores.missing:
        notes.append(f"{scores.missing} levels have no prediction and are scored as knowing nothing.")
    if scores.notes.get("nothing_followed"):
        notes.append(
            f"{scores.notes['nothing_followed']} levels at which nothing followed hold no event to match: not scored."
        )
    if scores.notes.get("zero_on_happened"):
        notes.append(
            f"{scores.notes['zero_on_happened']} times the probability on what happened was 0 (floored in log_loss)."
        )
    return "".join(f"<p>{escape(note)}</p>" for note in notes)


def _reliability(scores: Scores) -> str:
    figures = []
    for name, found in scores.calibration.items():
        caption = (
            f"{name.replace('_', ' ')}: ECE {found.bins.ece:.3f}; a perfectly calibrated forecaster shows "
            f"{found.null.mean:.3f} on average and stays below {found.null.limit:.3f} in 95 of 100 tries "
            f"(p = {found.null.p_value:.3f}). Blue boxes: where chance alone puts 95 % of the dots."
        )
        picture = svg.reliability_diagram(found, f"Reliability, {name}")
        figures.append(f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>")
    parts = next((c.decomposition for c in scores.calibration.values() if c.decomposition), None)
    text = ""
    if parts:
        text = (
            f"<p>Brier {parts.brier:.4f} = reliability {parts.reliability:.4f} − resolution {parts.resolution:.4f} "
            f"+ uncertainty {parts.uncertainty:.4f}, over {parts.values} distinct values among "
            f"{scores.notes['options']} forecasts (where few repeat, only the sum says something).</p>"
        )
    return f'<h3>Reliability</h3><div class="pair">{"".join(figures)}</div>{text}'


def _depths(scores: Scores, figure: str) -> str:
    groups = [group for group in scores.groups if group.by == "depth" and figure in group.figures]
    if not groups:
        return ""
    share = figure in SHARES
    dots = [
        svg.Dot(f"depth {group.value} (n={group.levels})", own.value, own.low, own.high, shown(own, share))
        for group in groups
        for own in [group.figures[figure]]
    ]
    end = 1.0 if share else max(x for dot in dots for x in (dot.high or dot.value or 0.0, 0.1)) * 1.05
    return f"<h3>{escape(figure)} by depth</h3>" + svg.dot_plot(
        dots, f"{figure} by depth", start=0.0, end=end, share=share
    )


def _stages(scores: Scores) -> str:
    stages = scores.notes.get("stages", {})
    if not stages:
        return ""
    rows = [
        ("all" if key == "all" else f"depth {key}", list(counts.items()))
        for key, counts in sorted(stages.items(), reverse=True)
    ]
    return "<h3>How events were matched</h3>" + svg.stacked_bars(rows, "Match coverage by stage and depth")


def _groups(scores: Scores) -> str:
    rest = [group for group in scores.groups if group.by in ("domain", "year", "knowledge")]
    if not rest:
        return ""
    names = list(rest[0].figures)
    rows = [
        (escape(group.by), escape(_knowledge(group.by, group.value)), str(group.levels),
         *(shown(group.figures.get(name), name in SHARES) for name in names))
        for group in rest
    ]  # fmt: skip
    return "<h3>By domain, year and the model's knowledge</h3>" + _table(
        ("by", "", "levels", *names), rows, frozenset(range(2, 3 + len(names)))
    )


def _knowledge(by: str, value: str) -> str:
    return f"asked {value} it ends" if by == "knowledge" else value


def _baselines(found: Evaluation) -> str:
    own = found.of(Mode.GIVEN)
    rows = [own, *found.baselines] if own else list(found.baselines)
    if not rows:
        return ""
    names = ("log_loss", "brier_binary", "accuracy", "auroc", "skill_over_base_rate")
    body = [
        (escape(scores.name), *(shown(scores.figures.get(name), name in SHARES) for name in names))
        for scores in rows
    ]
    missing = "".join(
        f"<p>No {escape(name)}: {escape(why)}</p>" for name, why in found.baselines_missing.items()
    )
    return f"<h2>Baselines (mode given)</h2>{_table(('forecaster', *names), body, frozenset(range(1, 6)))}{missing}"


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
            _number(d.first),
            _number(d.second),
            shown(d.difference),
            _number(d.p_adjusted),
            escape(said[d.figure]),
        )
        for d in differences
    ]
    head = ("figure", first, second, "difference [95 %]", "p (Holm)", "")
    return _table(head, rows, frozenset({1, 2, 3, 4}))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


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


def _extremes(found: Evaluation) -> str:
    parts = []
    for mode in (Mode.GIVEN, Mode.GENERATED):
        rows = sorted((item for item in found.judged if item.mode is mode), key=lambda item: -item.loss)
        if rows:
            count = min(EXTREMES, max(1, len(rows) // 2))
            parts += [f"<h3>Worst, mode {mode}</h3>", _cases(rows[:count])]
            parts += [f"<h3>Best, mode {mode}</h3>", _cases(rows[::-1][:count])]
    return f"<h2>Worst and best cases</h2>{''.join(parts)}" if parts else ""


def _cases(rows: Sequence[Judged]) -> str:
    body = [
        (
            f"{escape(item.level.parent)}<br><span class='soft'>{escape(item.level.case_id)}, "
            f"depth {item.level.depth}, "
            f"asked {item.level.as_of.date()}</span>",
            escape(item.level.event or "Z: none of them"),
            escape(item.said),
            f"{item.probability:.3f}",
            " ".join(_link(url) for url in item.level.sources) or "–",
        )
        for item in rows
    ]
    head = ("after", "what happened", "likeliest to the model", "p on what happened", "sources")
    return _table(head, body, frozenset({3}))


def _link(url: str) -> str:
    found = urlsplit(url)
    if found.scheme not in ("http", "https"):
        return escape(url)
    return (
        f'<a href="{escape(url, quote=True)}" rel="noopener noreferrer">{escape(found.hostname or url)}</a>'
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
    table = _table(head, [[escape(str(row.get(key, ""))) for key in head] for row in rows]) if rows else ""
    return f"<p>Corpus audit. {escape('; '.join(plain))}</p>{table}"


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
    return "<h2>Cost</h2>" + _table(("stage", "estimated", "actual"), rows, frozenset({1, 2}))


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
    return "<h2>Environment</h2>" + _table(("", ""), [(escape(k), escape(v)) for k, v in rows])


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
