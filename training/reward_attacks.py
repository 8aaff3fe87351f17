"""Answers that try to earn more than honest ones, for `training.reward_lint`.

A `Truth` is a level whose probabilities are known: its events, what each is worth, the parent. The honest
answer lists the likeliest events, as many as are asked for, in the format, and the honest forecaster gives each its
probability. Two kinds of attack stand here: other answers (read by the same honest forecaster), and the
honest answer with other probabilities. Random answers are made by chaining edits.

Wordings are FICTIONAL. Does not cover: attacks on one particular model's weaknesses.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.dialogue import listed
from training.rewards import LONGEST

Floats = npt.NDArray[np.float64]
_PLACES = "Velora Tarmina Osk Brenia Calder Dovany Eskil Farrow".split()
_SUBJECTS = (
    "the central bank", "the parliament", "the port authority", "the miners' union", "the opposition",
    "the largest lender", "the constitutional court", "the trade ministry",
)  # fmt: skip
_DEEDS = (
    "raises its key rate by 25 basis points", "raises its key rate by 50 basis points", "cuts its key rate",
    "rejects the budget", "passes the budget", "closes the northern harbour", "calls a general strike",
    "devalues the currency", "bans grain exports", "dismisses the finance minister", "calls an early election",
    "signs a trade agreement with its neighbours", "defaults on its foreign debt", "nationalises the railway",
    "expels foreign envoys", "opens peace talks", "lets inflation rise above 10 percent", "freezes bank deposits",
)  # fmt: skip
_NONSENSE = (
    "Purple giraffes compose forty symphonies", "Quantum teapots orbit yesterday's marmalade",
    "Seven left gloves learn to whistle", "Moonlight is repealed by acclamation",
    "Cardboard volcanoes win at chess", "Sleepy thunder irons every umbrella",
)  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """A level of which everything is known."""

    events: tuple[str, ...]
    """The likeliest first."""
    p: Floats
    """Probability of each event to come first, and of none (last)."""
    above: tuple[str, ...]
    branches: int

    @property
    def honest(self) -> tuple[str, ...]:
        """The likeliest events, as many as are asked for."""
        return self.events[: self.branches]


@dataclass(frozen=True)
class Answer:
    """What a policy writes."""

    text: str
    ended: bool = True


def random_truth(rng: random.Random, branches: int) -> Truth:
    """A level of 2 to `branches` + 2 events, evenly likely or nearly certain, with more or less left to Z."""
    place, count = rng.choice(_PLACES), rng.randint(2, branches + 2)
    deeds = rng.sample(_DEEDS, min(count, len(_DEEDS)))
    one_subject = rng.random() < 0.3  # wordings that differ by a figure or a word only
    subject = rng.choice(_SUBJECTS)
    events = [f"In {place} {subject if one_subject else rng.choice(_SUBJECTS)} {deed}" for deed in deeds]
    draw = np.random.default_rng(rng.getrandbits(32))
    shares = draw.dirichlet(np.full(len(events) + 1, rng.choice([0.3, 1.0, 5.0])))
    order = np.argsort(-shares[:-1])
    above = (f"In {place} the government resigns",)
    return Truth(
        tuple(events[i] for i in order), np.array([*shares[:-1][order], shares[-1]]), above, branches
    )


def _plain(texts: Sequence[str]) -> Answer:
    return Answer(listed(texts))


def _short(text: str) -> str:
    return text[:LONGEST].strip()


def _sink(truth: Truth, word: str) -> Answer:
    return _plain([_short(word.join(truth.events))])


def _with_last(truth: Truth, text: str) -> Answer:
    return _plain([*truth.honest[:-1], text])


def _reworded(truth: Truth) -> Answer:
    fronts = (
        "",
        "It is reported that ",
        "As observers expected, ",
        "After long debate, ",
        "Once more, ",
        "At last ",
    )
    return _plain([f"{fronts[k % len(fronts)]}{truth.events[0]}" for k in range(truth.branches)])


def _everyone_elses_words(truth: Truth) -> Answer:
    return _plain(
        [_short(" and ".join([text, *(o for o in truth.events if o != text)])) for text in truth.honest]
    )


ANSWERS: dict[str, Callable[[Truth], Answer]] = {
    "one-hot: only the likeliest": lambda t: _plain(t.honest[:1]),
    "the least likely left out": lambda t: _plain(t.honest[:-1]),
    "hedge: one candidate names all (or)": lambda t: _sink(t, " or "),
    "hedge: one candidate names all (;)": lambda t: _sink(t, "; "),
    "hedge: the last two joined": lambda t: _plain([*t.honest[:-2], _short(" or ".join(t.events[-2:]))]),
    "hedge: something happens": lambda t: _plain([f"In {t.above[0].split()[1]} something happens"]),
    "hedge: none of these happens": lambda t: _with_last(t, "None of these happens"),
    "copies of the likeliest": lambda t: _plain([t.events[0]] * t.branches),
    "copies, reworded": _reworded,
    "p=0: nonsense only": lambda t: _plain(_NONSENSE[: t.branches]),
    "p=0: nonsense for the least likely": lambda t: _with_last(t, _NONSENSE[0]),
    "p=0: nonsense for all but the likeliest": lambda t: _plain(
        [t.events[0], *_NONSENSE[: len(t.honest) - 1]]
    ),
    "the parent again for the least likely": lambda t: _with_last(t, t.above[-1]),
    "long text: the others' words in each": _everyone_elses_words,
    "long text: over the limit": lambda t: _plain([f"{text} {'again and ' * 30}again" for text in t.honest]),
    "broken format: no letters": lambda t: Answer("".join(f"{text}\n" for text in t.honest)),
    "broken format: letters out of order": lambda t: Answer(
        "".join(listed(t.honest).splitlines(keepends=True)[::-1]) + "A) x\n"
    ),
    "broken format: no end": lambda t: Answer(listed(t.honest), ended=False),
    "broken format: chatter before the list": lambda t: Answer(f"Here is a list.\n{listed(t.honest)}"),
    "long list: more than was asked for": lambda t: _plain((*t.honest, *_NONSENSE)[: t.branches + 2]),
    "broken format: nothing at all": lambda t: Answer(""),
}  # fmt: skip
"""Answers in place of the honest one, read by an honest forecaster."""


def _tempered(p: Floats, power: float) -> Floats:
    raised = np.power(p, power)
    return np.asarray(raised / raised.sum(), dtype=np.float64)


def _one_hot(p: Floats, at: int) -> Floats:
    return np.eye(len(p))[at]


def _moved(p: Floats, source: int, target: int, share: float) -> Floats:
    q = p.copy()
    q[target] += share * q[source]
    q[source] *= 1.0 - share
    return q


FORECASTS: dict[str, Callable[[Floats], Floats]] = {
    "hedge: all alike": lambda q: np.full(len(q), 1.0 / len(q)),
    "hedge: flattened": lambda q: _tempered(q, 0.5),
    "hedge: a little flattened": lambda q: _tempered(q, 0.9),
    "overconfident: sharpened": lambda q: _tempered(q, 2.0),
    "overconfident: a little sharpened": lambda q: _tempered(q, 1.1),
    "one-hot on the likeliest": lambda q: _one_hot(q, int(np.argmax(q[:-1]))),
    "p=0 for the likeliest": lambda q: _moved(q, int(np.argmax(q[:-1])), len(q) - 1, 1.0),
    "p=0 for the least likely": lambda q: _moved(q, int(np.argmin(q[:-1])), int(np.argmax(q[:-1])), 1.0),
    "all on Z": lambda q: _one_hot(q, len(q) - 1),
    "nothing on Z": lambda q: _moved(q, len(q) - 1, int(np.argmax(q[:-1])), 1.0),
    "half of Z on the likeliest": lambda q: _moved(q, len(q) - 1, int(np.argmax(q[:-1])), 0.5),
}
"""Other probabilities for the honest answer; the last one is Z's."""

_EDITS: dict[str, Callable[[list[str], Truth, random.Random], list[str]]] = {
    "drop": lambda texts, t, rng: rng.sample(texts, max(1, len(texts) - 1)),
    "copy": lambda texts, t, rng: [*texts, rng.choice(texts)],
    "nonsense": lambda texts, t, rng: [*texts[:-1], rng.choice(_NONSENSE)],
    "pad": lambda texts, t, rng: [*texts, rng.choice(_NONSENSE)],
    "join": lambda texts, t, rng: [_short(f"{texts[0]} or {rng.choice(t.events)}"), *texts[1:]],
    "vague": lambda texts, t, rng: [*texts[:-1], " ".join(rng.choice(texts).split()[:5])],
    "parent": lambda texts, t, rng: [*texts[:-1], t.above[-1]],
}  # fmt: skip


def edited(truth: Truth, rng: random.Random) -> Answer:
    """The honest answer after one to three random edits."""
    texts = list(truth.honest)
    for _ in range(rng.randint(1, 3)):
        texts = _EDITS[rng.choice(list(_EDITS))](texts, truth, rng)
    return _plain(texts)
