"""One level forecast: propose, weigh over a few orders, date. What trees and predictions are made of.

A history is the tokens of a dialogue up to where the assistant answers a propose turn. Weighing shows the same
candidates in several orders and averages, since models favour places in a list; the standard deviation over
the orders is the spread. Everything is deterministic under the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from corpus.rules.levels import says_the_same
from evaluation.calibration import CalibrationFile
from evaluation.metrics import forecasts
from evaluation.prediction import WhenShare
from training.dialogue import (
    ASK_WEIGH,
    ASK_WHEN,
    CANDIDATE_LETTERS,
    LETTERS,
    REMAINDER,
    first_ask,
    listed,
    next_ask,
    one_line,
    when_steps,
)
from training.encoding import Encoder
from training.engine import Engine, Floats, LetterQuestion, Sampling

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Weighed:
    """The forecast of one level; index k is candidate k, the last one Z."""

    texts: tuple[str, ...]
    probabilities: tuple[float, ...]
    """K candidates and Z, summing to 1."""
    spread: tuple[float, ...]
    """Standard deviation over orders, of the candidates and Z; empty with one order."""
    when: tuple[tuple[float, ...], ...]
    """For each candidate shares over the steps of months, given that it happens first."""
    months: tuple[int, ...]
    """The steps."""

    def when_shares(self, k: int) -> tuple[WhenShare, ...]:
        """The *when* distribution of candidate k as the prediction format has it."""
        return tuple(
            WhenShare(within_months=step, probability=share)
            for step, share in zip(self.months, self.when[k], strict=True)
        )

    def median_months(self, k: int) -> int:
        """The smallest step within which candidate k happens with even odds, if it does."""
        reached = np.cumsum(self.when[k]) >= 0.5
        return self.months[int(np.argmax(reached)) if reached.any() else -1]


def start(encoder: Encoder, event: str, context: Sequence[str], as_of: object, horizon_months: int) -> Tokens:
    """The history of a seed event; `as_of` is a date."""
    return tuple(encoder.ask(first_ask(event, context, as_of, horizon_months), first=True))  # type: ignore[arg-type]


def below(
    encoder: Encoder,
    history: Tokens,
    texts: Sequence[str],
    k: int,
    horizon_months: int,
    step: int,
    depth: int,
) -> Tokens:
    """The history of the level below candidate k, which happens within step `step`; `depth` is the new level's."""
    letter = CANDIDATE_LETTERS[k]
    told = [
        *_asked(encoder, history, texts),
        *encoder.letter(k),
        *encoder.ask(ASK_WHEN),
        *encoder.letter(step),
        *encoder.ask(next_ask(letter, texts[k], when_steps(horizon_months)[step], depth)),
    ]
    return tuple(told)


def _asked(encoder: Encoder, history: Tokens, texts: Sequence[str]) -> list[int]:
    """The history with a list and the question which of it comes first."""
    return [*history, *encoder.lines(listed(texts)), encoder.end, *encoder.ask(ASK_WEIGH)]


def propose(engine: Engine, history: Tokens, branches: int, sampling: Sampling) -> list[str]:
    """Distinct candidates of the model's own, at most `branches`, in the order of being written."""
    lists = engine.write_lists(history, branches, replace(sampling, seed=own_seed(sampling.seed, history)))
    return merged((text for texts in lists for text in texts), branches)


def own_seed(seed: int, history: Tokens) -> int:
    """A seed (31 bits) for this history: under one seed for all, every level would be drawn with the same luck."""
    return int.from_bytes(blake2b(f"{seed}/{history}".encode(), digest_size=4).digest()) >> 1


def merged(texts: Iterable[str], branches: int) -> list[str]:
    """The first `branches` texts that do not say the same as one before them."""
    kept: list[str] = []
    for text in map(one_line, texts):
        if text and not any(says_the_same(text, other) for other in kept):
            kept.append(text)
    return kept[:branches]


def weigh(
    engine: Engine, history: Tokens, texts: Sequence[str], horizon_months: int, orders: int, seed: int
) -> Weighed:
    """Probabilities of K texts and Z over `orders` orders, and when each would happen."""
    by_candidate = shares_over_orders(engine, history, [texts], orders, seed)[0]
    mean = by_candidate.mean(axis=0)
    asked = tuple(_asked(engine.encoder, history, texts))
    return Weighed(
        texts=tuple(texts),
        probabilities=tuple(float(p) for p in mean / mean.sum()),
        spread=tuple(float(s) for s in by_candidate.std(axis=0)) if len(by_candidate) > 1 else (),
        when=_when(engine, asked, len(texts), horizon_months),
        months=when_steps(horizon_months),
    )


def shares_over_orders(
    engine: Engine, history: Tokens, lists: Sequence[Sequence[str]], orders: int, seed: int
) -> list[Floats]:
    """For each list its candidates' shares and Z's, one row an order (orders, K + 1); all read in one call."""
    shown = [_orders(len(texts), orders, seed) for texts in lists]
    questions = [
        LetterQuestion(
            tuple(_asked(engine.encoder, history, [texts[k] for k in order])[len(history) :]),
            CANDIDATE_LETTERS[: len(texts)] + REMAINDER,
        )
        for texts, of_list in zip(lists, shown, strict=True)
        for order in of_list
    ]
    read = iter(engine.letters(history, questions))
    return [np.stack([_back(next(read), order) for order in of_list]) for of_list in shown]


def _orders(count: int, orders: int, seed: int) -> list[list[int]]:
    """The order as given, then rotations of shuffles; each candidate visits several places."""
    rng = random.Random(f"orders/{seed}")
    found = [list(range(count))]
    while len(found) < orders:
        order = list(range(count))
        rng.shuffle(order)
        found.append(order)
    return found


def _back(shares: Floats, order: Sequence[int]) -> Floats:
    """Shares of a shuffled list in the order of the candidates, Z last."""
    found = np.empty_like(shares)
    for place, k in enumerate(order):
        found[k] = shares[place]
    found[-1] = shares[-1]
    return found


def _when(engine: Engine, asked: Tokens, count: int, horizon_months: int) -> tuple[tuple[float, ...], ...]:
    letters, encoder = LETTERS[: len(when_steps(horizon_months))], engine.encoder
    questions = [LetterQuestion((*encoder.letter(k), *encoder.ask(ASK_WHEN)), letters) for k in range(count)]
    return tuple(tuple(float(share) for share in shares) for shares in engine.letters(asked, questions))


def calibrated(weighed: Weighed, stored: CalibrationFile | None, *, own_list: bool) -> Weighed:
    """The forecast bent by a stored calibration.

    Lists of the model's own take Z's shift, which was fitted on such lists, where there is one; else, and for
    given lists, the calibrator.
    """
    if stored is None:
        return weighed
    shares = list(weighed.probabilities)
    if own_list and stored.remainder is not None:
        branches, z = stored.remainder.apply(shares[:-1], shares[-1])
        shares = [*branches, z]
    elif stored.calibrator is not None:
        packed = stored.calibrator.apply_levels(forecasts([shares], [0]))
        shares = [float(p) for p in packed.probability_NK[0]]
    return replace(weighed, probabilities=tuple(shares))
