"""The probability tree, and its score on one case in Python.

    tree = ProbabilityTree(seed="…", remainder=0.1, branches=(TreeNode(event="…", probability=0.9, …),))
    TreeEvaluator().evaluate(tree, case)

A node's children are the answers to "what happens first then?"; they and the node's remainder sum to 1. The
type is what `training` hands out, what its server returns as JSON and what the page draws.

Does not cover: many cases at once with intervals (write the tree's lines with `to_predictions` and run
`evaluation run`); one case has no interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus.case import DEFAULT_HORIZON_MONTHS, Case, Probability
from corpus.errors import InvalidInput
from evaluation import metrics
from evaluation.matching import Matcher, Stage
from evaluation.prediction import (
    SUM_TOLERANCE,
    Mode,
    PredictedCandidate,
    Prediction,
    WhenShare,
    first_problem,
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TreeNode(_Frozen):
    """One branch: an event, how likely it is, when, and what may follow."""

    event: Annotated[str, Field(min_length=1)]
    probability: Probability
    """Conditional: given the parent, and that one of its branches or Z comes first."""
    path_probability: Probability
    """Product of the conditional probabilities from the seed down to here."""
    spread: Probability | None = None
    """Standard deviation of `probability` over orders or samples; None where it was not measured."""
    months: Annotated[int, Field(ge=1)] | None = None
    """Months after the parent within which it happens with even odds, if it happens."""
    when: tuple[WhenShare, ...] = ()
    remainder: Probability | None = None
    """Z of this node's children: none of them; None where the node was not expanded."""
    branches: tuple[TreeNode, ...] = ()

    @model_validator(mode="after")
    def _children_sum_to_one(self) -> Self:
        _check_sum(self.event, self.branches, self.remainder)
        for child in self.branches:
            wanted = self.path_probability * child.probability
            if not math.isclose(child.path_probability, wanted, abs_tol=SUM_TOLERANCE):
                raise ValueError(
                    f"path_probability of {child.event!r} is {child.path_probability:.4f}, "
                    f"its parent's times its own is {wanted:.4f}"
                )
        return self


class ProbabilityTree(_Frozen):
    """A seed event and the tree of what may follow."""

    seed: Annotated[str, Field(min_length=1)]
    context: str = ""
    as_of: AwareDatetime | None = None
    horizon_months: Annotated[int, Field(ge=1, le=600)] = DEFAULT_HORIZON_MONTHS
    remainder: Probability
    """Z of the first level."""
    branches: tuple[TreeNode, ...]
    model: str = ""
    calibration: str = ""
    """Which calibrator was applied; empty for none."""
    complete: bool = True
    """False where time ran out before the last level: branches without children may not have been asked."""

    @model_validator(mode="after")
    def _branches_sum_to_one(self) -> Self:
        _check_sum(self.seed, self.branches, self.remainder)
        for child in self.branches:
            if not math.isclose(child.path_probability, child.probability, abs_tol=SUM_TOLERANCE):
                raise ValueError(
                    f"path_probability of {child.event!r} differs from its probability at depth 1"
                )
        return self

    @property
    def depth(self) -> int:
        """The deepest level that holds a branch."""
        return max((len(path) for path, _ in self.walk()), default=0)

    def walk(self) -> Iterator[tuple[tuple[str, ...], TreeNode]]:
        """Every node with its path of events, parents before children."""
        stack: list[tuple[tuple[str, ...], TreeNode]] = [
            ((node.event,), node) for node in reversed(self.branches)
        ]
        while stack:
            path, node = stack.pop()
            yield path, node
            stack += [((*path, child.event), child) for child in reversed(node.branches)]

    def to_predictions(self, case_id: str, snapshot_hash: str) -> list[Prediction]:
        """The tree as lines of a prediction file, mode `tree`."""
        levels: list[tuple[tuple[str, ...], Sequence[TreeNode], float]] = [
            ((), self.branches, self.remainder)
        ]
        levels += [
            (path, node.branches, node.remainder or 0.0) for path, node in self.walk() if node.branches
        ]
        return [
            Prediction(
                case_id=case_id,
                depth=len(path) + 1,
                mode=Mode.TREE,
                parent_branch=path,
                candidates=tuple(
                    PredictedCandidate(text=node.event, probability=node.probability, when=node.when)
                    for node in nodes
                ),
                remainder=remainder,
                model=self.model or "unnamed",
                snapshot_hash=snapshot_hash,
            )
            for path, nodes, remainder in levels
        ]


