"""What a forecaster asks of a language model: read letters, write lists. Two calls, so that engines can differ.

An engine works on tokens of `training.encoding`; whoever calls it never sees a model. The transformers engine
is `training.local_engine`, the one for servers `training.remote_engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.encoding import Encoder

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LetterQuestion:
    """A letter to be read after `context + more`."""

    more: tuple[int, ...]
    letters: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How lists are written."""

    lists: int = 2
    """Lists a level: the first greedy, the others drawn; duplicates are merged."""
    temperature: float = 1.0
    max_tokens: int = 400
    """Of a whole list; a list that reaches it loses its last line."""
    max_characters: int = 240
    """Of one candidate."""
    seed: int = 0


class Engine(Protocol):
    """A language model behind two calls."""

    encoder: Encoder
    tokens_used: int
    """Tokens read and written so far, those from a cache not counted."""
    unread: float
    """Largest share of a letter distribution so far that was bounded and not read; 0 where all letters are read."""

    def letters(self, context: tuple[int, ...], questions: Sequence[LetterQuestion]) -> list[Floats]:
        """For each question the distribution over its own letters, summing to 1."""
        ...

    def write_lists(self, context: tuple[int, ...], lines: int, sampling: Sampling) -> list[list[str]]:
        """Lists of 1 to `lines` texts, each a possible answer to the propose turn that `context` ends with."""
        ...
