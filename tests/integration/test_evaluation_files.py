"""Whole evaluations on a FICTIONAL snapshot: what is counted, refused, compared, frozen and bundled."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import InvalidFile, InvalidInput, SnapshotError
from corpus.splits import Split
from evaluation.bundle import check_bundle, write_bundle
from evaluation.calibrating import fit_on
from evaluation.calibration import CalibratorKind
from evaluation.compare_files import compare_files
from evaluation.environment import environment
from evaluation.evaluate import Evaluation, Settings, evaluate
from evaluation.levels import LevelSet, open_snapshot
from evaluation.matcher_audit import (
    LabelledList,
    audit_matcher,
    draw_sample,
    read_sample,
    true_rate,
    write_sample,
)
from evaluation.matching import Matcher
from evaluation.model_card import CardInfo, card_text
from evaluation.prediction import Mode, Prediction, check_predictions
from evaluation.report import ReportParts, report_html
from evaluation.suites import SuiteName, make_suites, read_suites, suite_levels, write_suites
from evaluation.summary import evaluation_json
from evaluation.verdict import Decision, read_criteria
from tests import forecasts
from tests.forecasts import generated, given, hedging, honest, knowing, make_snapshot, overconfident


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> LevelSet:
    return open_snapshot(make_snapshot(tmp_path_factory.mktemp("snapshots") / "s", 120))


@pytest.fixture(scope="module")
def folder(asked: LevelSet) -> Path:
    return Path(asked.origin)


def settings(**changes: object) -> Settings:
    return Settings(**({"criteria": read_criteria(), "replicates": 200} | changes))


def scored(asked: LevelSet, rows: list[Prediction], **changes: object) -> Evaluation:
    return evaluate(check_predictions(rows), asked, settings(**changes))


def test_levels_are_cut_and_kept_as_the_snapshot_says(asked: LevelSet) -> None:
    train, test = asked.of(Split.TRAIN), asked.of(Split.TEST)
    assert max(level.resolved for level in train) <= min(level.as_of.date() for level in test)
    assert not {level.family for level in train} & {level.family for level in test}
    assert all(level.pooled is not None and sum(level.pooled) == pytest.approx(1) for level in test)


def test_truth_has_skill_uniform_has_none_and_the_knowing_win(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    figures = {
        rule.__name__: scored(asked, given(test, rule, asked.hash)).scores[0].figures
        for rule in (honest, hedging, knowing, overconfident)
    }
    brier = {name: found["brier_binary"].value or 9 for name, found in figures.items()}
    assert brier["knowing"] < brier["honest"] < brier["hedging"] < brier["overconfident"]
    assert figures["hedging"]["skill_over_uniform"].value == pytest.approx(0.0)
    assert figures["honest"]["perplexity"].value == pytest.approx(
        np.exp(figures["honest"]["log_loss"].value or 0)
    )
    assert figures["honest"]["when_rps"].defined
    assert figures["honest"]["token_perplexity"].value == pytest.approx(np.exp(6 / 4))


def test_what_is_missing_is_scored_as_knowing_nothing_and_counted(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    rows = given(test, knowing, asked.hash, knowledge_cutoff="1990")
    whole, part = scored(asked, rows), scored(asked, rows[: len(rows) // 2])
    scores = part.of(Mode.GIVEN)
    assert scores is not None
    assert (scores.missing, scores.levels) == (len(rows) - len(rows) // 2, len(rows))
    filled = [
        *rows[: len(rows) // 2],
        *given(test[len(rows) // 2 :], hedging, asked.hash, knowledge_cutoff="1990"),
    ]
    same = scored(asked, filled).of(Mode.GIVEN)
    assert same is not None
    assert scores.figures["log_loss"].value == pytest.approx(same.figures["log_loss"].value)
    gate = next(gate for gate in part.verdict.gates if gate.name == "complete predictions")
    assert gate.decision is Decision.REVIEW
    assert str(scores.missing) in gate.sentence
    assert whole.unused == 0


def test_lists_that_are_missing_foresee_nothing(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    rows = generated(test, lambda n: True, asked.hash)
    whole, half = (scored(asked, own).of(Mode.GENERATED) for own in (rows, rows[: len(rows) // 2]))
    assert whole is not None
    assert half is not None
    assert whole.figures["match_coverage"].value == 1.0
    assert (half.figures["match_coverage"].value or 1) < 0.6
    assert half.missing > 0
    assert whole.notes["nothing_followed"] == sum(level.event is None for level in test)
    assert whole.notes["stages"]["all"]["exact"] == whole.levels


def test_another_snapshot_another_split_and_strange_candidates_are_refused(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    with pytest.raises(InvalidInput, match=r"answers snapshot other…, but .* predict on this snapshot"):
        scored(asked, given(test, honest, "other"))
    with pytest.raises(InvalidInput, match=r"answers none of the .* cases in split validation"):
        scored(asked, given(test, honest, asked.hash), split=Split.VALIDATION)
    row = given(test[:1], honest, asked.hash)[0]
    other = row.candidates[0].model_copy(update={"text": "Something else"})
    with pytest.raises(InvalidInput, match="lacks the candidate"):
        scored(asked, [row.model_copy(update={"candidates": (other, *row.candidates[1:])})])
    zero = other.model_copy(update={"probability": 0.0})
    with pytest.raises(InvalidInput, match="does not list 'Something else'"):
        scored(asked, [row.model_copy(update={"candidates": (*row.candidates, zero)})])
    with pytest.raises(InvalidInput, match="has no level at depth 5"):
        scored(asked, [row, row.model_copy(update={"depth": 5})])


def test_an_altered_snapshot_is_refused(tmp_path: Path) -> None:
    folder = make_snapshot(tmp_path / "s", 20)
    path = folder / "cases.jsonl"
    path.write_bytes(path.read_bytes().replace(b"calm", b"wild", 1))
    with pytest.raises(SnapshotError, match="does not match its manifest"):
        open_snapshot(folder)
    with pytest.raises(InvalidInput, match="is not a folder"):
        open_snapshot(tmp_path / "none")


def test_modes_are_never_compared_with_each_other(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    one = check_predictions(given(test, honest, asked.hash), "a.jsonl")
    two = check_predictions(generated(test, lambda n: True, asked.hash), "b.jsonl")
    with pytest.raises(InvalidInput, match=r"a\.jsonl holds mode given and b\.jsonl holds generated"):
        compare_files(one, two, asked, test, Matcher())
    better = check_predictions(given(test, knowing, asked.hash))
    found = compare_files(one, better, asked, test, Matcher(), replicates=300)
    assert {row.figure: row.better for row in found[Mode.GIVEN]}["log_loss"] == "second"


def test_knowledge_cuts_the_levels_by_when_they_were_asked(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    years = sorted(level.as_of.year for level in test)
    middle = years[len(years) // 2]
    found = scored(asked, given(test, honest, asked.hash, knowledge_cutoff=str(middle)))
    scores = found.of(Mode.GIVEN)
    assert scores is not None
    after = scores.group("knowledge", "after")
    assert after is not None
    assert after.levels == sum(year > middle for year in years)
    unknown = scored(asked, given(test, honest, asked.hash)).of(Mode.GIVEN)
    assert unknown is not None
    assert unknown.group("knowledge", "after") is None


def test_a_calibrator_from_validation_mends_test_and_refuses_validation(asked: LevelSet) -> None:
    own, test = asked.of(Split.VALIDATION), asked.of(Split.TEST)
    fitted_on = check_predictions(
        [*given(own, overconfident, asked.hash), *generated(own, lambda n: n % 3 > 0, asked.hash)]
    )
    stored = fit_on(fitted_on, asked, Split.VALIDATION, CalibratorKind.SIGMOID, Matcher())
    rows = given(test, overconfident, asked.hash)
    raw, bent = scored(asked, rows), scored(asked, rows, calibration=stored)
    assert (bent.scores[0].figures["log_loss"].value or 9) < (
        raw.scores[0].figures["log_loss"].value or 0
    ) - 0.5
    assert stored.remainder is not None
    assert stored.remainder.shift > 0
    lists = generated(test, lambda n: n % 3 > 0, asked.hash)
    assert scored(asked, lists, calibration=stored).of(Mode.GENERATED) is not None
    with pytest.raises(InvalidInput, match="fit it on an earlier split"):
        evaluate(fitted_on, asked, settings(calibration=stored, split=Split.VALIDATION))


def test_the_matchers_error_widens_the_match_rate(asked: LevelSet, tmp_path: Path) -> None:
    from evaluation.generated import match_pairs
    from evaluation.pairing import pair_generated

    pairs = pair_generated(
        generated(asked.of(Split.TEST), lambda n: n % 2 == 0, asked.hash), asked.of(Split.TEST)
    )
    drawn = draw_sample(pairs, match_pairs(pairs, Matcher()), 40)
    assert len(drawn) == 40
    path = tmp_path / "sample.jsonl"
    write_sample(path, drawn)
    rows = read_sample(path)
    with pytest.raises(InvalidInput, match="0 foreseen and 0 unforeseen"):
        audit_matcher(rows, Matcher())
    labelled = [row.model_copy(update={"foreseen": int(row.happened in row.predicted)}) for row in rows]
    labelled[0] = labelled[0].model_copy(update={"foreseen": 1 - (labelled[0].foreseen or 0)})
    audit, wrong = audit_matcher(labelled, Matcher())
    assert len(wrong) == 1
    assert min(audit.sensitivity.value, audit.specificity.value) > 0.85
    found = scored(asked, generated(asked.of(Split.TEST), lambda n: n % 2 == 0, asked.hash), audit=audit)
    scores = found.of(Mode.GENERATED)
    assert scores is not None
    bare, widened = scores.figures["match_coverage"], found.coverage["all"]
    assert (widened.low or 1) < (bare.low or 0)
    assert (widened.high or 0) > (bare.high or 1)
    path.write_text('{"predicted": ["a"], "happened": "b", "foreseen": 2}')
    with pytest.raises(InvalidFile, match=":1: foreseen"):
        read_sample(path)


def test_the_true_rate_by_hand() -> None:
    """Rogan and Gladen: 0.5 observed at sensitivity 0.9 and specificity 0.8 is (0.5 − 0.2)/0.7."""
    assert true_rate(0.5, 0.9, 0.8) == pytest.approx(0.3 / 0.7)
    assert true_rate(0.1, 0.9, 0.8) == 0.0
    assert true_rate(0.4, 0.5, 0.5) == 0.4
    assert LabelledList(predicted=("a",), happened="b").foreseen is None


def test_suites_are_frozen_and_a_changed_level_is_noticed(asked: LevelSet, tmp_path: Path) -> None:
    test = asked.of(Split.TEST)
    stored = make_suites(asked, test, "test")
    assert make_suites(asked, test, "test") == stored
    path = tmp_path / "suites.json"
    write_suites(path, stored)
    with pytest.raises(InvalidInput, match="suites are frozen"):
        write_suites(path, stored)
    assert read_suites(path).hash_of(SuiteName.HARD) == stored.hash_of(SuiteName.HARD)
    means = [np.mean([level.difficulty for level in stored.suites[name]]) for name in SuiteName]
    assert means == sorted(means)
    assert len(suite_levels(stored, SuiteName.EASY, test)) == len(stored.suites[SuiteName.EASY])
    one = stored.suites[SuiteName.EASY][0]
    for hash_, key, what in (("0" * 16, one.case_id, "was changed"), (one.hash, "c-gone", "is gone")):
        altered = one.model_copy(update={"hash": hash_, "case_id": key})
        broken = stored.model_copy(update={"suites": stored.suites | {SuiteName.EASY: (altered,)}})
        with pytest.raises(InvalidInput, match=what):
            suite_levels(broken, SuiteName.EASY, test)
    with pytest.raises(InvalidInput, match="do not make three suites"):
        make_suites(asked, test[:3], "test")


def test_whole_trees_are_a_table_of_their_own(asked: LevelSet) -> None:
    test = asked.of(Split.TEST)
    rows = []
    for level in test:
        parents = tuple(
            other.event or ""
            for other in test
            if other.case_id == level.case_id and other.depth < level.depth
        )
        if len(parents) == level.depth - 1:
            fields = {"mode": Mode.TREE, "parent_branch": parents}
            rows += generated([level], lambda n: True, asked.hash, **fields)
    found = scored(asked, rows).of(Mode.TREE)
    assert found is not None
    assert found.figures["match_coverage"].value == found.figures["chain_coverage"].value == 1.0
    deepest = [-np.log(max(0.01, 0.7**level.depth)) for level in test if level.event]
    assert found.figures["event_loss"].value == pytest.approx(np.mean(deepest))
    uprooted = [row for row in rows if row.depth != 1]
    without = scored(asked, uprooted).of(Mode.TREE)
    assert without is not None
    assert without.figures["chain_coverage"].value == 0.0


@pytest.fixture(scope="module")
def hostile(asked: LevelSet) -> Evaluation:
    """A model whose name and texts try to break out of the page."""
    test = asked.of(Split.TEST)
    rows = [*given(test, honest, asked.hash), *generated(test, lambda n: n % 2 == 0, asked.hash)]
    bad = "<script>alert(1)</script>|\"'&"
    changed = [
        row.model_copy(
            update={"candidates": (row.candidates[0], row.candidates[1].model_copy(update={"text": bad}))}
        )
        if row.mode is Mode.GENERATED
        else row
        for row in rows
    ]
    return scored(asked, [row.model_copy(update={"model": bad}) for row in changed])


def test_the_report_is_self_contained_and_shows_text_as_text(hostile: Evaluation) -> None:
    page = report_html(hostile, ReportParts(environment()))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    fetched = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(target == "data:," or target.startswith(("http://", "https://")) for target in fetched)
    assert not re.search(r"<(?:img|iframe|object|embed|link(?! rel=\"icon\"))", page)
    for heading in (
        "Mode given",
        "Mode generated",
        "Reliability",
        "Worst and best",
        "Baselines",
        "Formulas",
        "Environment",
    ):
        assert heading in page
    assert page.count("<svg") == page.count("</svg>") >= 6
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page).lower().replace("finance", "")


def test_numbers_are_plain_json_and_the_card_quotes_them(hostile: Evaluation) -> None:
    text = json.dumps(evaluation_json(hostile), allow_nan=False)
    numbers = json.loads(text)
    card = card_text(hostile, CardInfo(base_model="tiny", licence="mit"))
    value = numbers["modes"]["given"]["figures"]["log_loss"]["value"]
    assert f"{value:.3f}" in card
    assert card.startswith("---\n")
    assert "base_model: tiny" in card
    assert f"Verdict: {numbers['verdict']['decision']}" in card
    assert "accuracy at depths 4-5 is not scored" in text


def test_a_bundle_is_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    files = {"a.json": b"{}", "b.txt": b"text"}
    assert write_bundle(path, files) == write_bundle(tmp_path / "again.zip", files)
    assert path.read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert check_bundle(path) == ["a.json", "b.txt"]
    with zipfile.ZipFile(tmp_path / "bare.zip", "w") as bare:
        bare.writestr("a.json", "{}")
    with pytest.raises(InvalidFile, match="never finished"):
        check_bundle(tmp_path / "bare.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        bad.writestr("manifest.json", old.read("manifest.json"))
        bad.writestr("a.json", "{ }")
    with pytest.raises(InvalidFile, match=r"a\.json does not match"):
        check_bundle(tmp_path / "bad.zip")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InvalidFile, match="cannot be read as a zip"):
        check_bundle(path)


def test_options_happen_as_often_as_the_builders_say(asked: LevelSet) -> None:
    """The test data itself: rank k happens with its share."""
    levels = [level for split in asked.splits.values() for level in split]
    shares = np.bincount([level.outcome or 0 for level in levels], minlength=4) / len(levels)
    assert shares == pytest.approx(forecasts.SHARES, abs=0.09)
