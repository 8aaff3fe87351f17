"""The two graphs: one for a run, one for a case. The nodes hold no logic of research; the roles do.

    run    brainstorm → research (every seed, by the runner) → end
    case   context → chain ⟲ → alternatives → estimate → verify ⤴ chain (bounded) → end

Routes are explicit: each node answers with the node that follows. There is no checkpointer: what was paid
for lies in the journal, and a case is stored whole, so a resumed run begins its unfinished seeds anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from agents.library import Library, View
from agents.reading.document import Document
from agents.roles import ChainEnd, Roles, cited, with_outcome
from agents.state import CaseState, Failure, RunSettings, RunState, Seed, Stage
from corpus.case import Case
from corpus.pooling import pooled_outcome

CaseNode = Literal["context", "chain", "alternatives", "estimate", "verify", "__end__"]
OnStage = Callable[[Case, Stage], None]


@dataclass(frozen=True)
class CaseNodes:
    """The nodes of the case graph, each one step of one role."""

    roles: Roles
    library: Library
    settings: RunSettings
    on_stage: OnStage = lambda case, stage: None

    async def context(self, state: CaseState) -> Command[CaseNode]:
        """What was known on the seed date."""
        case = self._enter(state, Stage.CONTEXT)
        found = await self.roles.chronicler.context(View(self.library, case.seed_date.end()), case)
        if isinstance(found, Failure):
            return self._fail(found)
        case = cited(case.model_copy(update={"context": found.facts}), found.documents)
        return Command(
            goto="chain", update={"case": case, "documents": {**state["documents"], **found.documents}}
        )

    async def chain(self, state: CaseState) -> Command[CaseNode]:
        """One more link; comes back to itself until the evidence ends or the chain is deep enough."""
        case = self._enter(state, Stage.CHAIN)
        if case.depth >= self.settings.max_depth:
            return Command(goto="alternatives", update={})
        found = await self.roles.chronicler.next_link(
            View(self.library, None), case, state["rejected"], state["note"]
        )
        if isinstance(found, Failure):
            return self._fail(found)
        if isinstance(found, ChainEnd):
            return Command(goto="alternatives", update={"case": _with_note(case, found.reason)})
        case = case.model_copy(update={"outcomes": (*case.outcomes, found.outcome)})
        documents = {**state["documents"], **found.documents}
        return Command(goto="chain", update={"case": cited(case, found.documents), "documents": documents})

    async def alternatives(self, state: CaseState) -> Command[CaseNode]:
        """What could have happened instead, level by level."""
        case, documents = self._enter(state, Stage.ALTERNATIVES), dict(state["documents"])
        for outcome in case.outcomes:
            if outcome.candidates:  # a repaired chain keeps the levels that held
                continue
            found = await self.roles.estimator.alternatives(
                self._blind(case, outcome.depth), case, outcome.depth
            )
            if isinstance(found, Failure):
                return self._fail(found)
            documents |= found.documents
            level = outcome.model_copy(
                update={"candidates": found.candidates, "note": _joined(outcome.note, found.note)}
            )
            case = cited(with_outcome(case, outcome.depth, level), found.documents)
        return Command(goto="estimate", update={"case": case, "documents": documents})

    async def estimate(self, state: CaseState) -> Command[CaseNode]:
        """How likely each candidate looked at the as-of; pooled to one distribution a level."""
        case = self._enter(state, Stage.ESTIMATE)
        for outcome in case.outcomes:
            view = self._blind(case, outcome.depth)
            found = await self.roles.estimator.estimates(view, case, outcome.depth)
            if isinstance(found, Failure):
                return self._fail(found)
            level = outcome.model_copy(
                update={
                    "candidates": found.candidates,
                    "remainder": found.remainder,
                    "note": _joined(outcome.note, found.note),
                }
            )
            case = with_outcome(case, outcome.depth, pooled_outcome(level))
        return Command(goto="verify", update={"case": case})

    async def verify(self, state: CaseState) -> Command[CaseNode]:
        """Check every claim; a chain with a link that does not hold goes back, a bounded number of times."""
        case = self._enter(state, Stage.VERIFY)
        found = await self.roles.verifier.verify(View(self.library, None), case, state["documents"])
        if isinstance(found, Failure):
            return self._fail(found)
        if found.rejected and state["repairs"] < self.settings.repairs:
            update = {
                "case": _cut_back(case, found.rejected),
                "rejected": state["rejected"] | frozenset(found.rejected),
                "repairs": state["repairs"] + 1,
            }
            return Command(goto="chain", update=update)
        case = case.model_copy(update={"verification": found.checks, "outcomes": found.outcomes})
        documents = {**state["documents"], **found.documents}
        done = {"case": cited(case, found.documents), "documents": documents, "stage": Stage.DONE}
        return Command(goto="__end__", update=done)

    def _enter(self, state: CaseState, stage: Stage) -> Case:
        self.on_stage(state["case"], stage)
        return state["case"]

    def _blind(self, case: Case, depth: int) -> View:
        """A view that ends before the level's outcome can have happened."""
        limit = case.reading_limit(depth)
        return View(self.library, limit or case.seed_date.end())

    @staticmethod
    def _fail(failure: Failure) -> Command[CaseNode]:
        return Command(goto="__end__", update={"failure": failure})


