"""What a person sees: a dialogue with its learnt turns coloured, a tree with Z last. FICTIONAL."""

from __future__ import annotations

import random

import pytest

from evaluation.tree import ProbabilityTree, TreeNode
from tests.builders import sound_case
from training.commands.ask import show
from training.commands.data import rendered
from training.dialogue import Style, build_dialogue
from training.template import PLAIN


def test_learnt_turns_are_coloured_and_others_are_not() -> None:
    text = rendered(build_dialogue(sound_case(), Style(shuffle=False), random.Random(0)), PLAIN)
    coloured = {style: text.plain[start:end] for start, end, style in text.spans}
    assert coloured["green"].startswith("A) The Ruritanian crown falls")
    assert coloured["yellow"] == "B"
    assert "User: Which one?\nAssistant:\nA   (A 100%)" in text.plain


def test_a_tree_shows_the_likeliest_first_and_z_last(capsys: pytest.CaptureFixture[str]) -> None:
    low, high = (
        TreeNode(event=name, probability=p, path_probability=p, spread=0.02, months=3)
        for name, p in (("The crown rises", 0.2), ("The crown [red]falls\x1b", 0.7))
    )
    show(ProbabilityTree(seed="The rate rises", remainder=0.1, branches=(low, high), model="m"))
    lines = capsys.readouterr().out.splitlines()
    assert "70% ± 2% The crown [red]falls, path 70.0%, within 3 months" in lines[1]
    assert "20% ± 2% The crown rises" in lines[2]
    assert "10% Z: none of them" in lines[3]
    assert "\x1b" not in "".join(lines)
