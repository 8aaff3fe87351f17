"""The shipped tiny base binds letters to texts: on fresh cases of its own kind of worlds. FICTIONAL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.snapshot import read_snapshot
from corpus.splits import Ratios, Split
from evaluation import metrics
from evaluation.baselines import uniform_shares
from evaluation.levels import Level, levels_of
from evaluation.metrics import forecasts
from evaluation.pairing import pair_given
from evaluation.prediction import Mode
from runs.make_tiny_base import build, recipe, true_months, with_months
from training.bases import TINY, TINY_FOLDER
from training.dataset import Chain, chains_of, dialogue_of
from training.dialogue import Style, TurnKind, turns_of
from training.encoding import Encoder
from training.inference import ProbabilityTreeInference
from training.models import load_tokenizer
from training.predict import Job, predictions
from training.runfolder import MANIFEST, folder_hashes, read_json
from training.synthetic import synthetic_cases, write_synthetic
from training.trees import Effort

CASES, UNSEEN = 60, 77


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("tiny") / "cases"
    write_synthetic(folder, recipe(CASES, seed=UNSEEN), Ratios(train=0.1, validation=0.1, test=0.8))
    return Job(read_snapshot(folder), Split.TEST, (Mode.GIVEN,), TINY, effort=Effort(orders=2))


def test_its_letters_stand_for_its_texts(held_out: Job) -> None:
    torch.set_num_threads(1)
    levels = levels_of(held_out.snapshot).of(Split.TEST)
    inference = ProbabilityTreeInference(TINY)
    pairs = pair_given(list(predictions(inference.engine, held_out)), levels)
    outcomes = [int(o) for o in pairs.forecasts.outcome_N]
    uniform = forecasts([uniform_shares(level) for level in pairs.levels], outcomes)
    best = forecasts([truth_of(level) for level in pairs.levels], outcomes)
    loss, none, least = (float(metrics.log_loss(pack).mean()) for pack in (pairs.forecasts, uniform, best))
    assert len(levels) > CASES / 2
    assert (none - loss) / (none - least) > 0.5, f"model {loss}, uniform {none}, best possible {least}"


def truth_of(level: Level) -> tuple[float, ...]:
    """The true probabilities, which a synthetic level has."""
    assert level.truth is not None
    return level.truth


def test_a_dialogue_is_short_and_every_event_one_token(held_out: Job) -> None:
    encoder = Encoder(load_tokenizer(TINY))
    lengths = [
        len(encoder.encode(dialogue_of(chain, Style(), 0, 0)))
        for chain in chains_of(held_out.snapshot, Split.TEST)
    ]
    assert np.mean(lengths) < 140
    words = {o.event.split()[1] for case in held_out.snapshot.cases for o in case.outcomes if o.event}
    assert {len(encoder.text(f" {word}")) for word in words} == {1}


def test_it_is_under_ten_megabytes() -> None:
    assert sum(path.stat().st_size for path in TINY_FOLDER.iterdir()) < 10_000_000


def test_its_recipe_makes_a_base_that_forecasts(held_out: Job, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    build(tmp_path / "work", 16, tmp_path / "base")
    stated = read_json(tmp_path / "base" / MANIFEST)
    assert stated is not None
    assert stated["files"] == folder_hashes(tmp_path / "base")
    inference = ProbabilityTreeInference(str(tmp_path / "base"))
    line = next(predictions(inference.engine, held_out))
    assert sum(c.probability for c in line.candidates) + line.remainder == pytest.approx(1.0)


def test_it_learns_the_months_as_they_truly_fall() -> None:
    case = next(c for c in synthetic_cases(recipe(9, seed=UNSEEN)) if c.outcomes[0].event)
    shown = dialogue_of(Chain(case, len(case.outcomes)), Style(), 0, 0)
    months = true_months(case)
    turns = list(turns_of(with_months(shown, months), TurnKind.WHEN))
    assert turns
    assert [turn.target for turn in turns] == [months[turn.depth] for turn in turns]
    assert all(max(turn.target) < 1.0 and sum(turn.target) == pytest.approx(1.0) for turn in turns)