def _with_note(case: Case, reason: str) -> Case:
    """A chain that ends says why, in the provenance of the case."""
    provenance = case.provenance.model_copy(update={"note": reason})
    return case.model_copy(update={"provenance": provenance})


def _joined(*notes: str) -> str:
    return " ".join(dict.fromkeys(note for note in notes if note))


def _cut_back(case: Case, rejected: Sequence[str]) -> Case:
    """Drop the first link that does not hold and all that follows from it."""
    kept = []
    for outcome in case.outcomes:
        if outcome.event in rejected:
            break
        kept.append(outcome)
    return case.model_copy(update={"outcomes": tuple(kept)})


def build_case_graph(nodes: CaseNodes) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The case graph; invoke with the state of `first_state`."""
    graph = StateGraph(CaseState)
    graph.add_node("context", nodes.context)
    graph.add_node("chain", nodes.chain)
    graph.add_node("alternatives", nodes.alternatives)
    graph.add_node("estimate", nodes.estimate)
    graph.add_node("verify", nodes.verify)
    graph.add_edge(START, "context")
    return graph.compile()


def first_state(case: Case, documents: Mapping[str, Document], note: str = "") -> CaseState:
    """Where every case begins; `documents` are those of its seed."""
    return CaseState(
        case=case,
        documents=documents,
        stage=Stage.CONTEXT,
        rejected=frozenset(),
        repairs=0,
        note=note,
        failure=None,
    )


Research = Callable[[Sequence[Seed]], Awaitable[tuple[int, int]]]
"""Seeds → how many ended as cases and how many failed; the runner's part."""


@dataclass(frozen=True)
class RunNodes:
    """The nodes of the run graph."""

    roles: Roles
    library: Library
    on_seeds: Callable[[Sequence[Seed], Sequence[str]], Awaitable[None]]
    research: Research

    async def brainstorm(self, state: RunState) -> Command[Literal["dispatch", "__end__"]]:
        """Find seeds, unless an interrupted run has them already."""
        if state.get("seeds"):
            return Command(goto="dispatch", update={})
        found = await self.roles.brainstormer.seeds(self.library, state["settings"])
        if isinstance(found, Failure):
            return Command(goto="__end__", update={"notes": (found.message,), "failure": found})
        await self.on_seeds(found.seeds, found.notes)
        return Command(goto="dispatch", update={"seeds": found.seeds, "notes": found.notes})

    async def dispatch(self, state: RunState) -> Command[Literal["__end__"]]:
        """Hand the seeds to the runner; on a fleet the queue stands here."""
        done, failed = await self.research(state["seeds"])
        return Command(goto="__end__", update={"done": done, "failed": failed})


def build_run_graph(nodes: RunNodes) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The run graph; invoke with the settings and, on resuming, the seeds."""
    graph = StateGraph(RunState)
    graph.add_node("brainstorm", nodes.brainstorm)
    graph.add_node("dispatch", nodes.dispatch)
    graph.add_edge(START, "brainstorm")
    return graph.compile()


__all__ = ["END", "CaseNodes", "RunNodes", "build_case_graph", "build_run_graph", "first_state"]
