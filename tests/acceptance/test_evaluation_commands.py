"""The commands of `evaluation` as a user types them, on a FICTIONAL snapshot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from corpus.splits import Split
from evaluation.bundle import check_bundle
from evaluation.cli import TABLE
from evaluation.levels import open_snapshot
from evaluation.prediction import read_predictions, write_predictions
from tests.commands import Ended, run
from tests.forecasts import generated, given, honest, knowing, make_snapshot, overconfident


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a snapshot and several models' predictions."""
    folder = tmp_path_factory.mktemp("home")
    asked = open_snapshot(make_snapshot(folder / "s", 70))
    test, own = asked.of(Split.TEST), asked.of(Split.VALIDATION)
    for name, rule in (("honest", honest), ("knowing", knowing), ("over", overconfident)):
        write_predictions(folder / f"{name}.jsonl", given(test, rule, asked.hash, model=name))
    lists = generated(test, lambda n: n % 5 > 0, asked.hash, model="both")
    write_predictions(folder / "both.jsonl", [*given(test, honest, asked.hash, model="both"), *lists])
    write_predictions(folder / "lists.jsonl", lists)
    write_predictions(folder / "validation.jsonl", given(own, overconfident, asked.hash, model="over"))
    return folder


FILES = (".jsonl", ".json", ".html", ".zip", ".md")
QUICK = ("--replicates", "200")


def evaluation(home: Path, *words: str) -> Ended:
    """Run a command; names of files are those of the home folder."""
    return run(home, "evaluation", *(str(home / word) if word.endswith(FILES) else word for word in words))


def snapshot(home: Path) -> tuple[str, str]:
    return "--snapshot", str(home / "s")


@pytest.mark.parametrize("name", list(TABLE))
def test_every_command_has_help_with_an_example(tmp_path: Path, name: str) -> None:
    ended = run(tmp_path, "evaluation", name, "--help")
    assert ended.code == 0
    assert f"Example: evaluation {name}" in ended.out


def test_help_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    started = time.monotonic()
    ended = run(tmp_path, "evaluation", "--help")
    assert ended.code == 0
    assert all(name in ended.out for name in TABLE)
    assert time.monotonic() - started < 3, "0.5 s on a quiet machine"
    heavy = "('numpy', 'scipy', 'sklearn', 'rich', 'pydantic')"
    probe = f"import sys, evaluation.cli; print([m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_run_prints_tables_and_ends_with_the_verdict(home: Path) -> None:
    ended = evaluation(home, "run", "both.jsonl", *snapshot(home), *QUICK)
    assert ended.code in (10, 20)
    for text in (
        "mode given",
        "mode generated",
        "brier_binary",
        "event_perplexity",
        "base_rate",
        "Verdict: ",
    ):
        assert text in ended.out
    asked = json.loads(evaluation(home, "run", "both.jsonl", *snapshot(home), "--json", *QUICK).out)
    assert {"given", "generated"} == set(asked["modes"])
    assert asked["modes"]["given"]["figures"]["log_loss"]["low"] is not None
    assert {"uniform", "base_rate", "tfidf"} == set(asked["baselines"])
    assert asked["verdict"]["decision"] == {10: "REVIEW", 20: "FAIL"}[ended.code]


def test_an_overconfident_model_fails_with_twenty(home: Path) -> None:
    ended = evaluation(home, "run", "over.jsonl", *snapshot(home), "--json", *QUICK)
    assert ended.code == 20
    gates = {gate["gate"]: gate["decision"] for gate in ended.json["verdict"]["gates"]}
    assert gates["calibration"] == "FAIL"
    assert gates["complete predictions"] == "DEPLOY"


def test_compare_names_the_better_one(home: Path) -> None:
    ended = evaluation(home, "compare", "honest.jsonl", "knowing.jsonl", *snapshot(home), "--json")
    assert ended.code == 0
    assert {row["figure"]: row["better"] for row in ended.json["modes"]["given"]}["brier_binary"] == "second"


