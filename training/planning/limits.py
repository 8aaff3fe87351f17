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
KEPT_BACK = 120
"""Seconds of a cap that are left for starting and for the last commit."""
SPARE = 4
"""Without a cap a run may take this many times its plan."""


@dataclass(frozen=True)
class Allowance:
    """How long a run may hold its container, over all attempts, and what that costs at most."""

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
        wanted = max(3600, int(SPARE * option.seconds))
    else:
        within(option, max_usd)
        wanted = int(max_usd / option.usd_per_second) - KEPT_BACK
    seconds = min(MODAL_LONGEST - KEPT_BACK, wanted)
    if seconds < SHORTEST:
        raise InvalidInput(
            f"--max-usd {max_usd:g} pays for {max(0, seconds)} s of {option.gpu.name}, less than the {SHORTEST} s in "
            "which a run can begin; raise it."
        )
    return Allowance(seconds, (seconds + KEPT_BACK) * option.usd_per_second)
