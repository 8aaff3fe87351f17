"""Trees: what is one, and what it scores on one case."""

from __future__ import annotations

import math
from typing import Any

import pytest

import evaluation
from corpus.errors import InvalidInput
from evaluation.matching import Stage
from evaluation.prediction import check_predictions
from evaluation.tree import ProbabilityTree, TreeEvaluator, TreeNode
from tests.builders import sound_case


def tree(**changes: Any) -> ProbabilityTree:
    """FICTIONAL: a closed harbour, two branches, one of them expanded."""
    child = TreeNode(event="The fleet returns to port", probability=0.8, path_probability=0.48)
    fields: dict[str, Any] = {
        "seed": "Borduria closes its harbour", "remainder": 0.1, "model": "FICTIONAL",
        "branches": (
            TreeNode(event="Grain exports stop", probability=0.6, path_probability=0.6, remainder=0.2,
                     branches=(child,), months=3, spread=0.02),
            TreeNode(event="The guild protests", probability=0.3, path_probability=0.3),
        ),
    }  # fmt: skip
    return ProbabilityTree(**(fields | changes))


def test_a_tree_is_scored_on_the_events_that_happened() -> None:
    found = TreeEvaluator().evaluate(
        tree(), ["Grain exports stop", "The fleet returns to port", "A comet falls"]
    )
    assert [level.stage for level in found.levels] == [Stage.EXACT, Stage.EXACT, Stage.NONE]
    assert [level.probability for level in found.levels] == pytest.approx([0.6, 0.48, 0.0])
    loss = -(math.log(0.6) + math.log(0.48) + math.log(0.01)) / 3
    assert found.event_loss == pytest.approx(loss)
    assert found.event_perplexity == pytest.approx(math.exp(loss))
    assert found.match_coverage == pytest.approx(2 / 3)
    assert "depth 3: none p=0.000" in str(found)


def test_a_case_is_ground_truth_and_json_is_a_tree() -> None:
    case = sound_case()
    guess = tree(
        branches=(TreeNode(event=case.outcomes[0].event or "", probability=0.9, path_probability=0.9),)
    )
    assert TreeEvaluator().evaluate(guess.model_dump(mode="json"), case).levels[0].probability == 0.9
    nothing = TreeEvaluator().evaluate(guess, [])
    assert (nothing.event_loss, nothing.match_coverage) == (None, None)
    assert "not scored" in str(nothing)


def test_the_package_hands_out_the_evaluator() -> None:
    assert evaluation.TreeEvaluator is TreeEvaluator


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"remainder": 0.5}, "sum to 1.4"),
        (
            {"branches": [{"event": "A", "probability": 0.9, "path_probability": 0.5}]},
            "differs from its probability",
        ),
        ({"seed": ""}, "seed"),
    ],
)
def test_what_is_no_tree_is_refused_in_a_sentence(fault: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        TreeEvaluator().evaluate(tree().model_dump(mode="json") | fault, ["A"])
    with pytest.raises(InvalidInput, match="is one text"):
        TreeEvaluator().evaluate(tree(), "A")


def test_children_need_a_remainder_and_the_right_path_probability() -> None:
    child = {"event": "B", "probability": 0.5, "path_probability": 0.25}
    with pytest.raises(ValueError, match="need a remainder"):
        TreeNode(event="A", probability=0.5, path_probability=0.5, branches=(TreeNode(**child),))
    with pytest.raises(ValueError, match=r"its parent's times its own is 0\.2500"):
        TreeNode(
            event="A", probability=0.5, path_probability=0.5, remainder=0.5,
            branches=(TreeNode(**child | {"path_probability": 0.5}),),
        )  # fmt: skip


def test_a_tree_becomes_lines_of_a_prediction_file() -> None:
    rows = check_predictions(tree().to_predictions("c1", "h")).rows
    assert [(row.depth, row.parent_branch, row.remainder) for row in rows] == [
        (1, (), 0.1), (2, ("Grain exports stop",), 0.2)
    ]  # fmt: skip
    assert tree().depth == 2
    assert [path for path, _ in tree().walk()][:2] == [
        ("Grain exports stop",), ("Grain exports stop", "The fleet returns to port")
    ]  # fmt: skip
