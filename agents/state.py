"""What travels through the graphs: seeds, settings, failures, and the state of a case and of a run.

A case that failed is a value with a kind and a message, never an exception and never an empty success.
Everything here is frozen; a node answers with the fields it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from pydantic import BaseModel, ConfigDict

from agents.reading.document import Document
from corpus.case import DEFAULT_HORIZON_MONTHS, Case, Evidence, Source
from corpus.dates import EventDate
from corpus.identity import tagged_hash
from corpus.problems import Problem

PROVIDERS = "providers"
"""Setting of a case's provenance that names who supplied its evidence, separated by commas."""


class Stage(StrEnum):
    """Where a case stands in its graph."""

    CONTEXT = "context"
    """What was known on the seed date."""
    CHAIN = "chain"
    """What happened next, link by link."""
    ALTERNATIVES = "alternatives"
    """What could have happened instead."""
    ESTIMATE = "estimate"
    """How likely each looked."""
    VERIFY = "verify"
    """What of it the stored texts prove."""
    DONE = "done"
    """Ready for the store."""


class FailureKind(StrEnum):
    """Why a seed ended without a case."""

    NO_EVIDENCE = "no_evidence"
    """Not one document speaks of the seed."""
    INVALID_REPLY = "invalid_reply"
    """A model's reply stayed invalid after its repairs; the text is kept."""
    REFUSED = "refused"
    """The model declined to answer."""
    UNREACHABLE = "unreachable"
    """A service did not answer."""
    NO_SERVICE = "no_service"
    """A service that every seed needs is not to be had: no connection, no such model, an empty account."""
    UNAUTHORISED = "unauthorised"
    """A service did not accept the key."""
    OVER_BUDGET = "over_budget"
    """The cap is reached; the run can be resumed with a higher one."""
    BROKEN = "broken"
    """A fault in the program; the log holds the traceback."""


STOPS_THE_RUN = frozenset({FailureKind.OVER_BUDGET, FailureKind.UNAUTHORISED, FailureKind.NO_SERVICE})
"""Failures that every further seed would meet as well; the seed waits again and the run can be resumed."""


class Failure(BaseModel):
    """A seed that ended without a case."""

    model_config = ConfigDict(frozen=True)

    kind: FailureKind
    message: str
    stage: Stage
    reply: str = ""
    """The text of an invalid reply, kept as it came."""


class Seed(BaseModel):
    """An event to start from, with the evidence that it happened."""

    model_config = ConfigDict(frozen=True)

    event: str
    date: EventDate
    domain: str
    evidence: tuple[Evidence, ...] = ()
    sources: tuple[Source, ...] = ()
    chosen: str = "ranked"
    """"ranked", "blind" (drawn without looking at what followed) or "named" by the user."""
    note: str = ""
    """What a curator found missing in the case of an earlier run."""
    case_id: str = ""
    """Of a case that is researched again: it keeps its id, however its seed was edited."""
    horizon_months: int | None = None
    """Of a case that is researched again; None for the run's own."""

    @property
    def key(self) -> str:
        """Equal for the same seed in every run."""
        return tagged_hash("seed-key/v1", [self.event, str(self.date), self.domain])[:20]


class RunSettings(BaseModel):
    """What a run was asked for; stored with it and enough to resume it."""

    model_config = ConfigDict(frozen=True)

    first_day: EventDate
    last_day: EventDate
    domains: tuple[str, ...]
    num_cases: int = 25
    horizon_months: int = DEFAULT_HORIZON_MONTHS
    max_depth: int = 5
    blind_share: float = 0.2
    """Share of seeds drawn without looking at what followed."""
    concurrency: int = 8
    repairs: int = 2
    """How often a case may go back for a claim that did not hold."""
    random_seed: int = 42
    mode: str = "offline"


class CaseState(TypedDict, total=False):
    """State of the case graph. Each key is replaced by the node that names it."""

    case: Case
    documents: Mapping[str, Document]
    """source id → document, for all sources of the case."""
    stage: Stage
    rejected: frozenset[str]
    """Texts of links that did not hold; the Chronicler may not propose them again."""
    repairs: int
    """How often the Verifier sent the case back."""
    note: str
    """A curator's note from an earlier review."""
    failure: Failure | None


@dataclass(frozen=True)
class Researched:
    """What became of one seed: a case with its problems, or a failure."""

    seed: Seed
    case: Case | None = None
    documents: Mapping[str, Document] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    failure: Failure | None = None


class RunState(TypedDict, total=False):
    """State of the run graph."""

    settings: RunSettings
    seeds: tuple[Seed, ...]
    notes: tuple[str, ...]
    failure: Failure | None
    """Why there are no seeds; the run can be resumed."""
    done: int
    failed: int
