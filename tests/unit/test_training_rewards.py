"""Rewards by hand, their bounds, and the search for answers that beat honest ones. FICTIONAL."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidInput
from evaluation.matching import Matcher
from training.config import RewardWeights
from training.dialogue import listed
from training.reward_attacks import ANSWERS
from training.reward_lint import lint, require_honest
from training.rewards import LONGEST, Asked, coherence, diversity, meanings, read_list, rewards_of

EVENTS = (
    "The port of Velora closes",
    "The parliament of Velora passes the budget",
    "A strike begins in Velora",
)
DEFAULT = RewardWeights().model_dump()


def asked(happened: int | None) -> Asked:
    return Asked(EVENTS, happened, ("Velora raises the grain tax",), 4)


def test_the_terms_are_what_their_formulas_say() -> None:
    found = rewards_of(EVENTS[:2], [0.5, 0.3, 0.2], (0, 1), asked(0))
    assert found.calibration == pytest.approx(1 - 0.25 * ((0.5 - 1) ** 2 + 0.3**2))
    assert found.sharpness == pytest.approx((2 + 3 * 0.5**2 - 2 * 0.5**3 - 2 * 0.3**3) / 3)
    assert (found.diversity, found.coherence, found.hit) == (1.0, 1.0, True)
    missed = rewards_of(EVENTS[:2], [0.5, 0.3, 0.2], (0, 1), asked(2))
    assert missed.calibration == pytest.approx(1 - 0.25 * (0.5**2 + 0.3**2 + 3))
    assert not missed.hit
    nothing = rewards_of(EVENTS[:2], [0.5, 0.3, 0.2], (0, 1), asked(None))
    assert nothing.calibration == pytest.approx(1 - 0.25 * (0.5**2 + 0.3**2))
    assert found.total({"calibration": 2, "sharpness": 0, "diversity": 1, "coherence": 1}) == pytest.approx(
        2 * found.calibration + 2
    )


def test_lines_that_were_not_asked_for_cost_coherence_and_count_in_nothing_else() -> None:
    short = Asked(EVENTS, 0, (), 2)
    two, three = (rewards_of(EVENTS[:n], [0.5, 0.3, 0.2], (0, 1), short) for n in (2, 3))
    assert three.coherence == pytest.approx(2 / 3 * two.coherence)
    assert (three.calibration, three.sharpness, three.diversity) == (
        two.calibration,
        two.sharpness,
        two.diversity,
    )


def test_copies_count_once_in_the_scores_and_are_no_new_lines() -> None:
    whole = rewards_of(EVENTS[:1], [0.6, 0.4], (0,), asked(1))
    copied = rewards_of([EVENTS[0]] * 3, [0.2, 0.2, 0.2, 0.4], (0, 0, 0), asked(1))
    assert copied.calibration == pytest.approx(whole.calibration)
    assert copied.sharpness == pytest.approx(whole.sharpness)
    assert copied.coherence == pytest.approx(1 / 3)
    assert copied.diversity == 0.0
    strangers = ["A comet falls", "A comet falls."]
    apart = rewards_of(strangers, [0.3, 0.3, 0.4], (None, None), asked(0))
    assert apart.calibration == pytest.approx(1 - 0.25 * (0.6**2 + 3))


def test_a_text_means_the_event_it_is_nearest_to_and_a_text_of_all_means_none() -> None:
    every = " or ".join(EVENTS)
    texts = ("the port of Velora closes.", EVENTS[2], "Nothing to do with it", every)
    found = meanings(texts, EVENTS, Matcher())
    assert found[:3] == (0, 2, None)
    twins = ("In Velora the mint opens", "In Velora the mint opens again")
    assert meanings(("In Velora the mint opens",), (twins[0], twins[0]), Matcher()) == (None,)


def test_only_a_list_in_the_format_is_read() -> None:
    assert read_list(listed(EVENTS), True) == EVENTS
    for broken in (
        "",
        "A) x",
        "B) x\n",
        "A) x\n\n",
        "A) x\nC) y\n",
        "x\nA) y\n",
        f"A) {'x' * (LONGEST + 1)}\n",
    ):
        assert read_list(broken, True) == ()
    assert read_list(listed(EVENTS), False) == ()


def test_repeats_of_the_parent_or_of_a_line_are_not_coherent() -> None:
    assert coherence(EVENTS, ("Velora raises the grain tax",), 4) == 1.0
    assert coherence((*EVENTS, EVENTS[0]), (EVENTS[1],), 4) == 0.5
    assert coherence(EVENTS, (), 2) == pytest.approx(2 / 3)
    assert coherence((), (), 4) == 0.0
    assert diversity(()) == 0.0
    assert diversity(EVENTS[:1]) == 1.0


@given(
    shares=st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4),
    meant=st.permutations([0, 1, None]),
    happened=st.sampled_from([0, 1, 2, None]),
)
def test_every_term_stays_within_its_bounds(
    shares: list[float], meant: list[int | None], happened: int | None
) -> None:
    q = np.array(shares) / sum(shares)
    found = rewards_of(("A comet falls", *EVENTS[:2]), q, meant, asked(happened))
    for value in (found.calibration, found.sharpness, found.diversity, found.coherence):
        assert 0.0 <= value <= 1.0


@given(
    p=st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4),
    q=st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4),
)
def test_calibration_and_sharpness_are_proper(p: list[float], q: list[float]) -> None:
    """Expected over what can happen, honest probabilities earn at least as much as any others."""
    true, told = np.array(p) / sum(p), np.array(q) / sum(q)

    def expected(shares: np.ndarray, term: str) -> float:
        outcomes = [0, 1, 2, None]
        return sum(
            float(w) * getattr(rewards_of(EVENTS, shares, (0, 1, 2), asked(h)), term)
            for w, h in zip(true, outcomes, strict=True)
        )

    for term in ("calibration", "sharpness"):
        assert expected(true, term) >= expected(told, term) - 1e-12


def test_listing_one_more_event_pays_for_the_unlikely_too() -> None:
    """½ p + ¼ p² of calibration for an event of probability p, in expectation under honest probabilities."""
    p = 0.1

    def expected(texts: tuple[str, ...], shares: list[float], meant: tuple[int, ...]) -> float:
        outcomes = ((0.6, 0), (p, 1), (0.3, None))
        return sum(w * rewards_of(texts, shares, meant, asked(h)).calibration for w, h in outcomes)

    longer = expected(EVENTS[:2], [0.6, p, 0.3], (0, 1))
    assert longer - expected(EVENTS[:1], [0.6, 0.4], (0,)) == pytest.approx(p / 2 + p**2 / 4)


def test_the_shipped_rewards_pass_the_linter() -> None:
    report = require_honest(DEFAULT, 4)
    assert not report.exploits
    tried = {finding.attack for finding in report.findings}
    assert set(ANSWERS) <= tried
    assert "random edits" in tried
    assert all(finding.mean_gain < 0 for finding in report.findings)


@pytest.mark.parametrize(
    ("weights", "attack"),
    [
        ({"calibration": 0.0, "sharpness": 0.0}, "p=0: nonsense only"),
        ({"calibration": 0.0, "sharpness": 0.0, "diversity": 0.0}, "one-hot: only the likeliest"),
        (dict.fromkeys(DEFAULT, 0.0), "broken format: nothing at all"),
    ],
)
def test_rewards_that_pay_for_dishonesty_are_caught_by_name(weights: dict[str, float], attack: str) -> None:
    bad = DEFAULT | weights
    assert attack in [finding.attack for finding in lint(bad, 4, levels=20).exploits]
    with pytest.raises(InvalidInput, match="earns at least as much as an honest one"):
        require_honest(bad, 4, levels=20)
