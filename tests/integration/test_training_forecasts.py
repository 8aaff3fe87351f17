"""Forecasting with a real model in this process: cache, format, determinism, trees, predictions. FICTIONAL."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.errors import InvalidInput
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Split
from evaluation.calibrating import fit_on
from evaluation.calibration import CalibrationFile, CalibratorKind, RemainderShift, TemperatureCalibrator
from evaluation.levels import levels_of
from evaluation.matching import Matcher
from evaluation.prediction import Mode, check_predictions
from evaluation.tree import TreeEvaluator
from tests.tiny_models import FAMILIES, chains, encoder, random_model
from training.dataset import dialogue_of
from training.dialogue import Style
from training.engine import LetterQuestion, Sampling
from training.forecasting import below, merged, start, weigh
from training.inference import ProbabilityTreeInference
from training.list_grammar import parse
from training.local_engine import TransformersEngine
from training.predict import Job, predictions
from training.synthetic import Recipe, write_synthetic
from training.trees import Effort, Expansion, Question

EVENT, FACTS, DAY = "Port Velora raises the grain", ("The mood in Port Velora is calm.",), date(1950, 3, 1)


def engine(family: str = "llama", caches: int = 8) -> TransformersEngine:
    return TransformersEngine(random_model(family), encoder().tokenizer, caches)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("synthetic") / "world"
    write_synthetic(folder, Recipe(40, (5,)))
    return read_snapshot(folder)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cached_prefix_gives_the_same_letters_as_reading_everything(family: str) -> None:
    cached, plain = engine(family), engine(family, caches=0)
    history = start(encoder(), EVENT, FACTS, DAY, 24)
    texts = ["Port Velora sells the mine", "Port Velora maps the harbour", "Port Velora opens the mint"]
    deeper = below(encoder(), history, texts, 1, 24, 2, 2)
    for tokens in (history, deeper, history):
        a, b = (weigh(used, tokens, texts, 24, 4, 0) for used in (cached, plain))
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-5)
        assert a.spread == pytest.approx(b.spread, abs=1e-5)
        assert np.asarray(a.when) == pytest.approx(np.asarray(b.when), abs=1e-5)
    assert cached.tokens_used < 0.5 * plain.tokens_used


@pytest.mark.parametrize("family", FAMILIES)
def test_letters_of_a_batch_are_those_of_a_plain_forward_pass(family: str) -> None:
    used = engine(family)
    example = encoder().encode(dialogue_of(chains(1)[0], Style(), 0, 0))
    first = example.letters[0]
    context, asked = tuple(example.input_ids[:20]), tuple(example.input_ids[20 : first.at + 1])
    letters = "ABZ"
    found = used.letters(context, [LetterQuestion(asked, letters), LetterQuestion(asked[:9], letters)])[0]
    logits = used.model(input_ids=torch.tensor([example.input_ids[: first.at + 1]])).logits[0, -1]
    ids = [encoder().letter_ids[i] for i in (0, 1, 25)]
    assert found == pytest.approx(logits[ids].softmax(-1).detach().numpy(), abs=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt-oss"])
def test_even_a_random_model_writes_lists_in_the_format(family: str) -> None:
    history = start(encoder(), EVENT, FACTS, DAY, 24)
    sampling = Sampling(lists=3, max_characters=12, seed=4)
    lists = engine(family).write_lists(history, 3, sampling)
    assert len(lists) == 3
    assert all(
        len(texts) <= 3 and all(text.strip() and "\n" not in text for text in texts) for texts in lists
    )
    assert lists == engine(family).write_lists(history, 3, sampling)
    assert lists != engine(family).write_lists(history, 3, Sampling(lists=3, max_characters=12, seed=5))


def test_a_list_is_read_back_from_its_lines() -> None:
    assert parse("A) one thing\nB) another\nnoise\nC)\n") == ["one thing", "another"]
    assert merged(["Rates rise", "rates  rise.", "", "Rates fall"], 4) == ["Rates rise", "Rates fall"]


class Scripted:
    """An engine that answers by rule: lists as written down, letters by fixed shares."""

    def __init__(self) -> None:
        self.encoder, self.tokens_used = encoder(), 0
        self.seeds: list[int] = []

    def letters(self, context: tuple[int, ...], questions: list[LetterQuestion]) -> list[np.ndarray]:
        rows = [np.arange(len(question.letters), 0.0, -1.0) for question in questions]
        return [row / row.sum() for row in rows]

    def write_lists(self, context: tuple[int, ...], lines: int, sampling: Sampling) -> list[list[str]]:
        self.seeds.append(sampling.seed)
        return [["The grain tax rises", "The mint closes", "The grain tax rises."], ["A war begins"]]


def test_a_tree_expands_the_likeliest_branch_first_down_to_the_floor() -> None:
    inference = ProbabilityTreeInference("scripted", engine=Scripted())
    question = Question(EVENT, FACTS, DAY, 24, depth=3, branches=3)
    found: list[Expansion] = list(inference.stream(question, Effort(orders=1, floor=0.1)))
    probabilities = [expansion.path_probability for expansion in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(p >= 0.1 for p in probabilities)
    assert found[0].weighed.texts == ("The grain tax rises", "The mint closes", "A war begins")
    tree = inference.generate_tree(EVENT, FACTS, DAY, 24, 3, 3, Effort(orders=1, floor=0.1))
    assert tree.remainder == pytest.approx(0.1)
    expanded = [node for _, node in tree.walk() if node.branches]
    assert len(expanded) == len(found) - 1
    assert all(node.path_probability >= 0.1 for node in expanded)
    assert tree.depth == 3
    assert TreeEvaluator().evaluate(tree, ["The mint closes"]).match_coverage == 1.0


def test_what_has_happened_on_a_path_is_no_candidate_below_it() -> None:
    inference = ProbabilityTreeInference("scripted", engine=Scripted())
    tree = inference.generate_tree("The mint closes", FACTS, DAY, 24, 3, 3, Effort(orders=1, floor=0.0))
    assert [node.event for node in tree.branches] == ["The grain tax rises", "A war begins"]
    assert [node.event for node in tree.branches[0].branches] == ["A war begins"]
    assert tree.branches[0].branches[0].branches == ()  # nothing new was written below it


def test_a_tree_whose_day_was_not_named_has_one() -> None:
    tree = ProbabilityTreeInference("scripted", engine=Scripted()).generate_tree(
        EVENT, {"mood": "calm", "gdp_growth": 1.5}
    )
    assert tree.as_of is not None
    assert tree.context == "mood: calm\ngdp growth: 1.5"
    assert tree.complete


def test_the_same_seed_gives_the_same_tree() -> None:
    trees = []
    for _ in range(2):
        inference = ProbabilityTreeInference("random", engine=engine())
        effort = Effort(orders=2, floor=0.2, sampling=Sampling(lists=2, max_characters=12, seed=3))
        trees.append(inference.generate_tree(EVENT, FACTS[0], DAY, 24, 2, 3, effort))
    assert trees[0] == trees[1]
    node = trees[0].branches[0]
    assert node.months in (1, 3, 6, 12, 24)
    assert node.spread is not None
    assert math.fsum(share.probability for share in node.when) == pytest.approx(1.0)


def test_each_level_is_drawn_with_luck_of_its_own() -> None:
    """Under one seed for all, every level would be drawn at the same quantiles: all lists long at once, or short."""
    engines = [Scripted(), Scripted(), Scripted()]
    for other, seed in zip(engines, (3, 3, 4), strict=True):
        effort = Effort(orders=1, floor=0.1, sampling=Sampling(seed=seed))
        ProbabilityTreeInference("scripted", engine=other).generate_tree(EVENT, FACTS, DAY, 24, 3, 3, effort)
    first, again, other_seed = (engine.seeds for engine in engines)
    assert first == again
    assert len({*first, *other_seed}) == len(first) + len(other_seed) > 4
    assert all(0 <= seed < 2**31 for seed in first)


def test_z_is_shifted_on_lists_of_the_models_own() -> None:
    inference = ProbabilityTreeInference("scripted", engine=Scripted())
    inference.calibration = CalibrationFile(
        remainder=RemainderShift(shift=2.0, misses=5, lists=9), calibrator=TemperatureCalibrator(temperature=2),
        model="scripted", snapshot_hash="x", split="validation", levels=9, answered_until=DAY,
    )  # fmt: skip
    tree = inference.generate_tree(EVENT, FACTS, DAY, 24, 1, 3, Effort(orders=1))
    assert tree.remainder == pytest.approx(1 / (1 + math.exp(-(math.log(0.1 / 0.9) + 2.0))))
    assert "Z shifted by +2.00" in tree.calibration


@pytest.mark.parametrize(
    ("change", "message"),
    [({"event": " "}, "event is empty"), ({"depth": 6}, "depth is 6"), ({"branches": 0}, "branches is 0")],
)
def test_a_wrong_question_is_refused(change: dict[str, object], message: str) -> None:
    asked = {"event": EVENT, "depth": 2, "branches": 3} | change
    with pytest.raises(InvalidInput, match=message):
        ProbabilityTreeInference("scripted", engine=Scripted()).generate_tree(**asked)  # type: ignore[arg-type]


def test_predictions_answer_every_level_in_every_mode_and_calibrate(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    effort = Effort(orders=2, floor=0.3, sampling=Sampling(lists=1, max_characters=10))
    job = Job(snapshot, Split.VALIDATION, tuple(Mode), "random", None, 3, 2, effort)
    rows = list(predictions(engine(), job))
    checked, asked = check_predictions(rows), levels_of(snapshot)
    levels = asked.of(Split.VALIDATION)
    for mode in (Mode.GIVEN, Mode.GENERATED):
        assert {(row.case_id, row.depth) for row in checked.of(mode)} == {level.key for level in levels}
    assert {row.case_id for row in checked.of(Mode.TREE)} == {level.case_id for level in levels}
    assert all(row.tokens and row.seconds is not None for row in checked.of(Mode.GIVEN))
    stored = fit_on(checked, asked, Split.VALIDATION, CalibratorKind.TEMPERATURE, Matcher())
    assert stored.levels == len(levels)
    assert stored.remainder is not None
    assert stored.remainder.lists == len(levels)
