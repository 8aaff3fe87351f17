"""The audit of synthetic snapshots: what cannot apply is left out, the rest holds. FICTIONAL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from corpus.audit.report import SYNTHETIC_NOTE, as_html, audit_snapshot
from corpus.audit.rows import Group, Rule, Verdict
from corpus.case import Case
from corpus.snapshot import SnapshotInfo, write_snapshot
from training.synthetic import Recipe, synthetic_cases

TODAY = date(2025, 1, 1)
CASES = list(synthetic_cases(Recipe(400, (7,))))


def frozen(folder: Path, cases: Sequence[Case], *, synthetic: bool) -> Path:
    write_snapshot(folder, cases, SnapshotInfo(query={}, program="test", synthetic=synthetic))
    return folder


def test_rules_on_wording_and_sources_do_not_apply(tmp_path: Path) -> None:
    report = audit_snapshot(frozen(tmp_path / "s", CASES, synthetic=True), TODAY)
    assert {row.rule.value: row.message for row in report.rows if row.verdict is not Verdict.PASS} == {}
    assert {row.group for row in report.rows} == set(Group) - {Group.WORDING, Group.SUPPORT}
    assert report.as_json()["synthetic"] is True
    assert SYNTHETIC_NOTE in as_html(report)
    claimed = audit_snapshot(frozen(tmp_path / "real", CASES, synthetic=False), TODAY)
    failed = {row.rule for row in claimed.rows if row.verdict is Verdict.FAIL}
    assert {Rule.QUOTE_IN_TEXT, Rule.TWO_PUBLISHERS, Rule.CONTRADICTIONS} <= failed, (
        "as real cases they would not do"
    )
    assert SYNTHETIC_NOTE not in as_html(claimed)


def test_what_applies_still_fails(tmp_path: Path) -> None:
    twin = CASES[0].model_copy(update={"case_id": "c000000000000001"})
    report = audit_snapshot(frozen(tmp_path / "s", [*CASES, twin], synthetic=True), TODAY)
    assert {row.rule: row.verdict for row in report.rows}[Rule.DUPLICATES] is Verdict.FAIL
    assert report.verdict is Verdict.FAIL
