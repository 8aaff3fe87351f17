"""From a snapshot to training examples: which cases, in which phrasing, how long; no torch.

Train and validation chains are cut where the snapshot says (levels resolved by its cut-off day); nothing
else is cut: a dialogue over the length limit is an error or is left out by name. Letters are shuffled anew
each epoch, seeded by run seed, epoch and case, so that any epoch can be made again.

Does not cover: batching (`training.collation`), how a level is phrased (`training.dialogue`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from corpus.case import Case
from corpus.errors import InvalidInput
from corpus.snapshot import Snapshot
from corpus.splits import Split
from training.dialogue import Dialogue, Style, TurnKind, build_dialogue, turns_of
from training.encoding import Encoded, Encoder


class OverLength(StrEnum):
    """What happens to a dialogue over the length limit."""

    ERROR = "error"
    """Training does not start."""
    LEAVE_OUT = "leave_out"
    """The case is left out and named in the report."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A case and the number of its levels that its split may use."""

    case: Case
    levels: int


@dataclass(frozen=True)
class Prepared:
    """The usable chains of one split, and what was left out of it."""

    split: Split
    chains: tuple[Chain, ...]
    lengths: Mapping[str, int]
    """Case id → tokens of its whole dialogue."""
    levels: Mapping[str, int]
    """Case id → levels of its whole dialogue."""
    too_long: Mapping[str, int] = field(default_factory=dict)
    """Case id → tokens, of those over the limit."""
    without_level: Mapping[str, str] = field(default_factory=dict)
    """Case id → why no level of it can be asked."""
    cut: Mapping[str, str] = field(default_factory=dict)
    """Case id → why its chain ends early."""

    @property
    def mean_levels(self) -> float:
        """Mean number of levels a dialogue: what makes the loss a mean over levels."""
        return sum(self.levels.values()) / len(self.levels)

    def require(self) -> Prepared:
        """Itself; raises InvalidInput where the split is empty."""
        if not self.chains:
            why = next(iter(self.without_level.values()), "the snapshot places no case there")
            raise InvalidInput(f"Split {self.split} holds no usable case ({why}); add cases or split anew.")
        return self


def chains_of(snapshot: Snapshot, split: Split) -> Iterator[Chain]:
    """The cases of a split with the levels it may use, in the snapshot's order."""
    members = set(snapshot.splits.members(split))
    for case in snapshot.cases:
        if case.case_id in members:
            yield Chain(case, snapshot.splits.levels_kept.get(case.case_id, len(case.outcomes)))


def prepare(
    snapshot: Snapshot, split: Split, encoder: Encoder, max_tokens: int, over: OverLength
) -> Prepared:
    """Check every case of a split before training; raises InvalidInput naming those over the limit."""
    chains: list[Chain] = []
    lengths: dict[str, int] = {}
    levels: dict[str, int] = {}
    too_long: dict[str, int] = {}
    without: dict[str, str] = {}
    cut: dict[str, str] = {}
    for chain in chains_of(snapshot, split):
        case_id, dialogue = chain.case.case_id, dialogue_of(chain, Style(shuffle=False), 0, 0)
        if dialogue.left_out:
            (cut if dialogue.turns else without)[case_id] = dialogue.left_out[0]
        if not dialogue.turns:
            without.setdefault(case_id, "it has no level")
            continue
        size = len(encoder.encode(dialogue))
        if size > max_tokens:
            too_long[case_id] = size
            continue
        chains.append(chain)
        lengths[case_id] = size
        levels[case_id] = sum(1 for _ in turns_of(dialogue, TurnKind.WEIGH))
    if too_long and over is OverLength.ERROR:
        raise InvalidInput(_too_long(too_long, max_tokens))
    return Prepared(split, tuple(chains), lengths, levels, too_long, without, cut)


def _too_long(found: Mapping[str, int], limit: int) -> str:
    named = ", ".join(f"{case_id} ({size})" for case_id, size in list(found.items())[:20])
    more = f" and {len(found) - 20} more" if len(found) > 20 else ""
    return (
        f"{len(found)} dialogues are over the limit of {limit} tokens: {named}{more}; raise max_tokens, "
        "or set over_length: leave_out."
    )


def dialogue_of(chain: Chain, style: Style, seed: int, epoch: int) -> Dialogue:
    """The dialogue of a chain in one epoch: the same for the same seed, epoch and case."""
    rng = random.Random(f"{seed}/{epoch}/{chain.case.case_id}")
    return build_dialogue(chain.case, style, rng, chain.levels)


@dataclass(frozen=True)
class Passes:
    """How often a dialogue is shown, and how many dialogues one step of the optimiser sees."""

    epochs: int
    step: int
    orders: int = 1
    """Shuffled orders of its letters in which a dialogue is shown in each epoch, side by side in one step."""
    shown: int | None = None
    """Dialogues after which training ends; None: those of all epochs."""


def training_order(lengths: Sequence[int], passes: Passes, seed: int) -> list[tuple[int, int]]:
    """(shuffle, index) of each dialogue in turn: every step's are drawn at random, by length within a step.

    How long a dialogue is tells how its chain ended. Dialogues of like length therefore make batches that save
    padding and a step that pulls one way; so a step is a fair sample, and only its parts are alike.
    """
    order: list[tuple[int, int]] = []
    for epoch in range(passes.epochs):
        drawn = list(range(len(lengths)))
        random.Random(f"order/{seed}/{epoch}").shuffle(drawn)
        first = epoch * passes.orders
        order += [(first + other, i) for i in drawn for other in range(passes.orders)]
    shown = order[: passes.shown]
    steps = (shown[i : i + passes.step] for i in range(0, len(shown), passes.step))
    return [one for drawn in steps for one in sorted(drawn, key=lambda one: lengths[one[1]])]


def examples(
    prepared: Prepared, encoder: Encoder, style: Style, seed: int, passes: Passes
) -> Iterator[Encoded]:
    """Encoded dialogues of all passes, in the order in which they are trained on."""
    sizes = [prepared.lengths[chain.case.case_id] for chain in prepared.chains]
    for shuffle, i in training_order(sizes, passes, seed):
        yield encoder.encode(dialogue_of(prepared.chains[i], style, seed, shuffle))
