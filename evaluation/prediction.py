"""`predictions.jsonl`: the one file by which forecasts reach the evaluation; it never sees a model.

One line is one list of candidates with its probabilities: the answer to one level question. The format
is described for users in `docs/formats/predictions.md`. Reading checks everything that can be checked
without the questions: shape, probabilities, sums, duplicates, one model and one question set a file.

Does not cover: whether the candidates are those of the case (`evaluation.pairing`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus.case import MAX_DEPTH, Probability
from corpus.dates import EventDate
from corpus.errors import InvalidFile
from corpus.files import write_atomically
from corpus.identity import fold

FORMAT_VERSION = 1
SUM_TOLERANCE = 1e-3
"""How far candidates and remainder may sum from 1, for files that carry three decimals."""
Positive = Annotated[int, Field(ge=1)]


class Mode(StrEnum):
    """What the model was asked; figures of two modes are never mixed."""

    GIVEN = "given"
    """A distribution over the case's own candidates and Z, along the realised path."""
    GENERATED = "generated"
    """The model's own list of candidates for each level, along the realised path."""
    TREE = "tree"
    """The model's own tree from the seed alone; `parent_branch` says where a list hangs."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WhenShare(_Frozen):
    """One step of a *when* distribution: the share of probability on "within this many months"."""

    within_months: Positive
    probability: Probability


class PredictedCandidate(_Frozen):
    """One branch: a text, its probability, and when it would happen if it does."""

    text: Annotated[str, Field(min_length=1)]
    probability: Probability
    when: tuple[WhenShare, ...] = ()
    """Disjoint steps in rising order, given that the candidate happens; they sum to 1."""

    @model_validator(mode="after")
    def _when_is_a_distribution(self) -> Self:
        if self.when:
            months = [share.within_months for share in self.when]
            if any(later <= earlier for earlier, later in pairwise(months)):
                raise ValueError(f"`when` must rise; got within_months {months}")
            total = math.fsum(share.probability for share in self.when)
            if abs(total - 1.0) > SUM_TOLERANCE:
                raise ValueError(f"`when` must sum to 1; it sums to {total:.4f}")
        return self


class Prediction(_Frozen):
    """One line of the file: one list of candidates for one level of one case."""

    format: int = FORMAT_VERSION
    case_id: Annotated[str, Field(min_length=1)]
    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)]
    mode: Mode
    parent_branch: tuple[str, ...] = ()
    """Mode `tree`: the texts from the first branch to the parent, `depth − 1` of them; empty otherwise."""
    candidates: tuple[PredictedCandidate, ...]
    remainder: Probability
    """Z: none of them."""
    spread: tuple[Probability, ...] = ()
    """Standard deviation of each candidate's probability over orders or samples; empty if not measured."""
    event_log_probability: Annotated[float, Field(le=0.0, allow_inf_nan=False)] | None = None
    """Sum of the token log-probabilities (nats) of the text that happened, as the language model gave them."""
    event_tokens: Positive | None = None
    """Number of those tokens."""
    model: Annotated[str, Field(min_length=1)]
    weights_hash: str = ""
    """Content hash of the model's files, by which a registry knows its own; empty where nobody says."""
    knowledge_cutoff: EventDate | None = None
    """Until when the model's training text reaches; None where nobody says."""
    snapshot_hash: Annotated[str, Field(min_length=1)]
    prompt_version: str = ""
    seconds: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens read and written for this line."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for problem in (self._sum_problem(), self._text_problem(), self._branch_problem()):
            if problem:
                raise ValueError(problem)
        if (self.event_log_probability is None) != (self.event_tokens is None):
            raise ValueError("`event_log_probability` and `event_tokens` stand together or not at all")
        return self

    def _sum_problem(self) -> str | None:
        total = math.fsum(candidate.probability for candidate in self.candidates) + self.remainder
        if abs(total - 1.0) > SUM_TOLERANCE:
            return f"candidates and remainder must sum to 1; they sum to {total:.4f}"
        return None

    def _text_problem(self) -> str | None:
        seen: set[str] = set()
        for candidate in self.candidates:
            folded = fold(candidate.text)
            if folded in seen:
                return f"the candidate {candidate.text!r} stands twice; merge the two and add their probabilities"
            seen.add(folded)
        return None

    def _branch_problem(self) -> str | None:
        wanted = self.depth - 1 if self.mode is Mode.TREE else 0
        if len(self.parent_branch) != wanted:
            return f"`parent_branch` must hold {wanted} texts in mode {self.mode} at depth {self.depth}"
        if self.spread and len(self.spread) != len(self.candidates):
            return f"`spread` holds {len(self.spread)} values for {len(self.candidates)} candidates"
        if self.format != FORMAT_VERSION:
            return f"format {self.format} is not {FORMAT_VERSION}; upgrade the program or convert the file"
        return None

    @property
    def key(self) -> tuple[str, int, Mode, tuple[str, ...]]:
        """What may stand only once in a file."""
        return self.case_id, self.depth, self.mode, self.parent_branch


