"""Pictures for reports: small SVG drawings without scripts, fonts or network.

Colours come from the page's variables, so that they follow its light or dark look. Every drawing has a title
for readers who do not see it.

Does not cover: interaction, animation, maps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from evaluation.scoring import Calibration

WIDTH, ROW = 560, 26


@dataclass(frozen=True)
class Dot:
    """A value with its interval, one row of a dot plot."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A named series of points."""

    name: str
    points: tuple[tuple[float, float], ...]
    tone: str = "one"


def _page(width: int, height: int, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(body)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", tone: str = "ink") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{tone}">{escape(text)}</text>'


def _stroke(x1: float, y1: float, x2: float, y2: float, tone: str = "rule") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{tone}"/>'


def reliability_diagram(found: Calibration, title: str) -> str:
    """Observed frequency against forecast, with the band that chance alone would show."""
    side, left, top = 300, 56, 14

    def x(p: float) -> float:
        return left + p * side

    def y(p: float) -> float:
        return top + (1 - p) * side

    body = [f'<rect x="{left}" y="{top}" width="{side}" height="{side}" class="frame"/>']
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(_stroke(x(tick), y(0), x(tick), y(0) + 4))
        body.append(_text(x(tick), y(0) + 17, f"{tick:g}", "middle", "small"))
        body.append(_text(left - 7, y(tick) + 4, f"{tick:g}", "end", "small"))
    bins, null = found.bins, found.null
    for b in range(len(bins.count_B)):
        if bins.count_B[b]:
            forecast = float(bins.forecast_B[b])
            high, low = y(float(null.high_B[b])), y(float(null.low_B[b]))
            body.append(
                f'<rect x="{x(forecast) - 9:.1f}" y="{high:.1f}" width="18" '
                f'height="{max(1.5, low - high):.1f}" class="band"/>'
            )
    body.append(_stroke(x(0), y(0), x(1), y(1), "dashed"))
    largest = max(1, int(bins.count_B.max()))
    for b in range(len(bins.count_B)):
        if bins.count_B[b]:
            radius = 3 + 5 * math.sqrt(bins.count_B[b] / largest)
            observed = float(bins.observed_B[b])
            outside = not null.low_B[b] - 1e-9 <= observed <= null.high_B[b] + 1e-9
            body.append(
                f'<circle cx="{x(float(bins.forecast_B[b])):.1f}" cy="{y(observed):.1f}" r="{radius:.1f}" '
                f'class="{"bad" if outside else "dot"}"><title>{int(bins.count_B[b])} options, forecast '
                f"{bins.forecast_B[b]:.3f}, happened {observed:.3f}</title></circle>"
            )
    body.append(_text(left + side / 2, top + side + 36, "forecast probability", "middle", "small"))
    body.append(
        f'<text transform="translate(15 {top + side / 2}) rotate(-90)" text-anchor="middle" class="small">'
        "share that happened</text>"
    )
    return _page(left + side + 20, top + side + 46, title, body)


def dot_plot(
    rows: Sequence[Dot],
    title: str,
    *,
    start: float,
    end: float,
    target: float | None = None,
    share: bool = False,
) -> str:
    """One row a value: dot, interval as a bar, and a mark at the target."""
    left, right = 150, 150
    width = WIDTH + 100
    span = width - left - right
    height = ROW * len(rows) + 34

    def x(value: float) -> float:
        return left + span * (min(end, max(start, value)) - start) / ((end - start) or 1)

    bottom = ROW * len(rows) + 8
    body = [_stroke(left, bottom, left + span, bottom)]
    for i in range(5):
        tick = start + (end - start) * i / 4
        body.append(_stroke(x(tick), 4, x(tick), bottom, "faint"))
        body.append(_text(x(tick), bottom + 16, f"{tick:.0%}" if share else f"{tick:.3g}", "middle", "small"))
    if target is not None:
        body.append(_stroke(x(target), 2, x(target), bottom, "target"))
    for i, row in enumerate(rows):
        middle = ROW * i + 20
        body.append(_text(left - 8, middle + 4, _short(row.label, 22), "end"))
        if row.value is None:
            body.append(_text(left + 4, middle + 4, "not scored", "start", "small"))
            continue
        if row.low is not None and row.high is not None:
            body.append(_stroke(x(row.low), middle, x(row.high), middle, "bar"))
        body.append(f'<circle cx="{x(row.value):.1f}" cy="{middle}" r="5" class="dot"/>')
        body.append(_text(left + span + 10, middle + 4, row.note, "start", "small"))
    return _page(width, height, title, body)


def stacked_bars(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], title: str) -> str:
    """One bar a row, split into named parts; the parts' tones are `part0`, `part1`, …"""
    left, span = 80, WIDTH - 150
    body, height = [], ROW * len(rows) + 34
    for i, (label, parts) in enumerate(rows):
        total, at, top = sum(count for _, count in parts) or 1, float(left), ROW * i + 6
        body.append(_text(left - 8, top + 14, label, "end"))
        for k, (name, count) in enumerate(parts):
            wide = span * count / total
            body.append(
                f'<rect x="{at:.1f}" y="{top}" width="{wide:.1f}" height="18" class="part{k}">'
                f"<title>{escape(name)}: {count} of {total}</title></rect>"
            )
            if wide > 34:
                body.append(_text(at + wide / 2, top + 13, f"{count / total:.0%}", "middle", "onpart"))
            at += wide
        body.append(_text(left + span + 8, top + 14, f"n = {total}", "start", "small"))
    at = float(left)
    for k, (name, _) in enumerate(rows[0][1] if rows else ()):
        body.append(f'<rect x="{at}" y="{height - 20}" width="10" height="10" class="part{k}"/>')
        body.append(_text(at + 15, height - 11, name, "start", "small"))
        at += 40 + 7 * len(name)
    return _page(WIDTH, height, title, body)


