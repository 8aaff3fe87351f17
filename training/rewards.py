"""Rewards of a written list: calibration, sharpness, diversity, coherence. Pure functions, no torch.

A list is c_1 … c_K. A forecaster reads it and gives q_1 … q_K and Z (its *weigh* turn). The level's own
candidates are e_1 … e_N; one of them happened, or nothing did. `meanings` says which e a c tells of: the one
the matcher is surest of, none where two are equally likely meant, so that a text that names everything tells
of nothing. Candidates that tell of the same event are one: their q are added. With g over those groups,
p_g = Σ q over the group, h_g = 1 where the group tells of what happened, H = 1 where something happened:

    calibration   1 − ¼ [ Σ_g (p_g − h_g)²  +  3·H·(1 − max_g h_g) ]      in 0..1
                  the quadratic score of `evaluation` (mode generated), turned over, with a miss counted three
                  times: what happened and was not listed has probability 0, and no later turn can mend
                  it. Z is no term of it: a list of nonsense would make Z certain and right.
    sharpness     ⅓ [ 2 + Σ_g (3 p_g² h_g − 2 p_g³) ]                     in 0..1
                  the power score of exponent 3: as proper as the quadratic one, but confident and right counts
                  more. Entropy, or Σ p², would be paid for confidence alone.
    diversity     mean over pairs of min(1, d_ij / 0.15),  d = 1 − Jaccard of the content words
                  it saturates: two candidates that differ in a word or two are distinct enough, and nonsense
                  from far away earns nothing more. 1 for one candidate, 0 for none.
    coherence     share of lines that were asked for (the first `branches`, as a forecast reads them) and repeat
                  neither another line nor an event above; 0 unless the whole answer keeps to the format (letters in
                  order, no line too long). The other terms read the lines that were asked for.

Calibration and sharpness are strictly proper in q: whatever the forecaster believes, telling it earns most. In
expectation under honest q they grow by ½ p + ¼ p² and ⅓ p³ for each further event that is listed, so that covering
what can happen is what pays, the unlikely too. An answer out of format counts as an empty list.

Does not cover: whether an event truly follows from its parent (words cannot show it; the reference model, from
which the policy may not stray far, holds that), and coarse events, which a matcher may take for finer ones.
`training.reward_lint` searches for answers that beat honest ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from corpus.rules.levels import says_the_same
from corpus.text import content_words, jaccard
from evaluation.matching import Matcher
from training.dialogue import CANDIDATE_LETTERS, one_line

DISTINCT_AT = 0.15
"""Distance of two texts from which they are as distinct as can be asked."""
MISSED = 3.0
"""How much what happened and was not listed costs, times the square of its probability 1. Counted once, an event of
10 % would be worth ½ p² = 0.005, and lists stay short."""
LONGEST = 240
"""Characters of a candidate; forecasts hold their lists to the same."""
TERMS = ("calibration", "sharpness", "diversity", "coherence")
_LINE = re.compile(r"([A-Y])\) (\S.*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A level as the rewards see it."""

    candidates: tuple[str, ...]
    """The level's own, what happened among them."""
    happened: int | None
    """Index of what happened; None where nothing did."""
    above: tuple[str, ...]
    """The seed event and what happened below it, down to the parent."""
    branches: int
    """Candidates that a list may have."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """The four terms of one list, each in 0..1."""

    calibration: float
    sharpness: float
    diversity: float
    coherence: float
    hit: bool = False
    """Whether the list holds what happened; logged as match coverage, never rewarded by itself."""

    def total(self, weights: Mapping[str, float]) -> float:
        """The weighted sum."""
        return sum(weights[name] * float(getattr(self, name)) for name in TERMS)


def read_list(answer: str, ended: bool) -> tuple[str, ...]:
    """The candidates of an answer; empty where it leaves the format anywhere.

    `ended` says whether the answer came to its own end, before the limit of tokens.
    """
    if not ended or not answer.endswith("\n"):
        return ()
    lines = answer[:-1].split("\n")
    found = [_LINE.fullmatch(line) for line in lines]
    letters = "".join(match[1] for match in found if match)
    texts = tuple(match[2] for match in found if match)
    fits = len(texts) == len(lines) and letters == CANDIDATE_LETTERS[: len(texts)]
    return texts if fits and all(text == one_line(text) and len(text) <= LONGEST for text in texts) else ()


def meanings(texts: Sequence[str], candidates: Sequence[str], matcher: Matcher) -> tuple[int | None, ...]:
    """For each text the index of the level's own candidate that it tells of; None for none, or for a tie."""
    found = matcher.match_levels([(tuple(texts), candidate) for candidate in candidates])
    meant: list[int | None] = []
    for k in range(len(texts)):
        here = [level.branches[k] for level in found]
        sure = [match.confidence if match.found else 0.0 for match in here]
        best = max(sure, default=0.0)
        meant.append(sure.index(best) if best > 0.0 and sure.count(best) == 1 else None)
    return tuple(meant)


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that tell of one event."""

    p: float
    hit: bool


def _grouped(
    texts: Sequence[str], shares: Sequence[float], meant: Sequence[int | None], asked: Asked
) -> list[Group]:
    """Texts of one meaning together; those without one are together where they say the same."""
    heads: list[int] = []
    members: list[list[int]] = []
    for k, text in enumerate(texts):
        same = (
            i
            for i, head in enumerate(heads)
            if (meant[head] == meant[k] if meant[k] is not None else says_the_same(texts[head], text))
        )
        at = next(same, None)
        if at is None:
            heads.append(k)
            members.append([k])
        else:
            members[at].append(k)
    return [
        Group(sum(shares[k] for k in group), asked.happened is not None and meant[head] == asked.happened)
        for head, group in zip(heads, members, strict=True)
    ]


def calibration(groups: Sequence[Group], something_happened: bool) -> float:
    """1 − the quadratic score over the most that it can be; a miss counts `MISSED` times."""
    missed = something_happened and not any(group.hit for group in groups)
    return 1.0 - (sum((group.p - group.hit) ** 2 for group in groups) + MISSED * missed) / (1.0 + MISSED)


def sharpness(groups: Sequence[Group]) -> float:
    """The power score of exponent 3, brought into 0..1."""
    return (2.0 + sum(3.0 * group.p**2 * group.hit - 2.0 * group.p**3 for group in groups)) / 3.0


def diversity(texts: Sequence[str]) -> float:
    """Mean distance of the pairs, saturated at `DISTINCT_AT`; 1 for one text, 0 for none."""
    words = [frozenset(content_words(text)) for text in texts]
    pairs = [min(1.0, (1.0 - jaccard(a, b)) / DISTINCT_AT) for a, b in combinations(words, 2)]
    return sum(pairs) / len(pairs) if pairs else float(len(texts) > 0)


def coherence(texts: Sequence[str], above: Sequence[str], branches: int) -> float:
    """Share of the texts that were asked for and repeat nothing before or above them; 0 for an empty list."""
    new = [
        k < branches and not any(says_the_same(text, other) for other in (*texts[:k], *above))
        for k, text in enumerate(texts)
    ]
    return sum(new) / len(new) if new else 0.0


def rewards_of(
    texts: Sequence[str], shares: Sequence[float], meant: Sequence[int | None], asked: Asked
) -> Rewards:
    """All terms of one list: the texts of `read_list`, the forecaster's shares and the meanings of those asked for."""
    read = texts[: asked.branches]
    groups = _grouped(read, shares, meant, asked)
    return Rewards(
        calibration(groups, asked.happened is not None),
        sharpness(groups),
        diversity(read),
        coherence(texts, asked.above, asked.branches),
        any(group.hit for group in groups),
    )
