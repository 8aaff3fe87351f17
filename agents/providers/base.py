"""What a provider is: where it lives, what it needs, and the few kinds of things providers give.

A provider turns one service's answers into values of the project and every fault into a
`ProviderFailure`; it never raises for what a service does. Search hits are pointers only: their titles and
snippets are written by somebody who may know the outcome, so nothing of them is evidence until
`agents.fetch` has read the page itself under a cut-off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from agents.fetching.client import WebClient
from agents.fetching.result import Fetched, FetchFailure, FetchProblem, WebRequest
from agents.fetching.sniff import MediaType
from agents.reading.document import Document
from corpus.case import Terms
from corpus.dates import EventDate

JSON_ONLY = frozenset({MediaType.JSON, MediaType.EMPTY})
"""Some services send no bytes at all where they mean an empty list."""
SETTLED_DAYS = 7
"""An entry of a dated list and the pages it names are read as they stood so long after its day: reported, and
written before what followed."""


@dataclass(frozen=True)
class ProviderInfo:
    """What a user must know of a provider before using it."""

    name: str
    gives: str
    services: tuple[str, ...]
    """Names in `[services]` of hosts.toml."""
    terms: Terms
    terms_note: str
    key_variable: str = ""
    """Environment variable of the key; empty where none is needed."""


@dataclass(frozen=True)
class ProviderFailure:
    """A provider that gave nothing, and why, in one sentence."""

    provider: str
    problem: FetchProblem
    message: str


class Provider(Protocol):
    """What all providers have in common."""

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        ...

    async def probe(self) -> ProviderFailure | None:
        """One small real request; None where it answers as it should."""
        ...


@dataclass(frozen=True)
class Hit:
    """A pointer to a page; never evidence."""

    url: str
    title: str
    snippet: str
    claimed_date: EventDate | None
    """What the engine says; a hint, never a proof."""
    engine: str


@dataclass(frozen=True)
class Query:
    """What is searched for."""

    words: str
    since: date | None = None
    before: date | None = None
    """Dates are passed on to engines that take them, as a hint: they answer with later pages all the same."""
    domains: tuple[str, ...] = ()
    """Only these sites; see `presets.toml`."""
    count: int = 10


class WebSearch(Protocol):
    """Finds pages by words."""

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        ...

    async def search(self, query: Query) -> Sequence[Hit] | ProviderFailure:
        """At most `query.count` hits, each address once."""
        ...

    async def probe(self) -> ProviderFailure | None:
        """One small real request; None where it answers as it should."""
        ...


@dataclass(frozen=True)
class DatedItem:
    """One entry of a dated list of events: a possible seed."""

    date: date
    text: str
    category: str
    links: tuple[str, ...]
    """Pages that the entry names as its sources."""
    topic: str = ""
    weight: float = 0.0
    """How much was written about it, in the list's own measure; 0 where the list has none."""
    document: Document | None = None
    """The entry itself, where a list may be quoted; None for one that machines coded."""


class DatedLists(Protocol):
    """Gives events of a day."""

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        ...

    async def events(self, day: date) -> Sequence[DatedItem] | ProviderFailure:
        """What happened on a day, as the list has it."""
        ...


@dataclass(frozen=True)
class Observation:
    """One value of a series."""

    period: EventDate
    value: float
    known_from: date | None
    """First day of the vintage it comes from; None where the source keeps no vintages."""


@dataclass(frozen=True)
class Forecast:
    """A probability that a market or a survey gave at a moment."""

    question: str
    option: str
    """What the probability is of."""
    probability: float
    at: datetime
    venue: str
    url: str
    terms: Terms
    samples: int | None = None
    """Traders or people asked."""
    closes: datetime | None = None


@dataclass(frozen=True)
class Access:
    """One provider's way to its services: client, addresses, key."""

    info: ProviderInfo
    client: WebClient
    services: Mapping[str, str]
    key: str = field(default="", repr=False)

    async def fetch(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        service: str = "",
        expect: frozenset[MediaType] = frozenset(),
        secret_params: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        post: Any = None,
        max_bytes: int | None = None,
        generation: int = 0,
    ) -> Fetched | ProviderFailure:
        """What a service answers to a path below its base address."""
        base = self.services.get(service or self.info.services[0], "")
        if not base:
            return self.failure(FetchProblem.NOT_SET_UP, f"{self.info.name} has no address; set one first.")
        request = WebRequest(
            url=base + path,
            params=params or {},
            method="GET" if post is None else "POST",
            json=post,
            secret_params=secret_params or {},
            secret_headers=secret_headers or {},
            label=self.info.name,
            expect=expect,
            max_bytes=max_bytes,
            generation=generation,
        )
        result = await self.client.fetch(request)
        return self.failed(result) if isinstance(result, FetchFailure) else result

    async def json(self, path: str, params: Mapping[str, str] | None = None, **options: Any) -> Any:
        """The JSON a service answers (None for no bytes at all), or a `ProviderFailure`."""
        result = await self.fetch(path, params, expect=JSON_ONLY, **options)
        if isinstance(result, ProviderFailure):
            return result
        if result.media is MediaType.EMPTY:
            return None
        try:
            return json.loads(result.content)
        except ValueError as error:
            message = f"{self.info.name} sent JSON that cannot be read: {error}."
            return self.failure(FetchProblem.WRONG_TYPE, message)

    def failed(self, failure: FetchFailure) -> ProviderFailure:
        """A fetch's failure as this provider's, with the next step where a key is the matter."""
        message = failure.message
        if failure.problem is FetchProblem.UNAUTHORISED and self.info.key_variable:
            message += f"; check {self.info.key_variable}."
        return self.failure(failure.problem, message)

    def failure(self, problem: FetchProblem, message: str) -> ProviderFailure:
        """A failure of this provider."""
        return ProviderFailure(self.info.name, problem, message)

    def unreadable(self, what: str) -> ProviderFailure:
        """A failure for an answer that lacks what it should hold."""
        return self.failure(FetchProblem.WRONG_TYPE, f"{self.info.name} sent an answer without {what}.")


class ForecastSource(Protocol):
    """Gives probabilities as they stood at a moment."""

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        ...

    async def forecasts(
        self, words: str, as_of: datetime, count: int = 5
    ) -> Sequence[Forecast] | ProviderFailure:
        """Forecasts on questions that share words with `words`, the most fitting first.

        Whether a question is the level's own is for the Estimator to judge; nothing here is after `as_of`.
        """
        ...

    async def probe(self) -> ProviderFailure | None:
        """One small real request; None where it answers as it should."""
        ...


@dataclass(frozen=True)
class FactCheck:
    """One published check of a claim."""

    claim: str
    rating: str
    """In the publisher's own words."""
    publisher: str
    url: str
    reviewed: EventDate | None
