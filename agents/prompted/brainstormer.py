"""The Brainstormer with a model: ranks, phrases and merges dated statements; invents no event.

The rules find more statements than are wanted; the model sees them numbered, with their dates, and answers with
the events among them. Names and numbers of a wording must stand in the statements it names, merged statements
must be of overlapping dates. Of the share that is drawn blind the model phrases the events too, but its ranking
does not touch them. Finds only what the documents of the period state.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from agents.checks import missing_names, missing_numbers
from agents.injection import flags, numbered_block
from agents.library import Library
from agents.offline.brainstormer import OfflineBrainstormer
from agents.prompted.asking import Question, ReplyForm, RoleModels, ask
from agents.roles import Seeds
from agents.state import Failure, RunSettings, Seed, Stage

ROLE = "brainstormer"
MORE = 3
"""How many times the wanted number of seeds the model chooses from."""
A_PAGE = 40
"""Statements shown at a time."""


class EventReply(ReplyForm):
    """One event of the list."""

    numbers: list[int]
    event: Annotated[str, Field(min_length=1)]
    worth: Annotated[float, Field(ge=0, le=10)]


class BrainstormReply(ReplyForm):
    """The events worth researching."""

    events: list[EventReply]


@dataclass(frozen=True)
class _Phrased:
    seed: Seed
    worth: float


class PromptedBrainstormer:
    """See `agents.roles.Brainstormer`."""

    def __init__(self, models: RoleModels) -> None:
        self._models = models
        self._rules = OfflineBrainstormer()

    async def seeds(self, library: Library, settings: RunSettings) -> Seeds | Failure:
        """At most `num_cases` seeds by date, `blind_share` of them drawn without the model's ranking."""
        wide = settings.model_copy(update={"num_cases": settings.num_cases * MORE})
        found = await self._rules.seeds(library, wide)
        clean = [seed for seed in found.seeds if not any(flags(item.exact) for item in seed.evidence)]
        phrased: list[_Phrased] = []
        for start in range(0, len(clean), A_PAGE):
            page = await self._page(clean[start : start + A_PAGE], settings)
            if isinstance(page, Failure):
                return page
            phrased += page
        chosen = sorted(_chosen(phrased, settings), key=lambda seed: (seed.date, seed.event))
        short = len(chosen) < settings.num_cases
        note = f"The model found {len(phrased)} events in the documents; {settings.num_cases} were wanted."
        return Seeds(tuple(chosen), (note,) if short else ())

    async def _page(self, options: Sequence[Seed], settings: RunSettings) -> list[_Phrased] | Failure:
        lines = ((f"[{n}] {seed.date}", _statement(seed)) for n, seed in enumerate(options, start=1))
        values = {"domains": ", ".join(settings.domains), "evidence": numbered_block(lines, "statements")}
        question = Question("brainstorm", ROLE, Stage.CONTEXT, "", values)
        reply = await ask(self._models, question, BrainstormReply, lambda r: _problem(r, options))
        if isinstance(reply, Failure):
            return reply
        return [_Phrased(_merged(row, options), row.worth) for row in reply.events]


def _statement(seed: Seed) -> str:
    return seed.evidence[0].exact if seed.evidence else seed.event


def _problem(reply: BrainstormReply, options: Sequence[Seed]) -> str | None:
    used: set[int] = set()
    for row in reply.events:
        if not row.numbers or any(not 1 <= n <= len(options) for n in row.numbers):
            return f"{row.event!r} must name statements 1 to {len(options)}, not {row.numbers}."
        if twice := used & set(row.numbers):
            return f"Statement [{min(twice)}] is named twice."
        used |= set(row.numbers)
        seeds = [options[n - 1] for n in row.numbers]
        if not all(seeds[0].date.overlaps(seed.date) for seed in seeds):
            return f"{row.event!r} merges statements of different dates."
        texts = [item.exact for seed in seeds for item in seed.evidence] + [seed.event for seed in seeds]
        if added := [*missing_numbers(row.event, texts), *missing_names(row.event, texts)]:
            return f"{row.event!r} adds {', '.join(added)}; keep to the statements."
    return None


def _merged(row: EventReply, options: Sequence[Seed]) -> Seed:
    """The first statement's seed in the model's words, with the quotations of all."""
    seeds = [options[n - 1] for n in row.numbers]
    finest = min((seed.date for seed in seeds), key=lambda when: when.last_day - when.first_day)
    return seeds[0].model_copy(
        update={
            "event": " ".join(row.event.split()).rstrip("."),
            "date": finest,
            "evidence": tuple(dict.fromkeys(item for seed in seeds for item in seed.evidence)),
            "sources": tuple(dict.fromkeys(source for seed in seeds for source in seed.sources)),
        }
    )


def _chosen(phrased: Sequence[_Phrased], settings: RunSettings) -> list[Seed]:
    """The blind share drawn by lot from all, then the best of the rest by the model's ranking."""
    blind = round(settings.blind_share * min(settings.num_cases, len(phrased)))
    order = sorted(phrased, key=lambda p: (p.seed.date, p.seed.event))
    drawn = random.Random(settings.random_seed).sample(order, blind)
    rest = sorted((p for p in order if p not in drawn), key=lambda p: (-p.worth, p.seed.date, p.seed.event))
    ranked = rest[: settings.num_cases - blind]
    return [
        p.seed.model_copy(update={"chosen": how}) for group, how in ((ranked, "ranked"), (drawn, "blind"))
        for p in group
    ]  # fmt: skip