@dataclass(frozen=True)
class Predictions:
    """A checked file: one model, one question set."""

    rows: tuple[Prediction, ...]
    origin: str

    @property
    def model(self) -> str:
        """Who forecast."""
        return self.rows[0].model

    @property
    def weights_hash(self) -> str:
        """Content hash of the model's files; empty where nobody says."""
        return self.rows[0].weights_hash

    @property
    def snapshot_hash(self) -> str:
        """The question set that was forecast."""
        return self.rows[0].snapshot_hash

    @property
    def knowledge_cutoff(self) -> EventDate | None:
        """Until when the model's training text reaches."""
        return self.rows[0].knowledge_cutoff

    @cached_property
    def modes(self) -> tuple[Mode, ...]:
        """The modes that the file holds, in the order of `Mode`."""
        found = {row.mode for row in self.rows}
        return tuple(mode for mode in Mode if mode in found)

    def of(self, mode: Mode) -> list[Prediction]:
        """The lines of one mode."""
        return [row for row in self.rows if row.mode is mode]

    def limited_to(self, levels: Collection[tuple[str, int]]) -> Predictions:
        """The lines that answer one of these levels (case, depth), and the whole trees of their cases."""
        cases = {case_id for case_id, _ in levels}
        kept = tuple(
            row
            for row in self.rows
            if (row.case_id in cases if row.mode is Mode.TREE else (row.case_id, row.depth) in levels)
        )
        return Predictions(kept, self.origin)

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens read and written a second, over the lines that state both; None where none does."""
        timed = [(row.tokens, row.seconds) for row in self.rows if row.tokens is not None and row.seconds]
        seconds = math.fsum(second for _, second in timed)
        return sum(tokens for tokens, _ in timed) / seconds if seconds > 0 else None


def read_predictions(path: Path) -> Predictions:
    """Read and check a file; raises InvalidFile naming file, line and field."""
    if not path.is_file():
        raise InvalidFile(f"{path} does not exist; name a predictions.jsonl.")
    try:
        rows = tuple(_checked(path, _lines(path)))
    except UnicodeDecodeError as fault:
        raise InvalidFile(f"{path} is not UTF-8 text (byte {fault.start}); save it as UTF-8.") from fault
    if not rows:
        raise InvalidFile(f"{path} is empty: it holds no prediction; write one JSON object a line.")
    return Predictions(rows, str(path))


def check_predictions(rows: Sequence[Prediction], origin: str = "predictions") -> Predictions:
    """The same checks for predictions made in Python."""
    if not rows:
        raise InvalidFile(f"{origin}: there is no prediction to score.")
    return Predictions(tuple(_checked(Path(origin), enumerate(rows, start=1))), origin)


def write_predictions(path: Path, rows: Iterable[Prediction]) -> int:
    """Write lines by way of a temporary file; returns their number."""
    return write_atomically(path, (row.model_dump_json(exclude_defaults=False) for row in rows))[1]


def _lines(path: Path) -> Iterator[tuple[int, Prediction]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, Prediction.model_validate_json(line)
            except ValidationError as fault:
                raise InvalidFile(f"{path}:{number}: {first_problem(fault)}") from fault


def _checked(path: Path, numbered: Iterable[tuple[int, Prediction]]) -> Iterator[Prediction]:
    seen: dict[tuple[str, int, Mode, tuple[str, ...]], int] = {}
    first: Prediction | None = None
    for number, row in numbered:
        where = f"{path}:{number}"
        earlier = seen.setdefault(row.key, number)
        if earlier != number:
            raise InvalidFile(
                f"{where}: case {row.case_id} at depth {row.depth} ({row.mode}) stands already in line {earlier}; "
                "keep one of the two."
            )
        first = first or row
        _same_run(where, first, row)
        yield row


def _same_run(where: str, first: Prediction, row: Prediction) -> None:
    for field in ("model", "weights_hash", "snapshot_hash", "knowledge_cutoff"):
        mine, theirs = getattr(row, field), getattr(first, field)
        if mine != theirs:
            raise InvalidFile(
                f"{where}: {field} is {mine!s} but {theirs!s} in the first line; "
                "one file holds one model on one snapshot, so write two files."
            )


def first_problem(fault: ValidationError) -> str:
    """The first fault of a line as one sentence: field, what is wrong, the value."""
    found = fault.errors(include_url=False)[0]
    field = ".".join(str(part) for part in found["loc"]) or "line"
    message = found["msg"].removeprefix("Value error, ").rstrip(".")
    value = found.get("input")
    shown = f" (got {value!r})" if isinstance(value, int | float | str) and len(str(value)) < 60 else ""
    return f"{field}: {message}{shown}."
