"""FICTIONAL levels made by hand, without a snapshot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from corpus.dates import EventDate
from evaluation.levels import Level


def level(
    number: int = 0, *, as_of: str = "2020-01-01", options: int = 3, outcome: int = 0, **changes: Any
) -> Level:
    """A level with a family of its own."""
    texts = tuple(f"Town {number} does deed {k}" for k in range(options))
    end = EventDate.parse(as_of).end()
    fields: dict[str, Any] = {
        "case_id": f"c{number}", "family": f"f{number}", "depth": 1, "domain": "economics",
        "seed": f"Town {number} wakes", "context": "", "parent": f"Town {number} wakes", "options": texts,
        "outcome": outcome, "event": texts[outcome] if outcome < options else None, "as_of": end,
        "resolved": end.date() + timedelta(days=60),
        "horizon_months": 36, "months": 2, "pooled": None,
    }  # fmt: skip
    return Level(**(fields | changes))
