"""Weighing one level: several shuffled orders with evidence, one probe without, put together.

The evidence is chosen for the options as well as for what they follow, each option counting alike: half the
tokens then hold about as much of what authored levels rest on (`benchmarks/evidence_kept.py`), and it is sent once
an order. Used on a case's levels and, the same way, on the questions that a model is calibrated with.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from agents.prompted.asking import Question, RoleModels, ask
from agents.prompted.forms import WeighReply, weigh_problem
from agents.prompted.level import BlindLevel, lettered
from agents.prompted.showing import Shown, show
from agents.prompted.weighing import Weighed, is_recall, pooled_orders
from agents.reading.document import Document
from agents.state import Failure, Stage
from corpus.case import Candidate

ORDERS = 3
"""Shuffled orders in which a level is weighed."""
EVIDENCE_TOKENS = 600
"""Of evidence in each order."""
PROMPTS = ("weigh", "recall")
"""The prompts that this rests on; a calibration counts for their versions."""


@dataclass(frozen=True)
class WeighedLevel:
    """K + 1 estimates, Z last."""

    values: tuple[Weighed, ...]
    recall_risk: bool
    """The probe without evidence was confident: the model may remember."""


def evidence_for(level: BlindLevel, candidates: Sequence[Candidate], documents: Sequence[Document]) -> Shown:
    """What is shown beside the options: passages on the level and on any of them."""
    about = " ".join((level.about(), *(candidate.text for candidate in candidates)))
    return show(documents, about, budget=EVIDENCE_TOKENS)


async def weigh_level(
    models: RoleModels,
    level: BlindLevel,
    candidates: Sequence[Candidate],
    shown: Shown,
    *,
    orders: int = ORDERS,
) -> WeighedLevel | Failure:
    """What the Estimator's model gives the candidates and Z."""
    shared = {"evidence": shown.block()}  # before the options in the prompt, so that servers can cache it
    asked = await asyncio.gather(
        *(_in_order(models, "weigh", level, candidates, sample, shared) for sample in range(orders)),
        _in_order(models, "recall", level, candidates, 0, {}),
    )
    answers: list[list[float]] = []
    for answer in asked:
        if isinstance(answer, Failure):
            return answer
        answers.append(answer)
    *weighed, probe = answers
    recall = is_recall(probe)
    return WeighedLevel(tuple(pooled_orders(weighed, recall_risk=recall)), recall)


async def _in_order(
    models: RoleModels,
    prompt: str,
    level: BlindLevel,
    candidates: Sequence[Candidate],
    sample: int,
    more: dict[str, str],
) -> list[float] | Failure:
    """One answer, put back into the order of the candidates."""
    order = list(range(len(candidates)))
    random.Random(f"{prompt}/{level.case_id}/{level.depth}/{sample}").shuffle(order)
    values = {"story": level.story(), "options": lettered([candidates[k] for k in order]), **more}
    question = Question(prompt, "estimator", Stage.ESTIMATE, level.case_id, values, sample)
    reply = await ask(models, question, WeighReply, lambda r: weigh_problem(r, len(order)))
    if isinstance(reply, Failure):
        return reply
    *own, rest = reply.in_order(len(order))
    back = dict(zip(order, own, strict=True))
    return [*(back[k] for k in range(len(order))), rest]
