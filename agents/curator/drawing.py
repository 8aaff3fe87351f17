"""Pictures as SVG, made here: no script, no style attribute, every colour a class of the style sheet.

All functions return markup that holds numbers and escaped text only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup, escape

from corpus.case import FULL_BP, Outcome
from corpus.dates import EventDate, Precision, months_between

BAR_WIDTH, BAR_HEIGHT = 600, 16
AXIS_WIDTH = 28
LEAST_GAP, MOST_GAP = 14, 96
_NODE = {Precision.DAY: 0, Precision.MONTH: 12, Precision.QUARTER: 26, Precision.YEAR: 44}
"""Half the height that a date's uncertainty takes on the axis."""
COLOURS = 6


def stacked_bar(outcome: Outcome) -> Markup:
    """One bar of a level's distribution, candidates in order, Z last; empty where there is none."""
    values = [c.probability_bp for c in outcome.candidates] + [outcome.remainder.probability_bp]
    if not outcome.candidates or None in values:
        return Markup("")
    happened = [c.happened for c in outcome.candidates] + [outcome.event is None]
    parts, x = [], 0.0
    for i, (value, told) in enumerate(zip(values, happened, strict=True)):
        width = BAR_WIDTH * (value or 0) / FULL_BP
        kind = "z" if i == len(values) - 1 else f"c{i % COLOURS}"
        parts.append(f'<rect class="{kind}" x="{x:.1f}" y="0" width="{width:.1f}" height="{BAR_HEIGHT}"/>')
        if told and width > 4:
            parts.append(f'<circle class="told" cx="{x + width / 2:.1f}" cy="{BAR_HEIGHT / 2}" r="4"/>')
        x += width
    said = ", ".join(f"{(v or 0) / 100:g} %" for v in values)
    return _svg(
        f"Distribution: {said}, the last for none of them", BAR_WIDTH, BAR_HEIGHT, "".join(parts), "bar"
    )


def axis_node(when: EventDate | None, depth: int, *, nothing: bool = False) -> Markup:
    """A stretch of the time axis with an event on it: a point for a day, a band as long as what is not known."""
    if nothing:
        return _svg(
            "nothing of note followed", AXIS_WIDTH, 40, _line(0, 20, "open") + _dot(20, "nothing"), "axis"
        )
    if when is None:
        return _svg("no date", AXIS_WIDTH, 40, _line(0, 40, "open") + _dot(20, "unknown"), "axis")
    half = _NODE[when.precision]
    height = 2 * half + 28
    middle = height / 2
    band = ""
    if half:
        x, y = AXIS_WIDTH / 2 - 6, middle - half
        band = f'<rect class="band" x="{x}" y="{y}" width="12" height="{2 * half}" rx="6"/>'
    said = f"depth {depth}: {when}, known to the {when.precision}" if depth else f"seed: {when}"
    return _svg(said, AXIS_WIDTH, height, _line(0, height) + band + _dot(middle, "seed" if not depth else "event"),
                "axis")  # fmt: skip


def axis_gap(earlier: EventDate | None, later: EventDate | None) -> Markup:
    """The stretch between two events, longer where more time lies between (by its square root)."""
    if earlier is None or later is None:
        return _svg("time unknown", AXIS_WIDTH, LEAST_GAP, _line(0, LEAST_GAP, "open"), "axis")
    days = max(0, (later.first_day - earlier.last_day).days)
    height = round(min(MOST_GAP, max(LEAST_GAP, 3.2 * math.sqrt(days))))
    return _svg(f"{days} days", AXIS_WIDTH, height, _line(0, height), "axis")


def _line(top: float, bottom: float, kind: str = "line") -> str:
    return f'<line class="{kind}" x1="{AXIS_WIDTH / 2}" y1="{top}" x2="{AXIS_WIDTH / 2}" y2="{bottom}"/>'


def _dot(y: float, kind: str) -> str:
    return f'<circle class="{kind}" cx="{AXIS_WIDTH / 2}" cy="{y}" r="6"/>'


def gap_words(earlier: EventDate | None, later: EventDate | None) -> str:
    """ "42 days", "5 months", "3 years": the time between two events as people say it."""
    if earlier is None or later is None:
        return ""
    days = (later.first_day - earlier.first_day).days
    if abs(days) < 60:
        return f"{days} day{'' if days == 1 else 's'} later"
    if days < 730:
        return f"{months_between(earlier, later)} months later"
    return f"{days / 365.25:.1f} years later"


def corpus_timeline(cases: Sequence[tuple[date, str, str]]) -> Markup:
    """Every case a tick by seed date, one lane a domain; (day, domain, status) each."""
    if not cases:
        return Markup("")
    domains = sorted({domain for _, domain, _ in cases})
    first, last = min(day for day, _, _ in cases), max(day for day, _, _ in cases)
    years = range(first.year, last.year + 2)
    width, lane, left, top = 900, 26, 110, 8
    span = max(1, (date(years[-1], 1, 1) - date(years[0], 1, 1)).days)

    def x(day: date) -> float:
        return left + (width - left - 24) * (day - date(years[0], 1, 1)).days / span

    height = top + lane * len(domains) + 24
    step = max(1, len(years) // 12)
    parts = [
        f'<line class="grid" x1="{x(date(y, 1, 1)):.1f}" y1="{top}" x2="{x(date(y, 1, 1)):.1f}" y2="{height - 20}"/>'
        f'<text class="tick" x="{x(date(y, 1, 1)):.1f}" y="{height - 6}">{y}</text>'
        for y in years[::step]
    ]
    for row, domain in enumerate(domains):
        parts.append(f'<text class="lane" x="0" y="{top + lane * row + 17}">{escape(domain[:16])}</text>')
    for day, domain, status in cases:
        y = top + lane * domains.index(domain) + 4
        parts.append(f'<rect class="s-{status}" x="{x(day):.1f}" y="{y}" width="3" height="{lane - 8}"/>')
    return _svg(f"{len(cases)} cases by seed date and domain", width, height, "".join(parts), "timeline")


def bars(values: Mapping[str, int]) -> Markup:
    """Horizontal bars with their counts, in the order given."""
    width, row, left = 340, 24, 110
    most = max(values.values(), default=0) or 1
    parts = []
    for i, (name, count) in enumerate(values.items()):
        length = (width - left - 50) * count / most
        parts.append(
            f'<text class="lane" x="0" y="{row * i + 16}">{escape(name[:16])}</text>'
            f'<rect class="c0" x="{left}" y="{row * i + 5}" width="{length:.1f}" height="14" rx="2"/>'
            f'<text class="count" x="{left + length + 6:.1f}" y="{row * i + 16}">{count:,}</text>'
        )
    said = ", ".join(f"{name} {count}" for name, count in values.items())
    return _svg(said, width, row * len(values) or 1, "".join(parts), "bars")


def _svg(said: str, width: float, height: float, inner: str, kind: str) -> Markup:
    stretch = ' preserveAspectRatio="none"' if kind == "bar" else ""
    head = f'<svg class="{kind}" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}"{stretch}>'
    return Markup(f"{head}<title>{escape(said)}</title>{inner}</svg>")  # noqa: S704 - numbers and escaped text