def test_baselines_are_prediction_files_that_can_be_run(home: Path) -> None:
    ended = evaluation(home, "baselines", str(home / "s"), "--out", str(home / "rivals"), "--json")
    assert set(ended.json["written"]) == {"uniform", "base_rate", "tfidf"}
    assert read_predictions(home / "rivals" / "tfidf.jsonl").model == "baseline tfidf"
    again = evaluation(home, "run", "rivals/base_rate.jsonl", *snapshot(home), "--json", *QUICK)
    skill = again.json["modes"]["given"]["figures"]["skill_over_base_rate"]["value"]
    assert skill == pytest.approx(0.0, abs=1e-6)


def test_calibrate_then_run_with_it(home: Path) -> None:
    out = str(home / "calibration.json")
    fitted = evaluation(
        home, "calibrate", "validation.jsonl", *snapshot(home), "--split", "validation", "--out", out
    )
    assert fitted.code == 0, fitted.err
    raw = evaluation(home, "run", "over.jsonl", *snapshot(home), "--json", *QUICK).json
    bent = evaluation(home, "run", "over.jsonl", *snapshot(home), "--json", "--calibration", out, *QUICK).json
    assert (
        bent["modes"]["given"]["figures"]["log_loss"]["value"]
        < raw["modes"]["given"]["figures"]["log_loss"]["value"]
    )
    refused = evaluation(home, "calibrate", "honest.jsonl", *snapshot(home), "--out", out)
    assert refused.code == 2
    assert "fitted on an earlier split" in refused.err


def test_the_matcher_is_audited_and_the_audit_used(home: Path) -> None:
    drawn = evaluation(
        home, "audit-matcher", "lists.jsonl", *snapshot(home), "--draw", "30", "--out", "sample.jsonl"
    )
    assert drawn.code == 0, drawn.err
    rows = [json.loads(line) for line in (home / "sample.jsonl").read_text().splitlines()]
    labelled = [row | {"foreseen": int(row["happened"] in row["predicted"])} for row in rows]
    (home / "sample.jsonl").write_text("\n".join(json.dumps(row) for row in labelled))
    measured = evaluation(home, "audit-matcher", "sample.jsonl", "--out", "audit.json", "--json")
    assert measured.json["sensitivity"]["low"] < 1
    used = evaluation(
        home, "run", "lists.jsonl", *snapshot(home), "--matcher-audit", "audit.json", "--json"
    ).json
    widened = used["match_coverage_with_matcher_error"]["all"]
    assert widened["low"] < used["modes"]["generated"]["figures"]["match_coverage"]["low"]
    other = evaluation(
        home, "run", "lists.jsonl", *snapshot(home), "--matcher-audit", "audit.json", "--scorer", "jaccard"
    )
    assert other.code == 2
    assert "audit this one" in other.err


def test_suites_make_run_trend(home: Path) -> None:
    assert evaluation(home, "suite", "make", *snapshot(home), "--out", "suites.json").code == 0
    words = (*snapshot(home), *QUICK, "--suites", "suites.json", "--history", "history.jsonl")
    for name in ("honest.jsonl", "knowing.jsonl"):
        assert evaluation(home, "suite", "run", name, *words).code == 0
    found = evaluation(home, "suite", "trend", "history.jsonl", "--out", "trend.html", "--json").json
    assert [(row["model"], row["suite"]) for row in found][:3] == [
        ("honest", "easy"), ("honest", "medium"), ("honest", "hard")
    ]  # fmt: skip
    assert found[0]["tokens_per_second"] == 200.0
    assert "<svg" in (home / "trend.html").read_text()
    again = evaluation(home, "suite", "make", *snapshot(home), "--out", "suites.json")
    assert (again.code, "frozen" in again.err) == (2, True)


