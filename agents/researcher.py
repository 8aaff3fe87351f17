"""One seed researched: the case graph run once, its result validated. The same coroutine on every runner."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger

from agents.graph import CaseNodes, OnStage, build_case_graph, first_state
from agents.library import Library
from agents.offline.finding import evidence_in
from agents.reading.document import Document
from agents.roles import Roles
from agents.state import PROVIDERS, Failure, FailureKind, Researched, RunSettings, Seed, Stage
from corpus.case import Case, Provenance, Status
from corpus.identity import case_id, slug
from corpus.validation import validate

log = getLogger(__name__)

STEPS_PER_ROUND = 12
"""Graph steps that one round of a case can take at most: context, five links, their end, and the rest."""


@dataclass(frozen=True)
class Origin:
    """What the provenance of a case says of the run it came from."""

    run_id: str
    program: str
    clock: Callable[[], datetime]


class Researcher:
    """Turns seeds into cases; between seeds it keeps nothing but the stage each has reached."""

    def __init__(
        self,
        roles: Roles,
        library: Library,
        settings: RunSettings,
        origin: Origin,
        on_stage: OnStage = lambda c, s: None,
    ) -> None:
        self._roles, self._library, self._settings, self._origin = roles, library, settings, origin
        self._reached: dict[str, Stage] = {}

        def reached(case: Case, stage: Stage) -> None:
            self._reached[case.seed_event] = stage
            on_stage(case, stage)

        self._graph = build_case_graph(CaseNodes(roles, library, settings, reached))

    async def research(self, seed: Seed) -> Researched:
        """Run the case graph on one seed. A fault of the program becomes a failure of this seed alone."""
        seed, documents = await self._with_evidence(seed)
        state = first_state(self._empty_case(seed), documents, seed.note)
        self._reached[seed.event] = Stage.CONTEXT
        limit = STEPS_PER_ROUND * (self._settings.repairs + 1)
        try:
            result = await self._graph.ainvoke(state, {"recursion_limit": limit})
        except (OSError, MemoryError):
            raise  # the machine's trouble, not this seed's: the run stops and can be resumed
        except Exception as fault:  # noqa: BLE001 - one seed must not take the run's other seeds with it
            log.error("research of %r broke:\n%s", seed.event, traceback.format_exc())
            message = f"{type(fault).__name__}: {fault}"
            return Researched(
                seed,
                failure=Failure(kind=FailureKind.BROKEN, message=message, stage=self._reached[seed.event]),
            )
        if result["failure"] is not None:
            return Researched(seed, failure=result["failure"])
        case = _with_providers(result["case"], result["documents"])
        case = case.model_copy(update={"status": Status.PENDING})
        return Researched(seed, case, result["documents"], tuple(validate(case)))

    async def _with_evidence(self, seed: Seed) -> tuple[Seed, dict[str, Document]]:
        """A seed that was named without evidence is looked up in the library, which may reach the web."""
        if seed.evidence or seed.chosen != "named":
            return seed, await self._recalled(seed)
        found = await evidence_in(self._library, seed.event, seed.date)
        documents = {m.document.source_id: m.document for m in found}
        told = {
            "evidence": tuple(m.evidence() for m in found),
            "sources": tuple(document.as_source() for document in documents.values()),
        }
        return seed.model_copy(update=told), documents

    async def _recalled(self, seed: Seed) -> dict[str, Document]:
        found = {source.source_id: await self._library.recall(source) for source in seed.sources}
        return {key: document for key, document in found.items() if document is not None}

    def _empty_case(self, seed: Seed) -> Case:
        settings = self._settings
        return Case(
            case_id=seed.case_id or case_id(seed.event, seed.date, seed.domain),
            slug=slug(seed.event, seed.date),
            domain=seed.domain,
            seed_event=seed.event,
            seed_date=seed.date,
            horizon_months=seed.horizon_months or settings.horizon_months,
            seed_evidence=seed.evidence,
            sources=seed.sources,
            status=Status.DRAFT,
            provenance=Provenance(
                origin="agents",
                run_id=self._origin.run_id,
                created_at=self._origin.clock(),
                program=self._origin.program,
                models=dict(self._roles.models),
                prompts=dict(self._roles.prompts),
                settings={
                    "mode": settings.mode,
                    "max_depth": settings.max_depth,
                    "repairs": settings.repairs,
                    "chosen": seed.chosen,
                    **self._roles.settings,
                },
            ),
        )


def _with_providers(case: Case, documents: Mapping[str, Document]) -> Case:
    """The case with the names of those that supplied its evidence, in its provenance."""
    cited = [documents[source.source_id] for source in case.sources if source.source_id in documents]
    found = ",".join(sorted({document.provider for document in cited if document.provider}))
    settings = {**case.provenance.settings, PROVIDERS: found} if found else case.provenance.settings
    return case.model_copy(update={"provenance": case.provenance.model_copy(update={"settings": settings})})
