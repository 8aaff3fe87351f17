"""Can an answer earn more than an honest one under the configured rewards? A search, before anything is trained.

Over random levels whose probabilities are known it compares the expected reward of the honest answer (the
likeliest events, honest probabilities) with that of each attack of `training.reward_attacks`, and of random chains of
edits. Expectations are exact: they sum over everything that can happen. An attack is an exploit where it beats
honesty on any level, or where on average it loses nothing by being dishonest.

Does not cover: a forecaster that is not honest (the scored model may err; then a list that plays to its errors
can earn more, which its own proper score limits).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.errors import InvalidInput
from evaluation.matching import Matcher
from training.reward_attacks import ANSWERS, FORECASTS, Answer, Floats, Truth, edited, random_truth
from training.rewards import Asked, meanings, read_list, rewards_of

LEVELS = 60
EDITS = 12
"""Random chains of edits tried on each level."""
SLACK = 1e-6
"""Below this a difference is rounding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One attack over all levels."""

    attack: str
    tried: int
    mean_gain: float
    """Expected reward of the attack minus that of honesty."""
    largest_gain: float
    beats_honesty: bool
    example: str
    """The answer that gained most (for other probabilities: those)."""


@dataclass(frozen=True)
class LintReport:
    """What the search found, the most dangerous attack first."""

    weights: Mapping[str, float]
    honest: float
    """Mean expected reward of honesty."""
    findings: tuple[Finding, ...]

    @property
    def exploits(self) -> tuple[Finding, ...]:
        """Attacks that beat honesty."""
        return tuple(finding for finding in self.findings if finding.beats_honesty)


def lint(
    weights: Mapping[str, float],
    branches: int,
    levels: int = LEVELS,
    seed: int = 0,
    matcher: Matcher | None = None,
) -> LintReport:
    """Search `levels` random levels for answers that beat honest ones."""
    judge = _Judge(weights, matcher or Matcher())
    rng = random.Random(f"lint/{seed}")
    gains: dict[str, list[tuple[float, str]]] = defaultdict(list)
    honest: list[float] = []
    for _ in range(levels):
        truth = random_truth(rng, branches)
        base = judge.honest(truth)
        honest.append(base)
        for name, worth, example in _attacked(judge, truth, rng):
            gains[name].append((worth - base, example))
    findings = [_finding(name, found) for name, found in gains.items()]
    findings.sort(key=lambda finding: (not finding.beats_honesty, -finding.largest_gain))
    return LintReport(dict(weights), float(np.mean(honest)), tuple(findings))


def require_honest(weights: Mapping[str, float], branches: int, levels: int = LEVELS) -> LintReport:
    """The report of `lint`; raises InvalidInput naming the exploit where there is one."""
    report = lint(weights, branches, levels)
    if report.exploits:
        worst = report.exploits[0]
        raise InvalidInput(
            f"With grpo.rewards ({_told(weights)}) an answer of kind {worst.attack!r} earns at least as much as an "
            "honest one; see `training lint-rewards`, and give calibration or sharpness more weight."
        )
    return report


def _told(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in weights.items())


def _finding(attack: str, found: Sequence[tuple[float, str]]) -> Finding:
    largest, example = max(found)
    mean = sum(gain for gain, _ in found) / len(found)
    beats = largest > SLACK or mean > -SLACK
    return Finding(attack, len(found), mean, largest, beats, example)


@dataclass(frozen=True)
class _Judge:
    """Expected rewards on levels whose probabilities are known."""

    weights: Mapping[str, float]
    matcher: Matcher

    def honest(self, truth: Truth) -> float:
        """Of the honest answer."""
        return self.expected(truth, truth.honest, self.shares(truth, truth.honest))

    def shares(self, truth: Truth, texts: Sequence[str]) -> Floats:
        """What an honest forecaster gives to each text and to Z: an event's probability, shared by its copies."""
        meant = meanings(texts, truth.events, self.matcher)
        q = [0.0 if m is None else float(truth.p[m]) / meant.count(m) for m in meant]
        return np.array([*q, 1.0 - sum(q)])

    def expected(self, truth: Truth, texts: Sequence[str], q: Floats) -> float:
        """Sum over everything that can happen of its probability times the reward."""
        meant = meanings(texts[: truth.branches], truth.events, self.matcher)
        total = 0.0
        for happened, p in enumerate(truth.p):  # the last one is Z: nothing happens
            asked = Asked(
                truth.events, happened if happened < len(truth.events) else None, truth.above, truth.branches
            )
            total += float(p) * rewards_of(texts, q.tolist(), meant, asked).total(self.weights)
        return total

    def answered(self, truth: Truth, answer: Answer) -> float:
        """Of any answer, read by an honest forecaster."""
        texts = read_list(answer.text, answer.ended)
        return self.expected(truth, texts, self.shares(truth, texts[: truth.branches]))


def _attacked(judge: _Judge, truth: Truth, rng: random.Random) -> list[tuple[str, float, str]]:
    """Name, expected reward and example of each attack on one level."""
    found = []
    for name, make in ANSWERS.items():
        answer = make(truth)
        found.append((name, judge.answered(truth, answer), answer.text))
    for _ in range(EDITS):
        answer = edited(truth, rng)
        found.append(("random edits", judge.answered(truth, answer), answer.text))
    q = judge.shares(truth, truth.honest)
    for name, bend in FORECASTS.items():
        bent = bend(q)
        found.append(
            (f"forecast: {name}", judge.expected(truth, truth.honest, bent), str(bent.round(3).tolist()))
        )
    return found
