"""The Estimator with a model: propose blind, edit to one voice, match what was stated, weigh blind, probe.

Only the editor sees the outcome. Every other prompt is rendered from a `BlindLevel`, which cannot hold it, on
evidence from a view that ends before the outcome's first day. Markets, surveys and forecasts that dated sources
state come first: a probability is carried over only where the match is `same`, and the estimate's note says how
they matched. The weighing repeats in several orders; a probe without evidence shows whether the model may
simply remember.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from agents.library import View
from agents.offline.base_rates import BaseRates
from agents.offline.estimator import DOCUMENTS, LOOKING_BACK_DAYS, OfflineEstimator
from agents.offline.topic import Topic
from agents.prompted.asking import Question, RoleModels, ask, model_of
from agents.prompted.editing import EditReply, edit_problem, edited
from agents.prompted.forms import ProposeReply, propose_problem
from agents.prompted.level import BlindLevel, blind_case, blind_level
from agents.prompted.matching import Stated, matched, of_forecast, stated_in
from agents.prompted.showing import Shown, show
from agents.prompted.weighing import Weighed
from agents.prompted.weighing_levels import ORDERS, evidence_for, weigh_level
from agents.providers.base import Forecast
from agents.reading.document import Document
from agents.roles import Alternatives, Estimates
from agents.state import Failure, Stage
from corpus.case import Candidate, Case, Estimate, Method, Remainder

ROLE = "estimator"
EVIDENCE_TOKENS = 1_200
"""Of evidence for proposing, which has no options yet to choose by."""

Forecasts = Callable[[str, datetime], Awaitable[Sequence[Forecast]]]
"""Words and a moment → what markets and surveys gave for it then, from the web."""


async def no_forecasts(words: str, as_of: datetime) -> Sequence[Forecast]:
    """For runs without the web."""
    return ()


class PromptedEstimator:
    """See `agents.roles.Estimator`."""

    def __init__(
        self,
        models: RoleModels,
        base_rates: BaseRates,
        forecasts: Forecasts = no_forecasts,
        *,
        orders: int = ORDERS,
    ) -> None:
        self._models = models
        self._rules = OfflineEstimator(base_rates)
        self._forecasts = forecasts
        self._orders = orders

    async def alternatives(self, view: View, case: Case, depth: int) -> Alternatives | Failure:
        """Candidates of a level in one voice, with the probabilities that sources stated at the time."""
        level = blind_level(case, depth)
        found = await self._read(view, case, level)
        shown = show(found, level.about(), budget=EVIDENCE_TOKENS)
        proposed = await self._propose(level, shown)
        if isinstance(proposed, Failure):
            return proposed
        event = case.outcomes[depth - 1].event
        edit = await self._edit(case, event, proposed) if event and proposed.candidates else None
        if isinstance(edit, Failure):
            return edit
        candidates = edited(event, proposed, edit, shown, view.limit)
        random.Random(f"{case.case_id}/{depth}").shuffle(candidates)
        documents = shown.documents_behind(item for c in candidates for item in c.evidence)
        stated = [*stated_in(found, level, view.limit), *await self._markets(level)]
        if stated and candidates:
            result = await matched(self._models, level, candidates, stated)
            if isinstance(result, Failure):
                return result
            candidates = result
            documents |= _carried(candidates, stated)
        return Alternatives(tuple(candidates), documents, shown.note())

    async def estimates(self, view: View, case: Case, depth: int) -> Estimates | Failure:
        """The candidates with base rates and the model's own estimates, and Z's."""
        ruled = await self._rules.estimates(view, case, depth)
        candidates = [_without_model(candidate) for candidate in ruled.candidates]
        if len(candidates) < 2:
            return Estimates(tuple(candidates), ruled.remainder, "A level with one candidate is not weighed.")
        level = blind_level(case, depth)
        shown = evidence_for(level, candidates, await self._read(view, case, level))
        weighed = await weigh_level(self._models, level, candidates, shown, orders=self._orders)
        if isinstance(weighed, Failure):
            return weighed
        *own, rest = [self._estimate(value, level, weighed.recall_risk) for value in weighed.values]
        found = tuple(
            c.model_copy(update={"estimates": (*c.estimates, estimate)})
            for c, estimate in zip(candidates, own, strict=True)
        )
        return Estimates(found, Remainder(estimates=(rest,)), shown.note())

    async def _read(self, view: View, case: Case, level: BlindLevel) -> Sequence[Document]:
        """What could be read of the level's subject by the as-of."""
        parent, _ = level.parent
        since = parent.first_day - timedelta(days=LOOKING_BACK_DAYS)
        topic = Topic(blind_case(case, level.depth), ())
        return await view.search(topic.query(), since=since, before=parent.last_day, count=DOCUMENTS)

    async def _propose(self, level: BlindLevel, shown: Shown) -> ProposeReply | Failure:
        values = {"story": level.story(), "evidence": shown.block()}
        question = Question("propose", ROLE, Stage.ALTERNATIVES, level.case_id, values)
        return await ask(self._models, question, ProposeReply, lambda r: propose_problem(r, shown))

    async def _edit(self, case: Case, event: str, proposed: ProposeReply) -> EditReply | Failure:
        listed = "\n".join(f"{n}. {c.text}" for n, c in enumerate(proposed.candidates, start=1))
        values = {"outcome": event, "proposals": listed}
        question = Question("edit", ROLE, Stage.ALTERNATIVES, case.case_id, values)
        return await ask(self._models, question, EditReply, lambda r: edit_problem(r, event, proposed))

    async def _markets(self, level: BlindLevel) -> list[Stated]:
        """Prices and shares as of the level's as-of; a source that hands out later ones changes nothing."""
        found = await self._forecasts(level.about(), level.as_of)
        return [of_forecast(forecast) for forecast in found if forecast.at <= level.as_of]

    def _estimate(self, weighed: Weighed, level: BlindLevel, recall: bool) -> Estimate:
        return Estimate(
            method=Method.MODEL,
            value=weighed.value,
            low=weighed.low,
            high=weighed.high,
            as_of=level.as_of,
            samples=self._orders,
            venue=model_of(self._models, ROLE),
            recall_risk=recall,
        )


def _without_model(candidate: Candidate) -> Candidate:
    """A candidate without earlier estimates of a model: a repaired chain is weighed anew."""
    kept = tuple(e for e in candidate.estimates if e.method is not Method.MODEL)
    return candidate.model_copy(update={"estimates": kept})


def _carried(candidates: Sequence[Candidate], stated: Sequence[Stated]) -> dict[str, Document]:
    """The documents of the statements whose estimates a candidate took over."""
    used = {e.evidence.source_id for c in candidates for e in c.estimates if e.evidence}
    listed = [s.document for s in stated if s.document is not None]
    return {document.source_id: document for document in listed if document.source_id in used}
