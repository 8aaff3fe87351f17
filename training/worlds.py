"""Small causal worlds whose true probabilities are known, to measure what a forecaster has learnt.

A world has layers of actions, one layer a depth. After an action, each of its successors in the next layer
is due at its own rate a day; the moods named in the context multiply the rates. Whichever comes first is
the outcome; if none comes by the horizon, Z is. So, exactly (competing risks in discrete time):

    P(j first)            = share_j · (1 − (1−h)^D)      h: sum of the daily rates, D: days to the horizon
    P(none)               = (1−h)^D
    P(j on day t | some)  = h(1−h)^(t−1) / (1 − (1−h)^D)  whichever j

Names are drawn anew for each case, so that cases do not belong to one family by their wording. Two worlds of
different seeds share words and form but no rate. FICTIONAL throughout; says nothing about history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from corpus.case import MAX_DEPTH
from corpus.dates import EventDate, horizon_end, months_between
from training.dialogue import when_steps

_DEEDS = (
    "Sale Closure Opening Taxing Lease Purchase Guarding Flooding Draining Mapping Funding Audit Sealing Renewal "
    "Raising Clearing Ban Freeing Joining Blessing"
).split()
_OBJECTS = (
    "grain harbour canal border mint railway mine archive forest bridge granary lighthouse customs river "
    "market academy fortress quarry ferry dockyard"
).split()
_SYLLABLES = (
    "ba be bo da de do fa fe fo ga ge go ka ke ko la le lo ma me mo na ne no pa pe po ra re ro sa se so ta te to"
).split()
MOODS = ("calm", "strained", "hopeful")
ACTIONS_PER_LAYER, SUCCESSORS = 6, (3, 4, 5)


@dataclass(frozen=True)
class Fork:
    """What may follow one action in one mood."""

    actions: tuple[int, ...]
    daily_rates: tuple[float, ...]

    @property
    def hazard(self) -> float:
        """Chance that one of them happens on a given day, none having happened before."""
        return sum(self.daily_rates)


@dataclass(frozen=True)
class World:
    """Phrases by layer, and a fork for each (layer, action, mood)."""

    seed: int
    phrases: tuple[tuple[str, ...], ...]
    forks: dict[tuple[int, int, int], Fork]

    def fork(self, layer: int, action: int, mood: int) -> Fork:
        """What may follow `action` of `layer`."""
        return self.forks[layer, action, mood]


def make_world(seed: int, depth: int = 3, horizon_months: int = 24) -> World:
    """The world of a seed, `depth` levels deep; the same seed gives the same world."""
    rng = np.random.default_rng([20_240_101, seed])
    layers = min(depth, MAX_DEPTH) + 1
    pairs = rng.permutation(len(_DEEDS) * len(_OBJECTS))[: layers * ACTIONS_PER_LAYER]
    phrases = [f"{_DEEDS[p % len(_DEEDS)]} of the {_OBJECTS[p // len(_DEEDS)]}" for p in pairs]
    forks: dict[tuple[int, int, int], Fork] = {}
    for layer in range(layers - 1):
        for action in range(ACTIONS_PER_LAYER):
            forks |= _forks(rng, layer, action, horizon_months)
    grouped = tuple(
        tuple(phrases[i * ACTIONS_PER_LAYER : (i + 1) * ACTIONS_PER_LAYER]) for i in range(layers)
    )
    return World(seed, grouped, forks)


def _forks(
    rng: np.random.Generator, layer: int, action: int, horizon_months: int
) -> dict[tuple[int, int, int], Fork]:
    """Rates of one action's successors: uneven shares, tilted by the mood, and a pace of the action's own."""
    count = int(rng.choice(SUCCESSORS))
    actions = tuple(int(a) for a in rng.permutation(ACTIONS_PER_LAYER)[:count])
    lean = rng.normal(0.0, 1.2, count)
    events_by_horizon = rng.uniform(0.7, 4.0)
    found = {}
    for mood in range(len(MOODS)):
        shares = np.exp(lean + rng.normal(0.0, 0.8, count))
        pace = events_by_horizon * np.exp(rng.normal(0.0, 0.4)) / (horizon_months * 30.44)
        rates = pace * shares / shares.sum()
        found[layer, action, mood] = Fork(actions, tuple(float(rate) for rate in rates))
    return found


def new_name(rng: np.random.Generator) -> str:
    """A name of two invented words."""
    words = ["".join(rng.choice(_SYLLABLES) for _ in range(3)).capitalize() for _ in range(2)]
    return " ".join(words)


def days_within(parent: date, horizon_months: int) -> int:
    """Days after `parent` on which an outcome still counts."""
    return (horizon_end(EventDate(parent), horizon_months) - parent).days


def probabilities(fork: Fork, days: int) -> tuple[tuple[float, ...], float]:
    """True probability of each successor to come first within `days`, and of none."""
    none = (1.0 - fork.hazard) ** days
    return tuple(rate / fork.hazard * (1.0 - none) for rate in fork.daily_rates), none


def draw(rng: np.random.Generator, fork: Fork, days: int) -> tuple[int, int] | None:
    """Index of the successor that comes first and its day (1..days); None where none comes."""
    day = int(rng.geometric(fork.hazard))
    which = int(rng.choice(len(fork.actions), p=np.asarray(fork.daily_rates) / fork.hazard))
    return None if day > days else (which, day)


def when_probabilities(hazard: float, parent: date, horizon_months: int) -> tuple[float, ...]:
    """True shares of the *when* steps, given that something happens within the horizon."""
    steps = when_steps(horizon_months)
    days = days_within(parent, horizon_months)
    shares = np.zeros(len(steps))
    start = EventDate(parent)
    for day in range(1, days + 1):
        months = months_between(start, EventDate(parent + timedelta(days=day)))
        step = next((i for i, limit in enumerate(steps) if months <= limit), len(steps) - 1)
        shares[step] += hazard * (1.0 - hazard) ** (day - 1)
    return tuple(float(share) for share in shares / shares.sum())
