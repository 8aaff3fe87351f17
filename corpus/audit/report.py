"""The whole audit of a folder, as a value, as JSON and as a page.

A synthetic snapshot has no sources and one way of wording, and its invented names recur: the rows on wording, support
and contradictions do not apply to it and are left out, which the report says. All others hold it to account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from corpus.audit.facts import gather
from corpus.audit.leakage import leakage_rows
from corpus.audit.rows import Example, Group, Row, Rule, Verdict, worst
from corpus.audit.shape import shape_rows
from corpus.audit.support import support_rows
from corpus.audit.timing import timing_rows
from corpus.audit.wording import wording_rows
from corpus.intervals import Interval
from corpus.snapshot import read_snapshot

SYNTHETIC_NOTE = "The snapshot is synthetic: rules on wording, sources and contradictions do not apply."


@dataclass(frozen=True)
class AuditReport:
    """Every row, and the worst of their verdicts."""

    folder: Path
    snapshot_hash: str
    cases: int
    families: int
    rows: tuple[Row, ...]
    synthetic: bool = False

    @property
    def note(self) -> str:
        """What a reader must know of the rows."""
        return SYNTHETIC_NOTE if self.synthetic else ""

    @property
    def verdict(self) -> Verdict:
        """The verdict of the snapshot."""
        return worst([row.verdict for row in self.rows])

    def as_json(self) -> dict[str, Any]:
        """Plain values, the same for the same snapshot."""
        return {
            "snapshot": self.snapshot_hash, "cases": self.cases, "families": self.families,
            "verdict": self.verdict.value, "synthetic": self.synthetic, "rows": [row.as_json() for row in self.rows],
        }  # fmt: skip


def audit_snapshot(folder: Path, today: date, texts: Path | None = None) -> AuditReport:
    """Audit a snapshot; `texts` is a JSONL file of stored texts beside the snapshot's own.

    Raises SnapshotError where a file does not match the manifest.
    """
    snapshot = read_snapshot(folder)
    facts, synthetic = gather(snapshot, today), snapshot.manifest.synthetic
    rows = (
        *(() if synthetic else wording_rows(facts)),
        *leakage_rows(facts, folder),
        *timing_rows(facts),
        *(() if synthetic else support_rows(facts, folder, texts)),
        *(row for row in shape_rows(facts) if not synthetic or row.rule is not Rule.CONTRADICTIONS),
    )
    families = len({case.family for case in facts.cases})
    return AuditReport(folder, snapshot.hash, len(facts.cases), families, rows, synthetic)


def shown(figure: Interval) -> str:
    """ "63 % (58 to 68 %)", or that there is no interval."""
    if figure.value is None:
        return "not defined"
    if figure.low is None or figure.high is None:
        return f"{100 * figure.value:.1f} % (no interval)"
    return f"{100 * figure.value:.1f} % ({100 * figure.low:.1f} to {100 * figure.high:.1f} %)"


_STYLE = """
:root{color-scheme:light dark;--ink:#1c2127;--soft:#5b6570;--line:#d9dee4;--paper:#fff;--card:#f6f8fa;
--pass:#0a6b3d;--review:#8a5a00;--fail:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a5aeb8;--line:#3a424b;--paper:#15191d;--card:#1e242a;
--pass:#58c48c;--review:#e0b04c;--fail:#ff8a80}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2.2rem}
p.sub{color:var(--soft);margin-top:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.5rem .7rem;
border-top:1px solid var(--line)}th{color:var(--soft);font-weight:500}
td.figure{white-space:nowrap;font-variant-numeric:tabular-nums}
.verdict{font-weight:700;text-transform:uppercase;letter-spacing:.03em;font-size:.85rem}
.pass{color:var(--pass)}.review{color:var(--review)}.fail{color:var(--fail)}
ul{margin:.4rem 0 0;padding-left:1.1rem;color:var(--soft);font-size:.9rem}code{font-size:.85em}
"""


def as_html(report: AuditReport) -> str:
    """One page without scripts or addresses; all text of the snapshot is escaped."""
    groups = "".join(_group(group, [row for row in report.rows if row.group is group]) for group in Group)
    verdict = report.verdict.value
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Audit of a snapshot</title>'
        f"<style>{_STYLE}</style><h1>Audit: "
        f'<span class="{verdict}">{verdict.upper()}</span></h1>'
        f'<p class="sub">{report.cases} cases of {report.families} event families; snapshot {report.snapshot_hash}. '
        f"Intervals cover 95 % and treat an event family as one unit. {report.note}</p>"
        f"{groups}</html>\n"
    )


def _group(group: Group, rows: Sequence[Row]) -> str:
    lines = "".join(_line(row) for row in rows)
    return (
        f"<h2>{escape(group.value)}</h2><table><thead><tr><th>Verdict<th>Rule<th>Figure (95 %)<th>Good is<th>"
        f"What was found</tr></thead><tbody>{lines}</tbody></table>"
    )


def _line(row: Row) -> str:
    name = row.rule.value.replace("_", " ")
    return (
        f'<tr><td class="verdict {row.verdict.value}">{row.verdict.value}<td>{name}'
        f'<td class="figure">{shown(row.figure)}<td>{escape(row.limit)}<td>{escape(row.message)}'
        f"{_examples(row.examples)}</tr>"
    )


def _examples(examples: Sequence[Example]) -> str:
    items = "".join(
        f"<li><code>{escape(e.case_id)} {escape(e.path)}</code> {escape(e.text)}</li>" for e in examples
    )
    return f"<ul>{items}</ul>" if items else ""
