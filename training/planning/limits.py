"""A cap in dollars: refused before the launch where the plan is above it, and turned into seconds. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpus.errors import InvalidInput

if TYPE_CHECKING:
    from training.planning.plan import Option

MODAL_LONGEST = 24 * 3600
"""A function on Modal runs a day at most; a second call goes on from the last checkpoint."""
SHORTEST = 300
"""Seconds below which nothing but starting would be paid for."""
SPARE = 4
"""Without a cap a run may take this many times its plan."""


@dataclass(frozen=True)
class Allowance:
    """How long a run may hold its container, over all attempts."""

    seconds: int
    usd: float


def within(option: Option, max_usd: float) -> None:
    """Raise InvalidInput where a plan costs more than the cap."""
    if option.usd > max_usd:
        raise InvalidInput(
            f"The plan costs about ${option.usd:.2f} on {option.gpu.name} and --max-usd is {max_usd:g}; raise it, "
            "train on less, or choose another GPU (training plan shows all)."
        )


def allowance(option: Option, max_usd: float | None) -> Allowance:
    """Seconds a run may take; raises InvalidInput where the cap is below the plan or too small to start."""
    if max_usd is None:
        seconds = min(MODAL_LONGEST, max(3600, int(SPARE * option.seconds)))
        return Allowance(seconds, seconds * option.usd_per_second)
    within(option, max_usd)
    seconds = min(MODAL_LONGEST, int(max_usd / option.usd_per_second))
    if seconds < SHORTEST:
        raise InvalidInput(
            f"--max-usd {max_usd:g} pays for {seconds} s of {option.gpu.name}, less than the {SHORTEST} s in which a "
            "run can begin; raise it."
        )
    return Allowance(seconds, seconds * option.usd_per_second)
