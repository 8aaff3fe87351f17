"""The format of a list, held while it is written (llguidance): `A) text`, `B) text`, … one a line.

A list has one line at least; it may end after any line. A text has 3 characters or more, begins with a letter
or digit and holds no line break or other control character.
"""

from __future__ import annotations

import re
from typing import Any

import llguidance.hf
import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer

from training.dialogue import CANDIDATE_LETTERS

MIN_TEXT = 3
_LINE = re.compile(r"([A-Y])\) (.+)")


def grammar(lines: int, longest: int) -> str:
    """A Lark grammar for lists of 1 to `lines` lines, each text up to `longest` characters."""
    rules = ["start: line0"]
    for i in range(lines):
        following = f" [line{i + 1}]" if i + 1 < lines else ""
        rules.append(f'line{i}: "{CANDIDATE_LETTERS[i]}) " TEXT "\\n"{following}')
    rules.append(rf"TEXT: /[A-Za-z0-9][^\p{{Cc}}]{{{MIN_TEXT - 1},{longest - 1}}}/")
    return "\n".join(rules)


def regex(lines: int, longest: int) -> str:
    """The same lists as a regular expression, for servers that hold a text to one."""
    text = rf"[A-Za-z0-9][^\x00-\x1f\x7f-\x9f]{{{MIN_TEXT - 1},{longest - 1}}}"
    rows = [rf"{letter}\) {text}\n" for letter in CANDIDATE_LETTERS[:lines]]
    return "(".join(rows) + ")?" * (lines - 1)


def parse(text: str) -> list[str]:
    """The texts of a list; lines that are none are left out."""
    found = (_LINE.fullmatch(line.strip()) for line in text.split("\n"))
    return [match[2].strip() for match in found if match]


class ListConstraint:
    """Masks the tokens that would leave the format, for several lists at once."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._tokenizer: LLTokenizer = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary)
        self._vocabulary = vocabulary

    def begin(self, lines: int, longest: int, lists: int) -> ConstrainedLists:
        """A fresh constraint for `lists` lists of up to `lines` lines."""
        matchers = [LLMatcher(self._tokenizer, grammar(lines, longest)) for _ in range(lists)]
        return ConstrainedLists(matchers, self._vocabulary)


class ConstrainedLists:
    """Where several lists stand in the format."""

    def __init__(self, matchers: list[LLMatcher], vocabulary: int) -> None:
        self._matchers, self._vocabulary = matchers, vocabulary

    def mask(self, logits_NV: torch.Tensor) -> torch.Tensor:
        """The logits with everything that is not allowed next at −inf."""
        packed = np.stack([np.frombuffer(m.compute_bitmask(), dtype=np.uint8) for m in self._matchers])
        bits = np.unpackbits(packed, axis=1, bitorder="little")[:, : logits_NV.shape[1]]
        allowed = torch.from_numpy(bits.astype(np.bool_)).to(logits_NV.device)
        return logits_NV.masked_fill(~allowed, float("-inf"))

    def accept(self, tokens: list[int]) -> None:
        """Go on by one token each; a list that has ended takes no more."""
        for matcher, token in zip(self._matchers, tokens, strict=True):
            if not matcher.is_stopped():
                matcher.consume_token(token)