def line_chart(
    lines: Sequence[Line], title: str, *, x_label: str, y_label: str, mark: float | None = None
) -> str:
    """Lines over a common x axis; `mark` draws a vertical line there."""
    left, top, wide, high = 64, 14, WIDTH - 180, 220
    points = [point for line in lines for point in line.points]
    if not points:
        return _page(WIDTH, 40, title, [_text(8, 24, "nothing to draw", "start", "small")])
    x0, x1 = min(p[0] for p in points), max(p[0] for p in points)
    y0, y1 = min(p[1] for p in points), max(p[1] for p in points)
    margin = (y1 - y0) * 0.08 or abs(y1) * 0.1 or 0.1
    y0, y1 = y0 - margin, y1 + margin

    def x(value: float) -> float:
        return left + wide * (value - x0) / ((x1 - x0) or 1)

    def y(value: float) -> float:
        return top + high * (1 - (value - y0) / (y1 - y0))

    body = [f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" class="frame"/>']
    for i in range(5):
        tick = y0 + (y1 - y0) * i / 4
        body.append(_stroke(left, y(tick), left + wide, y(tick), "faint"))
        body.append(_text(left - 6, y(tick) + 4, f"{tick:.3g}", "end", "small"))
    for tick in sorted({x0, (x0 + x1) / 2, x1}):
        body.append(_text(x(tick), top + high + 17, f"{tick:.6g}", "middle", "small"))
    if mark is not None:
        body.append(_stroke(x(mark), top, x(mark), top + high, "target"))
    for i, line in enumerate(lines):
        path = " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in line.points)
        body.append(f'<polyline points="{path}" class="line {line.tone}"/>')
        body += [
            f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="2.5" class="{line.tone}"/>' for a, b in line.points
        ]
        body.append(
            _stroke(
                left + wide + 10, top + 14 + 20 * i, left + wide + 28, top + 14 + 20 * i, f"line {line.tone}"
            )
        )
        body.append(_text(left + wide + 34, top + 18 + 20 * i, _short(line.name, 16), "start", "small"))
    body.append(_text(left + wide / 2, top + high + 36, x_label, "middle", "small"))
    body.append(_text(left, top - 3, y_label, "start", "small"))
    return _page(WIDTH, top + high + 46, title, body)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
