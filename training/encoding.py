"""Dialogues as tokens, segment by segment, so that every assistant turn is located exactly.

Each question and each answer is tokenized on its own and the pieces are joined: no token ever spans a
border, whatever the tokenizer merges. Inference joins the same pieces. A letter must be one token, which is
checked for each tokenizer; a list ends with the tokenizer's end token (in a model's own template a letter does too).
Texts of cases never become control tokens: only a template's own texts do.

Does not cover: batches and tensors (`training.collation`), what stands between the pieces (`training.template`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from corpus.errors import InvalidInput
from training.dialogue import LETTERS, Dialogue, Turn, TurnKind
from training.template import ASSISTANT as ASSISTANT
from training.template import PLAIN, Template
from training.template import USER as USER


class Tokenizer(Protocol):
    """What is needed of a tokenizer (transformers' fast tokenizers have it)."""

    eos_token_id: int | None
    pad_token_id: int | None
    name_or_path: str

    def encode(self, text: str, *, add_special_tokens: bool, split_special_tokens: bool = False) -> list[int]:
        """Token ids of a text; split, a control token's name in it is read as any other text."""
        ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        """The text of token ids."""
        ...

    def save_pretrained(self, save_directory: str | Path) -> Any:
        """Write its files into a folder."""
        ...


@dataclass(frozen=True, slots=True)
class LetterAt:
    """One letter to be read: the distribution after position `at`."""

    at: int
    kind: TurnKind
    depth: int
    target: tuple[float, ...]
    """Shares over all of `LETTERS`; −1 where a letter is no option."""
    answer: int
    """Index of the given letter in `LETTERS`."""


@dataclass(frozen=True, slots=True)
class Span:
    """One propose turn: its answer's tokens are start..end−1."""

    start: int
    end: int
    depth: int


@dataclass(slots=True)
class Encoded:
    """One dialogue as tokens."""

    case_id: str
    input_ids: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    """Learnt propose turns."""
    letters: list[LetterAt] = field(default_factory=list)
    """Learnt letter turns."""

    def __len__(self) -> int:
        return len(self.input_ids)


class Encoder:
    """Turns dialogues into tokens with one tokenizer; raises InvalidInput where the tokenizer does not fit."""

    def __init__(self, tokenizer: Tokenizer, template: Template = PLAIN) -> None:
        self.tokenizer, self.template = tokenizer, template
        if tokenizer.eos_token_id is None:
            raise InvalidInput(
                f"The tokenizer of {tokenizer.name_or_path} has no end token; choose another model."
            )
        self.end: int = tokenizer.eos_token_id
        self.start = self._start_tokens()
        self.letter_ids = tuple(self._letter_id(letter) for letter in LETTERS)
        self.text = lru_cache(maxsize=20_000)(self._text)

    def _start_tokens(self) -> tuple[int, ...]:
        """What the tokenizer puts before every text (nothing, for most)."""
        bare = self.tokenizer.encode("A", add_special_tokens=False)
        whole = self.tokenizer.encode("A", add_special_tokens=True)
        return tuple(whole[: next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)])

    def _letter_id(self, letter: str) -> int:
        ids = self.tokenizer.encode(letter, add_special_tokens=False)
        if len(ids) != 1:
            raise InvalidInput(
                f"The tokenizer of {self.tokenizer.name_or_path} splits the letter {letter} into {len(ids)} tokens; "
                "letters must be single tokens, choose another model."
            )
        return ids[0]

    def _text(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def ask(self, words: str, first: bool = False) -> list[int]:
        """The tokens of a question, up to where its answer begins."""
        shape = self.template
        before = shape.before_first if first else shape.before_next
        if shape.is_own:
            return [*self._control(before), *self.text(words), *self._control(shape.before_answer)]
        whole = f"{before}{words}{shape.before_answer}"
        return [*self.start, *self._text(whole)] if first else list(self.text(whole))

    def _control(self, text: str) -> list[int]:
        """The tokens of a template's own text."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    def answer(self, turn: Turn) -> list[int]:
        """The tokens of an answer: one letter, or a list with its end."""
        if turn.kind is TurnKind.PROPOSE:
            return [*self.lines(turn.answer), self.end]
        return list(self.letter(LETTERS.index(turn.answer)))

    def letter(self, index: int) -> tuple[int, ...]:
        """The tokens of a letter as an answer, with its end where the template has one."""
        return (self.letter_ids[index], self.end) if self.template.is_own else (self.letter_ids[index],)

    def lines(self, text: str) -> list[int]:
        """The tokens of a list, line by line."""
        return [token for line in text.splitlines(keepends=True) for token in self.text(line)]

    def encode(self, dialogue: Dialogue) -> Encoded:
        """A whole dialogue with the places of its learnt turns."""
        found = Encoded(dialogue.case_id)
        for number, turn in enumerate(dialogue.turns):
            found.input_ids += self.ask(turn.ask, first=number == 0)
            begin, tokens = len(found.input_ids), self.answer(turn)
            found.input_ids += tokens
            if not turn.learn:
                continue
            if turn.kind is TurnKind.PROPOSE:
                found.spans.append(Span(begin, begin + len(tokens), turn.depth))
            else:
                found.letters.append(_letter_at(turn, begin - 1))
        return found


def _letter_at(turn: Turn, at: int) -> LetterAt:
    shares = dict(zip(turn.letters, turn.target, strict=True))
    target = tuple(shares.get(letter, -1.0) for letter in LETTERS)
    return LetterAt(at, turn.kind, turn.depth, target, LETTERS.index(turn.answer))
