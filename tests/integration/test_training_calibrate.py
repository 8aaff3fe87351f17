"""`training calibrate`: a calibration is fitted on a model's own forecasts and put beside it. FICTIONAL."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from corpus.splits import Split
from evaluation.calibration import read_calibration
from evaluation.levels import open_snapshot
from evaluation.prediction import write_predictions
from tests.forecasts import given, honest, make_snapshot
from tests.registry_runs import finished_run
from training.cli import training
from training.runfolder import CALIBRATION, stated_hash


def forecasts(snapshot: Path, path: Path, weights: str) -> str:
    asked = open_snapshot(snapshot)
    rows = given(asked.of(Split.VALIDATION), honest, asked.hash)
    write_predictions(path, [row.model_copy(update={"weights_hash": weights}) for row in rows])
    return str(path)


def test_a_calibration_is_put_beside_the_model_whose_forecasts_it_bends(tmp_path: Path) -> None:
    snapshot, run = make_snapshot(tmp_path / "s", count=90), finished_run(tmp_path / "run")
    final = run / "final"
    words = ["calibrate", str(snapshot), "--kind", "temperature", "--model", str(run)]
    foreign = CliRunner().invoke(training, [*words, forecasts(snapshot, tmp_path / "a.jsonl", "f" * 64)])
    assert str(foreign.exception) == (
        f"{tmp_path / 'a.jsonl'} was forecast by other weights than those in {final}; forecast with --model {run}."
    )
    assert not (final / CALIBRATION).exists()
    for weights in ("", stated_hash(final)):
        own = CliRunner().invoke(training, [*words, forecasts(snapshot, tmp_path / "b.jsonl", weights)])
        assert own.exit_code == 0, own.output
        assert own.output.startswith(f"{final / CALIBRATION}: temperature fitted on ")
        (final / CALIBRATION).rename(tmp_path / "kept.json")
    elsewhere = [*words[:-2], "--out", str(tmp_path / "out.json"), str(tmp_path / "b.jsonl")]
    assert CliRunner().invoke(training, elsewhere).exit_code == 0
    assert read_calibration(tmp_path / "out.json") == read_calibration(tmp_path / "kept.json")
