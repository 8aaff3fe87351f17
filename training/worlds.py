"""Small causal worlds whose true probabilities are known, to measure what a forecaster has learnt.

A world has layers of actions, one layer a depth. After an action, each of its successors in the next layer
is due at its own rate a day; the moods named in the context multiply the rates. Whichever comes first is
the outcome; if none comes by the horizon, Z is. So, exactly (competing risks in discrete time):

    P(j first)            = share_j · (1 − (1−h)^D)      h: sum of the daily rates, D: days to the horizon
    P(none)               = (1−h)^D
    P(j on day t | some)  = h(1−h)^(t−1) / (1 − (1−h)^D)  whichever j

An event is an invented name and one word. The name is drawn anew for each case, so that cases do not belong to one
family by their wording. Two worlds of different seeds share words and form but no rate. FICTIONAL throughout; says
nothing about history.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from corpus.case import MAX_DEPTH
from corpus.dates import EventDate, horizon_end, months_between
from training.dialogue import when_steps

_EVENTS = (
    "abdication alliance amnesty anthem armistice auction audit bankruptcy banquet blizzard blockade boycott "
    "carnival census coronation coup crusade curfew decree drought duel eclipse election embargo epidemic "
    "exhibition exile expedition famine festival fire flood fog frost funeral gale harvest heatwave heist "
    "hurricane impeachment inquiry jubilee landslide lawsuit lockout lottery marathon migration meteor "
    "mutiny parade pardon pilgrimage plague plebiscite procession protest purge quake quarantine raid vigil "
    "rebellion referendum regatta relocation revolt riot robbery sabotage scandal secession shipwreck siege "
    "shortage smuggling stampede storm strike summit swindle tariff tournament treaty trial truce tsunami "
    "uprising verdict wedding whaling wildfire outage derailment evacuation"
).split()
_BEGIN = "Bar Bel Dor Fal Gar Hel Jor Kel Lor Mir Nor Pel Quin Ros Sel Tor Ul Ver Wes Zan".split()
_END = "ada aven bury dale eth ford gard holm ia low mere ness ock port rick stad thal um vik wick".split()
MOODS = ("calm", "strained", "hopeful")
ACTIONS_PER_LAYER, SUCCESSORS, APART = 6, (3, 4, 5), 4
LEAN, TILT, PACE = 1.2, 0.8, (0.7, 4.0)
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
    words = _events_of(seed)[: layers * ACTIONS_PER_LAYER].reshape(layers, -1)
    forks: dict[tuple[int, int, int], Fork] = {}
    for layer in range(layers - 1):
        pull = _pull(rng)
        for action in range(ACTIONS_PER_LAYER):
            count = int(rng.choice(SUCCESSORS))
            actions = rng.permutation(ACTIONS_PER_LAYER)[:count]
            for mood in range(len(MOODS)):
                forks[layer, action, mood] = _fork(pull, action, mood, actions, horizon_months)
    return World(seed, tuple(tuple(_EVENTS[i] for i in row) for row in words), forks)


@dataclass(frozen=True)
class _Pull:
    """What makes rates: for action a, mood m and successor b of one layer."""

    lean_AB: Floats
    """Logarithm of how much a favours b."""
    tilt_MB: Floats
    """Logarithm of how much m favours b."""
    pace_AM: Floats
    """Events to be expected by the horizon."""


def _pull(rng: np.random.Generator) -> _Pull:
    """Everything drawn for one layer of one world."""
    size = ACTIONS_PER_LAYER, len(MOODS)
    return _Pull(
        rng.normal(0.0, LEAN, (ACTIONS_PER_LAYER, ACTIONS_PER_LAYER)),
        rng.normal(0.0, TILT, (len(MOODS), ACTIONS_PER_LAYER)),
        rng.uniform(*PACE, (ACTIONS_PER_LAYER, 1)) * np.exp(rng.normal(0.0, 0.4, size)),
    )


def _fork(pull: _Pull, action: int, mood: int, successors: Ints, horizon_months: int) -> Fork:
    shares = np.exp(pull.lean_AB[action, successors] + pull.tilt_MB[mood, successors])
    rates = pull.pace_AM[action, mood] / (horizon_months * 30.44) * shares / shares.sum()
    return Fork(tuple(int(b) for b in successors), tuple(float(rate) for rate in rates))


def _events_of(seed: int) -> Ints:
    """The words of a world: those of `APART` consecutive worlds have none in common, up to depth 3."""
    block, place = divmod(seed, APART)
    order = np.random.default_rng([20_240_102, block]).permutation(len(_EVENTS))
    return np.asarray(np.roll(order, -place * (len(_EVENTS) // APART)), dtype=np.int64)


def new_name(rng: np.random.Generator) -> str:
    """An invented name."""
    return str(rng.choice(_BEGIN)) + str(rng.choice(_END))


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
    days, start = days_within(parent, horizon_months), EventDate(parent)

    def months(day: int) -> int:
        return months_between(start, EventDate(parent + timedelta(days=day)))

    last_days = [bisect_right(range(1, days + 1), step, key=months) for step in when_steps(horizon_months)]
    within = 1.0 - (1.0 - hazard) ** np.array([0, *last_days[:-1], days])
    return tuple(float(share) for share in np.diff(within) / within[-1])
