"""Roles for tests: they answer what they are told to, and remember what they were shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from agents.library import Library, View
from agents.reading.document import Document
from agents.roles import Alternatives, ChainEnd, Checked, Estimates, Facts, Link, Roles, Seeds
from agents.state import Failure, FailureKind, RunSettings, Seed, Stage
from corpus.case import Candidate, Case, ClaimCheck, Outcome, Remainder, Source
from corpus.dates import EventDate
from tests.builders import estimate, level, sound_case


def settings(**changes: object) -> RunSettings:
    """A run over 2019."""
    fields: dict[str, object] = {
        "first_day": EventDate.parse("2019"), "last_day": EventDate.parse("2019"), "domains": ("economics",)
    }  # fmt: skip
    return RunSettings.model_validate(fields | changes)


def seed(number: int = 0, event: str = "FICTIONAL. The Bank of Ruritania raises its rate") -> Seed:
    """A seed, different for each number."""
    return Seed(event=f"{event} {number}".strip(), date=EventDate.parse("2019-03-10"), domain="economics")


class EmptyLibrary:
    """A library without a document."""

    async def search(
        self, query: str, *, since: date | None, before: date | None, until: datetime | None, limit: int
    ) -> Sequence[Document]:
        """Nothing."""
        return []

    async def browse(self, first: date, last: date) -> Sequence[Document]:
        """Nothing."""
        return []

    async def recall(self, source: Source) -> Document | None:
        """Nothing."""
        return None


@dataclass
class ScriptedRoles:
    """Chronicler, Estimator and Verifier in one; `depth` links, then the end."""

    depth: int = 2
    fail_at: Stage | None = None
    reject: Callable[[Case], Sequence[str]] = lambda case: ()
    breaks: Exception | None = None
    breaks_at: Stage | None = None
    limits: dict[str, list[datetime | None]] = field(default_factory=dict)
    seen_rejected: list[frozenset[str]] = field(default_factory=list)
    seen_notes: list[str] = field(default_factory=list)

    def roles(self, *seeds: Seed) -> Roles:
        """As the five roles of a run."""
        return Roles(ScriptedBrainstormer(seeds), self, self, self)

    def _failure(self, stage: Stage, view: View) -> Failure | None:
        self.limits.setdefault(stage.value, []).append(view.limit)
        if self.breaks is not None:
            raise self.breaks
        if self.breaks_at is stage:
            raise RuntimeError("boom")
        if self.fail_at is stage:
            return Failure(kind=FailureKind.NO_EVIDENCE, message="FICTIONAL trouble", stage=stage)
        return None

    async def context(self, view: View, case: Case) -> Facts | Failure:
        """No facts."""
        return self._failure(Stage.CONTEXT, view) or Facts(())

    async def next_link(
        self, view: View, case: Case, rejected: frozenset[str], note: str
    ) -> Link | ChainEnd | Failure:
        """The next of `depth` outcomes that is not rejected."""
        self.seen_rejected.append(rejected)
        self.seen_notes.append(note)
        if failure := self._failure(Stage.CHAIN, view):
            return failure
        depth = len(case.outcomes) + 1
        event = next(e for e in (f"Outcome {depth}{x}" for x in "abcdef") if e not in rejected)
        if depth > self.depth:
            return ChainEnd("The script ends.")
        day = EventDate.parse(f"2019-{3 + depth:02d}-11")
        evidence = sound_case().outcomes[0].evidence
        return Link(Outcome(depth=depth, event=event, date=day, evidence=evidence), {})

    async def alternatives(self, view: View, case: Case, depth: int) -> Alternatives | Failure:
        """What happened and one alternative."""
        event = case.outcomes[depth - 1].event or ""
        candidates = (Candidate(text=event, happened=True), Candidate(text=f"Alternative {depth}"))
        return self._failure(Stage.ALTERNATIVES, view) or Alternatives(candidates)

    async def estimates(self, view: View, case: Case, depth: int) -> Estimates | Failure:
        """40, 40, 20."""
        weighed = tuple(
            c.model_copy(update={"estimates": (estimate(0.4, "2019-03-10"),)})
            for c in case.outcomes[depth - 1].candidates
        )
        rest = Remainder(estimates=(estimate(0.2, "2019-03-10"),))
        return self._failure(Stage.ESTIMATE, view) or Estimates(weighed, rest)

    async def verify(self, view: View, case: Case, documents: Mapping[str, Document]) -> Checked | Failure:
        """Rejects what it is told to."""
        checks: tuple[ClaimCheck, ...] = ()
        failure = self._failure(Stage.VERIFY, view)
        return failure or Checked(checks, case.outcomes, {}, tuple(self.reject(case)))


@dataclass(frozen=True)
class ScriptedBrainstormer:
    """Answers with given seeds."""

    given: Sequence[Seed]

    async def seeds(self, library: Library, settings: RunSettings) -> Seeds | Failure:
        """The given seeds."""
        return Seeds(tuple(self.given))


__all__ = ["EmptyLibrary", "ScriptedRoles", "level", "seed", "settings"]
