"""What the Estimator's blind questions are answered with, and the rules beyond the schema."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from agents.prompted.asking import ReplyForm
from agents.prompted.level import LETTERS
from agents.prompted.showing import Shown
from corpus.case import Probability

MOST_PROPOSED = 9
SUM_TOLERANCE = 0.03
"""How far the probabilities may miss 1 by rounding; within it they are scaled, beyond it the reply is invalid."""
REST = "Z"


class Proposal(ReplyForm):
    """One possible event."""

    text: Annotated[str, Field(min_length=1)]
    evidence: list[int]


class ProposeReply(ReplyForm):
    """What could happen next."""

    candidates: list[Proposal]


class Share(ReplyForm):
    """An option's probability."""

    option: str
    probability: Probability


class WeighReply(ReplyForm):
    """A distribution over the options and Z."""

    probabilities: list[Share]

    def in_order(self, options: int) -> list[float]:
        """The values of A, B, … and Z, after the rules have passed."""
        found = {share.option.strip(" )."): share.probability for share in self.probabilities}
        return [found[letter] for letter in (*LETTERS[:options], REST)]


def propose_problem(reply: ProposeReply, shown: Shown) -> str | None:
    """What is wrong with a list of proposals."""
    if not 2 <= len(reply.candidates) <= MOST_PROPOSED:
        return f"Propose 4 to 7 events; these are {len(reply.candidates)}."
    return shown.unknown(number for proposal in reply.candidates for number in proposal.evidence)


def weigh_problem(reply: WeighReply, options: int) -> str | None:
    """What is wrong with a distribution over so many options and Z."""
    wanted = [*LETTERS[:options], REST]
    given = [share.option.strip(" ).") for share in reply.probabilities]
    if sorted(given) != sorted(wanted):
        return f"Give each of {', '.join(wanted)} one probability; these are {', '.join(given) or 'none'}."
    total = math.fsum(share.probability for share in reply.probabilities)
    if abs(total - 1) > SUM_TOLERANCE:
        return f"The probabilities sum to {total:.3f}, not to 1."
    return None
