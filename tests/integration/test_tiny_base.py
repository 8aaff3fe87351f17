"""The shipped tiny base binds letters to texts: on fresh cases of its own kind of worlds. FICTIONAL."""

from __future__ import annotations

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
from runs.make_tiny_base import recipe
from training.bases import TINY, TINY_FOLDER
from training.dataset import chains_of, dialogue_of
from training.dialogue import Style
from training.encoding import Encoder
from training.inference import Effort, ProbabilityTreeInference
from training.models import load_tokenizer
from training.predict import Job, predictions
from training.synthetic import write_synthetic

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
