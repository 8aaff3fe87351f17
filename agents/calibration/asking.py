"""The items put to the model, as the Estimator puts a case's levels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from agents.calibration.items import Item
from agents.library import Library, View
from agents.offline.estimator import LOOKING_BACK_DAYS
from agents.prompted.asking import RoleModels
from agents.prompted.weighing_levels import evidence_for, weigh_level
from agents.state import Failure

DOCUMENTS = 20


@dataclass(frozen=True)
class Asked:
    """An item with the model's distribution, or why there is none."""

    item: Item
    distribution: tuple[float, ...] | None
    recall_risk: bool = False
    evidence: int = 0
    """Passages shown."""
    failure: Failure | None = None


async def ask_all(
    models: RoleModels, library: Library, items: Sequence[Item], *, concurrency: int = 8
) -> list[Asked]:
    """All items, several at a time, in their order."""
    places = asyncio.Semaphore(concurrency)

    async def one(item: Item) -> Asked:
        async with places:
            return await _ask(models, library, item)

    return list(await asyncio.gather(*(one(item) for item in items)))


async def _ask(models: RoleModels, library: Library, item: Item) -> Asked:
    parent, _ = item.level.parent
    since = parent.first_day - timedelta(days=LOOKING_BACK_DAYS)
    view = View(library, item.read_until)
    found = await view.search(item.level.about(), since=since, before=parent.last_day, count=DOCUMENTS)
    shown = evidence_for(item.level, item.candidates, found)
    weighed = await weigh_level(models, item.level, item.candidates, shown)
    if isinstance(weighed, Failure):
        return Asked(item, None, evidence=len(shown.items), failure=weighed)
    values = tuple(value.value for value in weighed.values)
    return Asked(item, values, weighed.recall_risk, len(shown.items))
