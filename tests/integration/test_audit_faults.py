"""The audit names every planted defect, and passes a clean snapshot."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from corpus.audit.report import AuditReport, as_html, audit_snapshot
from corpus.audit.rows import Rule, Verdict
from corpus.dates import EventDate
from tests.audit_corpus import DEFECTS, Corpus, Maker, clean_corpus, freeze, misplace

TODAY = date(2025, 1, 1)


@pytest.fixture(scope="module")
def clean() -> tuple[Corpus, Maker]:
    return clean_corpus()


def verdicts(report: AuditReport) -> dict[Rule, Verdict]:
    return {row.rule: row.verdict for row in report.rows}


def test_a_clean_snapshot_passes_every_rule(tmp_path: Path, clean: tuple[Corpus, Maker]) -> None:
    report = audit_snapshot(freeze(tmp_path / "s", *clean), TODAY)
    assert {row.rule.value: row.message for row in report.rows if row.verdict is not Verdict.PASS} == {}
    assert report.verdict is Verdict.PASS
    assert [row.rule for row in report.rows] == list(Rule)
    again = audit_snapshot(tmp_path / "s", TODAY)
    assert json.dumps(again.as_json()) == json.dumps(report.as_json())


@pytest.mark.parametrize("name", DEFECTS)
def test_each_planted_defect_is_named(tmp_path: Path, clean: tuple[Corpus, Maker], name: str) -> None:
    rule, plant = DEFECTS[name]
    cases, maker = list(clean[0]), Maker()
    maker.texts = dict(clean[1].texts)
    plant(cases, maker)
    report = audit_snapshot(freeze(tmp_path / "s", cases, maker), TODAY)
    expected = Verdict.REVIEW if rule in {Rule.PAGE_TEXT, Rule.DEPTH, Rule.DOMAINS} else Verdict.FAIL
    assert verdicts(report)[rule] is expected
    assert report.verdict is Verdict.FAIL or expected is Verdict.REVIEW


def test_every_rule_has_its_planted_defect() -> None:
    planted = {rule for rule, _ in DEFECTS.values()}
    assert planted | {Rule.FAMILY_STRADDLES} == set(Rule)  # that one is planted in the files, below


def test_a_family_in_two_splits_is_named(tmp_path: Path, clean: tuple[Corpus, Maker]) -> None:
    cases, maker = list(clean[0]), clean[1]
    twin = cases[50]
    later = EventDate(twin.seed_date.first_day + timedelta(days=2))
    cases.append(twin.model_copy(update={"case_id": "c000000000000003", "seed_date": later}))
    folder = misplace(freeze(tmp_path / "s", cases, maker))
    report = audit_snapshot(folder, TODAY)
    assert verdicts(report)[Rule.FAMILY_STRADDLES] is Verdict.FAIL
    assert verdicts(report)[Rule.ANSWER_ACROSS_SPLITS] is Verdict.FAIL


def test_without_texts_quotations_are_not_counted_as_proven(
    tmp_path: Path, clean: tuple[Corpus, Maker]
) -> None:
    cases, maker = clean
    folder = freeze(tmp_path / "s", cases, Maker())
    row = next(row for row in audit_snapshot(folder, TODAY).rows if row.rule is Rule.QUOTE_IN_TEXT)
    assert (row.verdict, row.figure.value) == (Verdict.REVIEW, 0.0)
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in maker.texts.values()))
    row = next(row for row in audit_snapshot(folder, TODAY, texts).rows if row.rule is Rule.QUOTE_IN_TEXT)
    assert (row.verdict, row.figure.value) == (Verdict.PASS, 1.0)


def test_a_handful_of_cases_cannot_be_told(tmp_path: Path, clean: tuple[Corpus, Maker]) -> None:
    report = audit_snapshot(freeze(tmp_path / "s", clean[0][:6], clean[1]), TODAY)
    assert verdicts(report)[Rule.CLASSIFIER] is Verdict.REVIEW
    assert verdicts(report)[Rule.LENGTH] is Verdict.REVIEW


def test_the_page_shows_texts_as_text(tmp_path: Path, clean: tuple[Corpus, Maker]) -> None:
    cases = list(clean[0])
    cases.append(cases[3].model_copy(update={"case_id": "c1", "seed_event": cases[3].seed_event}))
    hostile = cases[3].outcomes[0].model_copy(update={"event": "<script>alert(1)</script> & more"})
    cases[3] = cases[3].model_copy(update={"outcomes": (hostile, *cases[3].outcomes[1:])})
    page = as_html(audit_snapshot(freeze(tmp_path / "s", cases, Maker()), TODAY))
    assert "<script" not in page
    assert "REVIEW" in page.upper()
