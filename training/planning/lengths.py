"""How long a snapshot's dialogues are, as a plan counts them. No torch; a tokenizer is handed in.

Each case is rendered once, with its letters in order; the epochs shuffle them, which changes no length to speak of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.snapshot import Snapshot
from corpus.splits import Split
from training.config import Data
from training.dataset import Chain, OverLength, dialogue_of, prepare
from training.dialogue import Style
from training.encoding import Encoder


@dataclass(frozen=True)
class Lengths:
    """The dialogues of one split: one entry each."""

    tokens: Sequence[int]
    listed: Sequence[int]
    """Tokens of learnt lists."""
    letters: Sequence[int]
    """Letters that are read."""
    levels: int
    """Over all dialogues."""

    @property
    def total(self) -> int:
        return sum(self.tokens)

    @property
    def longest(self) -> int:
        return max(self.tokens, default=0)

    @property
    def reads(self) -> Sequence[int]:
        """Positions whose logits a dialogue needs."""
        return [a + b for a, b in zip(self.listed, self.letters, strict=True)]

    @property
    def list_tokens(self) -> float:
        """Mean tokens of one list."""
        return sum(self.listed) / self.levels if self.levels else 0.0


@dataclass(frozen=True)
class DatasetLengths:
    """What a plan knows of a snapshot."""

    snapshot: str
    """Its hash."""
    train: Lengths
    validation: Lengths
    test: Lengths
    left_out: int
    """Cases over the length limit."""


def lengths_of(snapshot: Snapshot, encoder: Encoder, data: Data) -> DatasetLengths:
    """Count every split; raises InvalidInput where one that is trained on is empty."""
    found = {
        split: prepare(snapshot, split, encoder, data.max_tokens, OverLength.LEAVE_OUT) for split in Split
    }
    for split in (Split.TRAIN, Split.VALIDATION):
        found[split].require()
    train, validation, test = (
        _counted(found[split].chains, encoder) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)
    )
    left_out = sum(len(prepared.too_long) for prepared in found.values())
    return DatasetLengths(snapshot.hash, train, validation, test, left_out)


def _counted(chains: Sequence[Chain], encoder: Encoder) -> Lengths:
    encoded = [encoder.encode(dialogue_of(chain, Style(shuffle=False), 0, 0)) for chain in chains]
    return Lengths(
        [len(one) for one in encoded],
        [sum(span.end - span.start for span in one.spans) for one in encoded],
        [len(one.letters) for one in encoded],
        sum(len(one.spans) for one in encoded),
    )
