"""What a run works with: roles, library, journal, models and the web, opened together and closed together."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agents.archive import Archive
from agents.commands.model_options import ModelRequest
from agents.journal import Journal, dollars
from agents.library import ArchiveLibrary, Library
from agents.offline.base_rates import BaseRates
from agents.offline.roles import offline_roles
from agents.roles import Roles
from agents.state import RunSettings
from db.export import approved_cases
from db.journal import Journal as StoredCalls
from db.session import Store

if TYPE_CHECKING:  # httpx and langchain are loaded when they are used
    from agents.dated_lists import ListedEvents, Sample
    from agents.models.result import Usage
    from agents.prompted.estimator import Forecasts
    from agents.prompted.verifier import FactChecked
    from agents.providers.base import Forecast
    from agents.providers.registry import Outages, Registry
    from agents.web_library import WebReading


@dataclass
class Equipment:
    """The parts that the graphs are given, and what is to be said of them at the end."""

    roles: Roles
    library: Library
    notes: list[str] = field(default_factory=list)
    """Filled when the equipment is closed: cost by role, pages read, what failed."""


@dataclass
class _Web:
    library: Library
    listed: ListedEvents
    registry: Registry
    outages: Outages
    reading: WebReading
    flagged: set[str] = field(default_factory=set)

    def notes(self) -> list[str]:
        found = [f"Web: {self.reading.line()}.", self.listed.line(), *self.outages.lines()]
        found = [line for line in found if line]
        listed = ", ".join(sorted(self.flagged))
        return [*found, f"Pages that try to instruct a model: {listed}."] if listed else found


@asynccontextmanager
async def equipped(
    request: ModelRequest, store: Store, archive: Archive, run_id: str, settings: RunSettings
) -> AsyncIterator[Equipment]:
    """Everything open; offline nothing but rules and the archive."""
    base_rates = BaseRates(approved_cases(store))
    own = ArchiveLibrary(archive)
    if request.mode == "offline":
        yield Equipment(offline_roles(base_rates), own)
        return
    from agents.store_journal import StoreJournal

    stored = StoreJournal(StoredCalls(store, run_id))
    try:
        journal = taped(stored, request)
        if not request.web:
            async with _with_models(request, journal, base_rates, own, None) as made:
                yield made
            return
        async with _web(request, journal, settings) as web:
            from agents.joined_library import JoinedLibrary

            library = JoinedLibrary(own, web.library, web.listed)
            async with _with_models(request, journal, base_rates, library, web) as made:
                made.notes += web.registry.missing()
                yield made
            made.notes += web.notes()
    finally:
        stored.close()


def taped(journal: Journal, request: ModelRequest) -> Journal:
    """The journal with a tape beside it, or the tape alone."""
    from agents.tape import Player, Recorder

    if request.replay:
        return Player(Path(request.replay))
    return Recorder(journal, Path(request.record)) if request.record else journal


@asynccontextmanager
async def _with_models(
    request: ModelRequest, journal: Journal, base_rates: BaseRates, library: Library, web: _Web | None
) -> AsyncIterator[Equipment]:
    if not request.uses_models:
        yield Equipment(offline_roles(base_rates), library)
        return
    from agents.model import open_models
    from agents.models.prices import load
    from agents.prompted.roles import prompted_roles

    settings = request.settings(os.environ)
    models = open_models(settings, journal, load(os.environ), capped=request.max_usd is not None)
    async with models:
        if web is None:
            roles = prompted_roles(models, base_rates)
        else:
            roles = prompted_roles(
                models, base_rates, forecasts=_forecasts(web), fact_checked=_fact_checked(web)
            )
        made = Equipment(roles, library)
        yield made
        made.notes += [usage_line(role, usage) for role, usage in sorted(models.usage().items())]


def usage_line(role: str, usage: Usage) -> str:
    """What a role's calls used, in a sentence."""
    again = f", {usage.from_journal} of them from the journal" if usage.from_journal else ""
    kept = f" ({usage.cached_tokens:,} of them from the server's cache)" if usage.cached_tokens else ""
    return (
        f"{role}: {usage.calls} call{'' if usage.calls == 1 else 's'}{again}, {usage.prompt_tokens:,} prompt{kept} and "
        f"{usage.completion_tokens:,} completion tokens, {dollars(usage.cost_nanousd)}."
    )


@asynccontextmanager
async def _web(request: ModelRequest, journal: Journal, settings: RunSettings) -> AsyncIterator[_Web]:
    from agents.dated_lists import ListedEvents
    from agents.fetch import AsOfFetcher
    from agents.fetching.client import WebClient
    from agents.page_reading import read_page
    from agents.providers import configuration, registry
    from agents.providers.presets import sites_of
    from agents.web_library import WebLibrary

    chosen = configuration.load(os.environ)
    outages = registry.Outages()
    flagged: set[str] = set()
    async with WebClient(chosen.settings(), chosen.gate(), chosen.policy(), journal) as client:
        ready = registry.build(chosen, client, os.environ)
        fetcher = AsOfFetcher(
            client, read_page, wikipedia=ready.wikipedia, wayback=ready.wayback, on_failure=outages.note,
            on_flags=lambda document, found: flagged.add(document.url),
        )  # fmt: skip
        library = WebLibrary(
            ready.searches(), fetcher, sites=sites_of(request.sites), on_failure=outages.note
        )
        listed = ListedEvents(
            ready.lists(request.list_names), _sample(settings), fetcher.document, outages.note
        )
        yield _Web(library, listed, ready, outages, library.reading, flagged)


def _sample(settings: RunSettings) -> Sample:
    from agents.dated_lists import Sample

    return Sample(
        first=settings.first_day.first_day,
        last=settings.last_day.last_day,
        wanted=settings.num_cases,
        domains=settings.domains,
        random_seed=settings.random_seed,
    )


def _forecasts(web: _Web) -> Forecasts:
    """Markets and surveys, one after the other; one that fails is named in the summary."""
    from agents.providers.base import ProviderFailure

    async def asked(words: str, as_of: datetime) -> Sequence[Forecast]:
        found: list[Forecast] = []
        for source in web.registry.forecasts():
            answer = await source.forecasts(words, as_of)
            if isinstance(answer, ProviderFailure):
                web.outages.note(answer)
            else:
                found += answer
        return found

    return asked


def _fact_checked(web: _Web) -> FactChecked:
    from agents.providers.base import ProviderFailure

    async def asked(claim: str) -> Sequence[str]:
        if web.registry.fact_checks is None:
            return ()
        answer = await web.registry.fact_checks.claims(claim, 3)
        if isinstance(answer, ProviderFailure):
            web.outages.note(answer)
            return ()
        return [f"{check.publisher}: {check.rating} ({check.claim}; {check.url})" for check in answer]

    return asked
