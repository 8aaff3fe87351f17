"""The experiment's file: every key known, every value in range, written and read back the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from corpus.errors import InvalidFile
from training.config import Adapt, Experiment, Lora, Scoring, Stage, read_experiment


def test_the_defaults_are_the_seeds() -> None:
    found = Experiment()
    assert (found.lora.rank, found.sft.learning_rate, found.sft.epochs) == (64, 3e-4, 3)
    assert (found.sft.save_every, found.seed, found.sft.batch) == (50, 42, 1)
    assert found.lora.adapt is Adapt.ATTENTION


def test_a_file_says_what_the_object_says(tmp_path: Path) -> None:
    wanted = Experiment(name="a", base="tiny", lora=Lora(rank=8), sft=Stage(max_steps=7))
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(wanted.model_dump(mode="json")))
    assert read_experiment(tmp_path / "e.yaml") == wanted


def test_what_a_file_leaves_out_of_scoring_is_scorings_own_and_not_sfts(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("score: {epochs: 2, loss: {brier: 0.5}}")
    found = read_experiment(tmp_path / "e.yaml").score
    assert (found.epochs, found.learning_rate, found.orders) == (2, Scoring().learning_rate, 2)
    assert (found.loss.propose, found.loss.weigh, found.loss.brier) == (0.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("score: {batch: 3, accumulation: 1}", r"orders must divide batch · accumulation = 3, got 2"),
        ("lerning_rate: 1", r"lerning_rate: no such setting; see docs/training.md"),
        ("sft: {learning_rate: -1}", r"sft.learning_rate: Input should be greater than 0 \(got -1\)"),
        ("data: {without_happened: 0.5}", r"data.without_happened: Input should be less than"),
        (
            "lora: {adapt: attention_and_experts, dropout: 0.1}",
            r"dropout must be 0 with attention_and_experts",
        ),
        ("name: ../x", r"name: String should match pattern"),
        ("- a list", r"holds no settings"),
        ("a: [", r"is not YAML"),
    ],
)
def test_a_wrong_file_names_the_field(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(InvalidFile, match=message):
        read_experiment(tmp_path / "e.yaml")
    with pytest.raises(InvalidFile, match="does not exist"):
        read_experiment(tmp_path / "other.yaml")


def test_the_documentation_shows_every_setting_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    assert Experiment.model_validate(shown) == Experiment()
    defaults = Experiment().model_dump(mode="json")
    assert shown.keys() == defaults.keys()
    for section in ("data", "lora", "sft", "grpo"):
        assert shown[section].keys() == defaults[section].keys(), section
    for section in ("rewards", "alarms"):
        assert shown["grpo"][section].keys() == defaults["grpo"][section].keys(), section
    assert shown["sft"]["loss"].keys() == defaults["sft"]["loss"].keys()
