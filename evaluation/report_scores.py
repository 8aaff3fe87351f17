"""The report's sections on one forecaster's scores: figures, reliability, depths, groups, baselines, extreme cases."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from evaluation import svg
from evaluation.evaluate import Evaluation, Judged
from evaluation.prediction import Mode
from evaluation.report_text import MAIN, SHARES, shown, table
from evaluation.scoring import Scores

EXTREMES = 5


def mode_section(found: Evaluation, scores: Scores) -> str:
    """All figures of one mode, with reliability and intervals by depth and group."""
    wanted = [name for name in MAIN[scores.mode] if name in scores.figures]
    others = [name for name in scores.figures if name not in wanted]
    rows = [(escape(n), shown(scores.figures[n], n in SHARES)) for n in (*wanted, *others)]
    parts = [
        f"<h2>Mode {scores.mode}</h2>",
        _notes(scores),
        table(("figure", "value [95 % interval]"), rows, frozenset({1})),
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
    return "<h3>By domain, year and the model's knowledge</h3>" + table(
        ("by", "", "levels", *names), rows, frozenset(range(2, 3 + len(names)))
    )


def _knowledge(by: str, value: str) -> str:
    return f"asked {value} it ends" if by == "knowledge" else value


def baselines_section(found: Evaluation) -> str:
    """The forecaster beside its baselines, mode given."""
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
    return f"<h2>Baselines (mode given)</h2>{table(('forecaster', *names), body, frozenset(range(1, 6)))}{missing}"


def extremes_section(found: Evaluation) -> str:
    """Worst and best cases with their sources."""
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
    return table(head, body, frozenset({3}))


def _link(url: str) -> str:
    found = urlsplit(url)
    if found.scheme not in ("http", "https"):
        return escape(url)
    return (
        f'<a href="{escape(url, quote=True)}" rel="noopener noreferrer">{escape(found.hostname or url)}</a>'
    )
