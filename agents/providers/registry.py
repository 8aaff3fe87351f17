"""All providers, made from configuration and keys: which are ready, and what the others lack.

One that lacks its key or address says so in a line and is left out; nothing is called before it is used.
`Outages` collects what failed during a run, for its summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from agents.fetching.client import WebClient
from agents.providers import (
    brave,
    exa,
    fact_checks,
    fred,
    gdelt,
    manifold,
    polymarket,
    searxng,
    survey,
    tavily,
    wayback,
    wikipedia,
    world_bank,
)
from agents.providers.base import (
    Access,
    DatedLists,
    ForecastSource,
    Provider,
    ProviderFailure,
    ProviderInfo,
    WebSearch,
)
from agents.providers.configuration import WebConfiguration, url_variable

_MAKERS: tuple[tuple[ProviderInfo, Callable[[Access], Provider]], ...] = (
    (wikipedia.INFO, wikipedia.Wikipedia),
    (wayback.INFO, wayback.Wayback),
    (searxng.INFO, searxng.SearXNG),
    (tavily.INFO, tavily.Tavily),
    (brave.INFO, brave.Brave),
    (exa.INFO, exa.Exa),
    (gdelt.INFO, gdelt.Gdelt),
    (fred.INFO, fred.Fred),
    (world_bank.INFO, world_bank.WorldBank),
    (survey.INFO, survey.ProfessionalForecasters),
    (polymarket.INFO, polymarket.Polymarket),
    (manifold.INFO, manifold.Manifold),
    (fact_checks.INFO, fact_checks.FactChecks),
)
NAMES = tuple(info.name for info, _ in _MAKERS)
SEARCH_NAMES = ("searxng", "tavily", "brave", "exa", "gdelt")
LIST_NAMES = ("wikipedia", "gdelt")
FORECAST_NAMES = ("polymarket", "manifold", "spf")


@dataclass(frozen=True)
class Entry:
    """One provider as it stands: ready, or what it lacks."""

    info: ProviderInfo
    provider: Provider | None
    lacks: str
    """One sentence; empty where it is ready."""


@dataclass(frozen=True)
class Registry:
    """The providers of one process, by name."""

    entries: Mapping[str, Entry]

    @property
    def wikipedia(self) -> wikipedia.Wikipedia | None:
        """Pages as they stood."""
        return cast("wikipedia.Wikipedia | None", self.entries["wikipedia"].provider)

    @property
    def wayback(self) -> wayback.Wayback | None:
        """Archived copies."""
        return cast("wayback.Wayback | None", self.entries["wayback"].provider)

    @property
    def fact_checks(self) -> fact_checks.FactChecks | None:
        """Published checks."""
        return cast("fact_checks.FactChecks | None", self.entries["fact_checks"].provider)

    def searches(self) -> list[WebSearch]:
        """Ready search engines, in the order they are asked."""
        return [cast(WebSearch, provider) for provider in self._ready(SEARCH_NAMES)]

    def lists(self, names: Sequence[str] = LIST_NAMES) -> list[DatedLists]:
        """Ready dated lists among `names`, in the order they are asked."""
        wanted = tuple(name for name in LIST_NAMES if name in names)
        return [cast(DatedLists, provider) for provider in self._ready(wanted)]

    def forecasts(self) -> list[ForecastSource]:
        """Ready sources of probabilities."""
        return [cast(ForecastSource, provider) for provider in self._ready(FORECAST_NAMES)]

    def missing(self) -> list[str]:
        """A line for each provider that is not ready."""
        return [f"{name}: {entry.lacks}" for name, entry in self.entries.items() if entry.lacks]

    def _ready(self, names: tuple[str, ...]) -> list[Provider]:
        return [entry.provider for name in names if (entry := self.entries[name]).provider is not None]


def build(configuration: WebConfiguration, client: WebClient, environment: Mapping[str, str]) -> Registry:
    """All providers over one client; keys come from the environment."""
    return Registry(
        {info.name: _entry(info, make, configuration, client, environment) for info, make in _MAKERS}
    )


def _entry(
    info: ProviderInfo,
    make: Callable[[Access], Provider],
    configuration: WebConfiguration,
    client: WebClient,
    environment: Mapping[str, str],
) -> Entry:
    services = {name: configuration.services[name] for name in info.services}
    key = environment.get(info.key_variable, "") if info.key_variable else ""
    if unset := [name for name, url in services.items() if not url]:
        return Entry(info, None, f"has no address; set {url_variable(unset[0])}.")
    if info.key_variable and not key:
        return Entry(info, None, f"has no key; set {info.key_variable}.")
    return Entry(info, make(Access(info, client, services, key)), "")


@dataclass
class Outages:
    """What providers failed at during a run; one that fails leaves the run going."""

    _counts: Counter[str] = field(default_factory=Counter)
    _last: dict[str, str] = field(default_factory=dict)

    def note(self, failure: ProviderFailure) -> None:
        """Count a failure and keep its sentence."""
        self._counts[failure.provider] += 1
        self._last[failure.provider] = failure.message

    def lines(self) -> list[str]:
        """One line a provider: how often, and the last reason."""
        return [
            f"{name} failed {count} times, last: {self._last[name]}"
            for name, count in sorted(self._counts.items())
        ]