def _check_sum(event: str, branches: Sequence[TreeNode], remainder: float | None) -> None:
    if not branches:
        return
    if remainder is None:
        raise ValueError(f"the branches below {event!r} need a remainder")
    total = math.fsum(child.probability for child in branches) + remainder
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise ValueError(f"the branches below {event!r} and the remainder sum to {total:.4f}, not 1")


@dataclass(frozen=True)
class TreeLevelScore:
    """One depth of one case."""

    depth: int
    event: str
    stage: Stage
    matched: str | None
    """The likeliest branch that tells of what happened; None where none does."""
    probability: float
    """Sum of the path probabilities of the branches at this depth that match."""
    event_loss: float


@dataclass(frozen=True)
class TreeScore:
    """The score of a tree on one case; a single case has no interval."""

    levels: tuple[TreeLevelScore, ...]

    @property
    def event_loss(self) -> float | None:
        """Mean of −ln max(p, 0.01) over the levels; None where nothing happened."""
        return sum(level.event_loss for level in self.levels) / len(self.levels) if self.levels else None

    @property
    def event_perplexity(self) -> float | None:
        """exp of the event loss."""
        return None if self.event_loss is None else metrics.perplexity(self.event_loss)

    @property
    def match_coverage(self) -> float | None:
        """Share of the levels that some branch foresaw."""
        found = [level.stage is not Stage.NONE for level in self.levels]
        return sum(found) / len(found) if found else None

    def __str__(self) -> str:
        if not self.levels:
            return "not scored: nothing happened"
        lines = [
            f"event_perplexity {self.event_perplexity:.2f}, event_loss {self.event_loss:.3f}, "
            f"match_coverage {self.match_coverage:.0%}"
        ]
        lines += [
            f"  depth {level.depth}: {level.stage} p={level.probability:.3f}  {level.event}"
            for level in self.levels
        ]
        return "\n".join(lines)


class TreeEvaluator:
    """Scores one tree on one case."""

    def __init__(self, matcher: Matcher | None = None) -> None:
        self._matcher = matcher or Matcher()

    def evaluate(
        self, tree: ProbabilityTree | Mapping[str, Any], ground_truth: Case | Sequence[str]
    ) -> TreeScore:
        """Score a tree (or its JSON) on a case, or on the events that happened, depth 1 first.

        Raises InvalidInput where the tree is none.
        """
        checked = tree if isinstance(tree, ProbabilityTree) else _read(tree)
        events = _events(ground_truth)
        by_depth: dict[int, list[TreeNode]] = {}
        for path, node in checked.walk():
            by_depth.setdefault(len(path), []).append(node)
        asked = [([node.event for node in by_depth.get(depth, [])], event) for depth, event in events]
        found = self._matcher.match_levels(asked)
        return TreeScore(
            tuple(
                _level_score(depth, event, by_depth.get(depth, []), match.matched, match.best.stage)
                for (depth, event), match in zip(events, found, strict=True)
            )
        )


def _level_score(
    depth: int, event: str, nodes: Sequence[TreeNode], matched: Sequence[bool], stage: Stage
) -> TreeLevelScore:
    hits = [node for node, hit in zip(nodes, matched, strict=True) if hit]
    probability = min(1.0, math.fsum(node.path_probability for node in hits))
    best = max(hits, key=lambda node: node.path_probability, default=None)
    loss = float(metrics.event_loss([probability])[0])
    return TreeLevelScore(depth, event, stage, best.event if best else None, probability, loss)


def _events(ground_truth: Case | Sequence[str]) -> list[tuple[int, str]]:
    if isinstance(ground_truth, Case):
        return [
            (outcome.depth, outcome.event) for outcome in ground_truth.outcomes if outcome.event is not None
        ]
    if isinstance(ground_truth, str):
        raise InvalidInput(
            "The ground truth is one text; hand in a case, or a list of events, depth 1 first."
        )
    return list(enumerate(ground_truth, start=1))


def _read(tree: Mapping[str, Any]) -> ProbabilityTree:
    try:
        return ProbabilityTree.model_validate(tree)
    except ValidationError as fault:
        raise InvalidInput(f"This is no probability tree: {first_problem(fault)}") from fault