def test_the_report_bundle_and_card_are_written(home: Path) -> None:
    metrics = [{"step": s, "eval_loss": 1.0 / (1 + s)} for s in range(8)]
    (home / "metrics.jsonl").write_text("\n".join(json.dumps(row) for row in metrics))
    costs = {"stage": "sft", "estimated_usd": 1.0, "actual_usd": 1.25}
    (home / "costs.jsonl").write_text(json.dumps(costs))
    ended = evaluation(
        home, "report", "both.jsonl", *snapshot(home), *QUICK, "--against", "honest.jsonl", "--curve", "metrics.jsonl",
        "--costs", "costs.jsonl", "--out", "report.html", "--bundle", "bundle.zip", "--card", "card.md",
    )  # fmt: skip
    assert ended.code in (10, 20), ended.err
    page = (home / "report.html").read_text()
    for text in ("Learning curve", "Compared with honest", "$1.25", "Reliability", "no difference shown"):
        assert text in page
    assert "report.html" in check_bundle(home / "bundle.zip")
    assert (home / "card.md").read_text().startswith("---\n")


def test_curves_and_the_gain_of_data(home: Path) -> None:
    for cases in (100, 200, 400):
        rows = [{"step": s, "eval_log_loss": 0.5 + 2 / cases**0.5 + 1 / (s + 1)} for s in range(0, 500, 50)]
        (home / f"m{cases}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    sizes = [word for n in (100, 200, 400) for word in ("--size", f"{n}:{home / f'm{n}.jsonl'}")]
    found = run(home, "evaluation", "curves", str(home / "m400.jsonl"), *sizes, "--json").json
    assert found["data"]["at_tenfold"] < found["data"]["at_double"]
    assert found["fit"]["best_step"] is not None


@pytest.fixture(scope="module")
def questions(home: Path) -> Path:
    rows: list[dict[str, Any]] = []
    for n in range(60):
        for year in (20, 22, 24):
            rows.append(
                {"source": "fair", "id": str(n), "asked": f"20{year}-01-{1 + n % 28:02d}",
                 "resolved": f"20{year}-06-01",
                 "outcome": n % 2, "question": f"FICTIONAL: will booth {n} {'sell wool' if n % 2 else 'sell salt'}?",
                 "crowd": 0.8 if n % 2 else 0.3}
            )  # fmt: skip
    path = home / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_questions_have_baselines_and_a_crowd(home: Path, questions: Path) -> None:
    words = ("--questions", str(questions), "--cutoff", "2022-12-31")
    made = run(home, "evaluation", "baselines", *words, "--out", str(home / "q"), "--json").json
    assert set(made["written"]) == {"uniform", "base_rate", "tfidf", "crowd"}
    ended = run(home, "evaluation", "run", str(home / "q" / "crowd.jsonl"), *words, "--json")
    figures = ended.json["modes"]["given"]["figures"]
    assert 0.03 < figures["brier_binary"]["value"] < 0.1
    assert figures["skill_over_crowd"]["value"] == pytest.approx(0.0, abs=1e-6)


def test_each_refusal_is_one_sentence_without_a_traceback(home: Path) -> None:
    row = json.loads((home / "honest.jsonl").read_text().splitlines()[0])
    (home / "nan.jsonl").write_text(json.dumps(row | {"remainder": float("nan")}))
    (home / "other.jsonl").write_text(json.dumps(row | {"snapshot_hash": "abc"}))
    target = snapshot(home)
    for words, sentence in (
        (("run", "nan.jsonl", *target), "nan.jsonl:1: remainder: Input should be a finite number"),
        (("run", "other.jsonl", *target), "answers snapshot abc"),
        (("compare", "honest.jsonl", "lists.jsonl", *target), "never compared with each other"),
        (("run", "honest.jsonl"), "--snapshot FOLDER or --questions FILE"),
        (("run", "lists.jsonl", *target, "--judge", "m"), "needs an address"),
    ):
        ended = evaluation(home, *words)
        assert (ended.code, ended.out) == (2, ""), words
        assert sentence in ended.err
        assert "Traceback" not in ended.err
        assert len(ended.err.strip().splitlines()) == 1


def test_a_snapshot_that_does_not_match_its_manifest_is_refused(tmp_path: Path, home: Path) -> None:
    shutil.copytree(home / "s", tmp_path / "s")
    cases = tmp_path / "s" / "cases.jsonl"
    cases.write_bytes(cases.read_bytes()[:-20])
    ended = run(tmp_path, "evaluation", "run", str(home / "honest.jsonl"), "--snapshot", str(tmp_path / "s"))
    assert ended.code == 1
    assert "does not match its manifest" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
