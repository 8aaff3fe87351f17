"""The roles of the service, as interfaces: what each is given and what it hands back.

Offline implementations stand in `agents.offline`. A role never opens the store and never fetches by
itself: it reads through the view it is handed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.library import Library, View
from agents.reading.document import Document
from agents.state import Failure, RunSettings, Seed
from corpus.case import Candidate, Case, ClaimCheck, ContextFact, Outcome, Remainder


@dataclass(frozen=True)
class Seeds:
    """What the Brainstormer found."""

    seeds: tuple[Seed, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Context facts and the documents they are quoted from."""

    facts: tuple[ContextFact, ...]
    documents: Mapping[str, Document] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """One step of a chain: the outcome (candidates still empty) and its documents."""

    outcome: Outcome
    documents: Mapping[str, Document]


@dataclass(frozen=True)
class ChainEnd:
    """Why a chain goes no further."""

    reason: str


@dataclass(frozen=True)
class Alternatives:
    """Candidates of a level, what happened included, with estimates where a dated source states them."""

    candidates: tuple[Candidate, ...]
    documents: Mapping[str, Document] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Estimates:
    """The same candidates with further estimates, and Z's."""

    candidates: tuple[Candidate, ...]
    remainder: Remainder
    note: str = ""


@dataclass(frozen=True)
class Checked:
    """What the Verifier found: checks for each claim, candidates with their fates, links that do not hold."""

    checks: tuple[ClaimCheck, ...]
    outcomes: tuple[Outcome, ...]
    documents: Mapping[str, Document] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    """Texts of links whose evidence does not carry them."""


class Brainstormer(Protocol):
    """Period and domains → seed events that happened."""

    async def seeds(self, library: Library, settings: RunSettings) -> Seeds | Failure:
        """Seeds with evidence, most worth a look first."""
        ...


class Chronicler(Protocol):
    """Seed → dated chain."""

    async def context(self, view: View, case: Case) -> Facts | Failure:
        """What was known on the seed date; the view ends there."""
        ...

    async def next_link(
        self, view: View, case: Case, rejected: frozenset[str], note: str
    ) -> Link | ChainEnd | Failure:
        """The next outcome after those the case has; hindsight allowed."""
        ...


class Estimator(Protocol):
    """Level → alternatives and probabilities as they looked at the as-of."""

    async def alternatives(self, view: View, case: Case, depth: int) -> Alternatives | Failure:
        """Candidates of one level; the view ends at the level's reading limit."""
        ...

    async def estimates(self, view: View, case: Case, depth: int) -> Estimates | Failure:
        """Estimates for the candidates the level has by now."""
        ...


class Verifier(Protocol):
    """Case → what its sources prove."""

    async def verify(self, view: View, case: Case, documents: Mapping[str, Document]) -> Checked | Failure:
        """Check every claim against the stored texts; hindsight allowed."""
        ...


@dataclass(frozen=True)
class Roles:
    """The five roles of one run; the curator is the human one and comes after."""

    brainstormer: Brainstormer
    chronicler: Chronicler
    estimator: Estimator
    verifier: Verifier
    models: Mapping[str, str] = field(default_factory=dict)
    """Role → model name, empty offline; stored with each case."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name → version, empty offline."""
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """How each role's model was asked, empty offline; stored with each case."""


def cited(case: Case, documents: Mapping[str, Document]) -> Case:
    """The case with the given documents among its sources, in a fixed order."""
    known = {source.source_id for source in case.sources}
    new = [document.as_source() for key, document in sorted(documents.items()) if key not in known]
    return case.model_copy(update={"sources": (*case.sources, *new)}) if new else case


def with_outcome(case: Case, depth: int, outcome: Outcome) -> Case:
    """The case with the outcome of one level replaced."""
    outcomes: Sequence[Outcome] = [*case.outcomes[: depth - 1], outcome, *case.outcomes[depth:]]
    return case.model_copy(update={"outcomes": tuple(outcomes)})
