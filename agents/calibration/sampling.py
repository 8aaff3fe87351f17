"""A stratified sample: every stratum gets its share, which of its items by lot with a seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from agents.calibration.items import Item
from corpus.errors import InvalidInput
from corpus.pooling import largest_remainder

SIZE = 50


def stratified(items: Sequence[Item], used: frozenset[str], *, size: int, seed: int) -> list[Item]:
    """`size` items that are not in `used`, by stratum in proportion to what is fresh; raises `InvalidInput`.

    Quotas by largest remainder; the same file, ledger and seed give the same sample.
    """
    fresh = [item for item in items if item.item_id not in used]
    if len(fresh) < size:
        raise InvalidInput(
            f"{len(items)} items, {len(items) - len(fresh)} of them used by an earlier calibration: {len(fresh)} are "
            f"left for a sample of {size}; add items to the file or take --size {len(fresh) or 1}."
        )
    strata: defaultdict[tuple[str, int, str], list[Item]] = defaultdict(list)
    for item in sorted(fresh, key=lambda item: item.item_id):
        strata[item.stratum].append(item)
    names = sorted(strata)
    quotas = largest_remainder([len(strata[name]) / len(fresh) for name in names], size)
    drawn: list[Item] = []
    for name, quota in zip(names, quotas, strict=True):
        drawn += random.Random(f"{seed}/{name}").sample(strata[name], quota)
    return sorted(drawn, key=lambda item: item.item_id)
