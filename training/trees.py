"""What a probability tree is asked about, and how the levels that become known make one. No model.

Does not cover: where the levels come from (`training.inference`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from corpus.case import DEFAULT_HORIZON_MONTHS, MAX_DEPTH
from corpus.dates import end_of_day
from corpus.errors import InvalidInput
from corpus.importing import context_texts
from evaluation.calibration import CalibrationFile
from evaluation.tree import ProbabilityTree, TreeNode
from training.dialogue import CANDIDATE_LETTERS
from training.engine import Sampling
from training.forecasting import Weighed

BranchPath = tuple[int, ...]
"""Indices of the branches from the seed down."""


@dataclass(frozen=True)
class Question:
    """What a tree is asked about."""

    event: str
    context: tuple[str, ...] = ()
    as_of: date | None = None
    """The day of the forecast; today where it is None."""
    horizon_months: int = DEFAULT_HORIZON_MONTHS
    depth: int = 3
    branches: int = 4

    def dated(self) -> Question:
        """The question with its day filled in, so that one tree has one day, midnight or not."""
        return self if self.as_of else replace(self, as_of=datetime.now(UTC).date())


@dataclass(frozen=True)
class Effort:
    """How carefully a tree is made."""

    orders: int = 3
    """Orders of each list whose letters are averaged."""
    floor: float = 0.02
    """Path probability below which a branch is not expanded."""
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True)
class Expansion:
    """One level of a tree, as it becomes known: streaming hands these out."""

    path: BranchPath
    """Indices of the branches from the seed to the parent."""
    events: tuple[str, ...]
    """Texts of those branches."""
    path_probability: float
    weighed: Weighed


def facts_of(context: str | Sequence[str] | Mapping[str, object]) -> tuple[str, ...]:
    """What was known, one fact each: the lines of a text, a list, or an object's keys and values."""
    if isinstance(context, Mapping):
        context = context_texts(context)
    lines = context.splitlines() if isinstance(context, str) else context
    return tuple(line.strip() for line in lines if line.strip())


def check_question(question: Question) -> None:
    """Raise InvalidInput for an empty event, or a number out of range."""
    if not question.event.strip():
        raise InvalidInput("The event is empty; say in one sentence what happened.")
    for name, value, highest in (
        ("depth", question.depth, MAX_DEPTH),
        ("branches", question.branches, len(CANDIDATE_LETTERS)),
        ("horizon", question.horizon_months, 600),
    ):
        if not 1 <= value <= highest:
            raise InvalidInput(f"{name} is {value}; it must lie between 1 and {highest}.")


def assemble(
    question: Question,
    found: Sequence[Expansion],
    model: str,
    calibration: CalibrationFile | None,
    *,
    complete: bool = True,
) -> ProbabilityTree:
    """The tree of all expansions; raises InvalidInput where the model proposed nothing for the seed."""
    levels = {expansion.path: expansion for expansion in found}
    if () not in levels:
        raise InvalidInput(
            f"The model {model!r} proposed no outcome of {question.event!r}; try another model."
        )
    return ProbabilityTree(
        seed=question.event,
        context="\n".join(question.context),
        as_of=end_of_day(question.as_of) if question.as_of else None,
        horizon_months=question.horizon_months,
        remainder=levels[()].weighed.probabilities[-1],
        branches=_nodes(levels, ()),
        model=model,
        calibration="" if calibration is None else _calibration_name(calibration),
        complete=complete,
    )


def _calibration_name(stored: CalibrationFile) -> str:
    kind = stored.calibrator.kind if stored.calibrator else "none"
    shift = "" if stored.remainder is None else f", Z shifted by {stored.remainder.shift:+.2f}"
    return f"{kind}{shift}, fitted on {stored.levels} levels answered by {stored.answered_until}"


def _nodes(levels: dict[BranchPath, Expansion], path: BranchPath) -> tuple[TreeNode, ...]:
    if path not in levels:
        return ()
    expansion = levels[path]
    weighed = expansion.weighed
    nodes = []
    for k, text in enumerate(weighed.texts):
        deeper = levels.get((*path, k))
        nodes.append(
            TreeNode(
                event=text,
                probability=weighed.probabilities[k],
                path_probability=expansion.path_probability * weighed.probabilities[k],
                spread=weighed.spread[k] if weighed.spread else None,
                months=weighed.median_months(k),
                when=weighed.when_shares(k),
                remainder=deeper.weighed.probabilities[-1] if deeper else None,
                branches=_nodes(levels, (*path, k)),
            )
        )
    return tuple(nodes)
