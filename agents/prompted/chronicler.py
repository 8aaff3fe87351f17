"""The Chronicler with a model: the next link from numbered evidence, with searches in its own words.

A bounded loop: the model sees evidence dated after the parent and within the horizon, and answers with a link,
with further searches or with the end of the chain. A link stands only if every number it cites exists, its date
is the one a cited passage gives, and its names and numbers stand in the cited texts. What a page states is
taken as stated there, not as true; a chain is what sources say. Levels at which nothing followed (Z) are not
written: a chain that ends, ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from agents.checks import missing_names, missing_numbers
from agents.injection import note_block
from agents.library import View
from agents.offline.chronicler import CONTEXT_DAYS, REPORTING_DAYS, chain_so_far, search_after
from agents.offline.matching import same
from agents.offline.topic import Topic
from agents.prompted.asking import Question, ReplyForm, RoleModels, ask
from agents.prompted.showing import Shown, documents_of, quotations, show
from agents.reading.document import Document
from agents.reading.evidence import Passage
from agents.roles import ChainEnd, Facts, Link
from agents.state import Failure, Stage
from corpus.case import Case, ContextFact, Outcome, Role
from corpus.dates import EventDate, horizon_end
from corpus.errors import InvalidDate

ROLE = "chronicler"
MOST_SEARCHES = 2
"""Rounds in which the model may ask for more before it has to decide."""
QUERIES_A_ROUND = 3
FIRST_TOKENS, MORE_TOKENS, CONTEXT_TOKENS = 1_500, 600, 900
DOCUMENTS_A_QUERY = 10
MOST_FACTS = 5


class Action(StrEnum):
    """What the model wants to do."""

    LINK = "link"
    """The evidence states the next event."""
    SEARCH = "search"
    """It wants to see more."""
    END = "end"
    """Nothing followed that the evidence shows."""


class NextReply(ReplyForm):
    """One answer in the loop."""

    action: Action
    event: str
    date: str
    evidence: list[int]
    queries: list[str]
    reason: str


class FactReply(ReplyForm):
    """A context fact."""

    text: str
    evidence: list[int]


class ContextReply(ReplyForm):
    """What was known on the seed date."""

    facts: list[FactReply]


@dataclass(frozen=True)
class _Step:
    """One link in the making."""

    case: Case
    parent: EventDate
    last: date
    rejected: frozenset[str]
    note: str

    def wanted(self, passage: Passage) -> bool:
        """Whether a passage tells of the time after the parent and within the horizon."""
        when = passage.date
        return when is not None and when.last_day > self.parent.last_day and when.first_day <= self.last

    def about(self) -> str:
        depth = len(self.case.outcomes) + 1
        return " ".join(dict.fromkeys((self.case.parent_event(depth), self.case.seed_event)))

    def values(self, shown: Shown, asked: Sequence[str], left: int) -> dict[str, str]:
        """What the prompt is filled in with."""
        case = self.case
        chain = [(case.seed_date, case.seed_event), *((o.date, o.event) for o in case.outcomes)]
        notes = [f"Do not propose again (it did not hold): {text}" for text in sorted(self.rejected)]
        notes += [note_block(self.note)] if self.note.strip() else []
        searches = f"You may search {left} more times." if left else "No more searches: link or end."
        searches += f" Searched so far: {'; '.join(asked)}." if asked else ""
        return {
            "chain": "\n".join(f"- {when}: {text}" for when, text in chain),
            "parent_date": str(self.parent), "last_day": self.last.isoformat(), "searches": searches,
            "notes": "\n".join(notes), "evidence": shown.block(),
        }  # fmt: skip

    def problem(self, reply: NextReply, shown: Shown, left: int) -> str | None:
        """What is wrong with a reply, in one sentence."""
        if reply.action is Action.SEARCH:
            if not left:
                return "There are no more searches; answer with link or end."
            wanted = [query for query in reply.queries if query.strip()]
            return None if wanted else "action search needs at least one query."
        return self._link_problem(reply, shown) if reply.action is Action.LINK else None

    def _link_problem(self, reply: NextReply, shown: Shown) -> str | None:
        if not reply.evidence:
            return "A link must cite the numbers of its evidence."
        if unknown := shown.unknown(reply.evidence):
            return unknown
        cited = shown.cited(reply.evidence)
        return self._date_problem(reply.date, cited) or self._event_problem(reply.event, cited)

    def _date_problem(self, text: str, cited: Sequence[Passage]) -> str | None:
        try:
            when = EventDate.parse(text)
        except InvalidDate as error:
            return str(error)
        if not (self.parent.last_day < when.first_day and when.first_day <= self.last):
            return f"{when} does not lie after {self.parent} and by {self.last}."
        dates = [passage.date for passage in cited if passage.date]
        if not any(when.contains(date) for date in dates):
            return f"The cited evidence gives {', '.join(map(str, dates)) or 'no date'}, not {when}."
        return None

    def _event_problem(self, event: str, cited: Sequence[Passage]) -> str | None:
        if not event.strip():
            return "A link needs an event."
        if unsupported := unsupported_parts(event, cited):
            return f"Not in the cited evidence: {', '.join(unsupported)}; take names and numbers from it."
        known = (
            self.case.seed_event,
            *(o.event for o in self.case.outcomes if o.event),
            *sorted(self.rejected),
        )
        if repeated := next((text for text in known if same(event, text)), None):
            return f"{event!r} tells of an event that is known or did not hold: {repeated!r}."
        return None


class PromptedChronicler:
    """See `agents.roles.Chronicler`."""

    def __init__(self, models: RoleModels) -> None:
        self._models = models

    async def context(self, view: View, case: Case) -> Facts | Failure:
        """Facts known on the seed date, each citing what was shown; none without evidence."""
        since = case.seed_date.first_day - timedelta(days=CONTEXT_DAYS)
        found = await view.search(case.seed_event, since=since, before=case.seed_date.last_day, count=20)
        shown = show(
            found, case.seed_event, budget=CONTEXT_TOKENS,
            keep=lambda p: p.date is not None and p.date <= case.seed_date,
        )  # fmt: skip
        if not shown.items:
            return Facts(())
        values = {"date": str(case.seed_date), "seed": case.seed_event, "evidence": shown.block()}
        question = Question("context", ROLE, Stage.CONTEXT, case.case_id, values)
        reply = await ask(self._models, question, ContextReply, lambda r: _facts_problem(r, shown))
        if isinstance(reply, Failure):
            return reply
        return _facts(reply, shown, view)

    async def next_link(
        self, view: View, case: Case, rejected: frozenset[str], note: str
    ) -> Link | ChainEnd | Failure:
        """The next outcome; asks for more evidence at most `MOST_SEARCHES` times."""
        parent = case.parent_date(len(case.outcomes) + 1)
        if parent is None:
            return ChainEnd("The last outcome has no date, so nothing can follow it.")
        step = _Step(case, parent, horizon_end(parent, case.horizon_months), rejected, note)
        topic = Topic(case, (await chain_so_far(view, case)).documents)
        found = await search_after(view, topic, parent, step.last)
        shown = show(found, step.about(), budget=FIRST_TOKENS, keep=step.wanted)
        asked: list[str] = []
        for left in reversed(range(MOST_SEARCHES + 1)):
            reply = await self._ask(step, shown, asked, left)
            if isinstance(reply, Failure):
                return reply
            if reply.action is Action.LINK:
                return _link(len(case.outcomes) + 1, reply, shown)
            if reply.action is Action.END:
                return ChainEnd(" ".join(f"{reply.reason} {shown.note()}".split()))
            queries = [" ".join(query.split()) for query in reply.queries if query.strip()][:QUERIES_A_ROUND]
            more = await _search(view, step, queries)
            asked += queries
            shown = show(
                more, f"{step.about()} {' '.join(queries)}",
                budget=MORE_TOKENS, keep=step.wanted, after=shown,
            )  # fmt: skip
        raise AssertionError("a search without searches left is an invalid reply")

    async def _ask(self, step: _Step, shown: Shown, asked: Sequence[str], left: int) -> NextReply | Failure:
        values = step.values(shown, asked, left)
        question = Question("chronicle", ROLE, Stage.CHAIN, step.case.case_id, values)
        return await ask(self._models, question, NextReply, lambda reply: step.problem(reply, shown, left))


def unsupported_parts(claim: str, cited: Sequence[Passage]) -> list[str]:
    """Names and numbers of a claim that the cited passages' texts lack."""
    texts = [passage.document.text for passage in cited]
    return [*missing_numbers(claim, texts), *missing_names(claim, texts)]


async def _search(view: View, step: _Step, queries: Sequence[str]) -> list[Document]:
    before = step.last + timedelta(days=REPORTING_DAYS)
    found: list[Document] = []
    for query in queries:
        found += await view.search(query, since=step.parent.first_day, before=before, count=DOCUMENTS_A_QUERY)
    return found


def _link(depth: int, reply: NextReply, shown: Shown) -> Link:
    cited = shown.cited(reply.evidence)
    outcome = Outcome(
        depth=depth,
        event=" ".join(reply.event.split()).rstrip("."),
        date=EventDate.parse(reply.date),
        evidence=quotations(cited, Role.SUPPORTS_EVENT, None),
        note=shown.note(),
    )
    return Link(outcome, documents_of(cited))


def _facts_problem(reply: ContextReply, shown: Shown) -> str | None:
    if len(reply.facts) > MOST_FACTS:
        return f"At most {MOST_FACTS} facts; these are {len(reply.facts)}."
    for fact in reply.facts:
        if not fact.text.strip() or not fact.evidence:
            return "Every fact needs a text and the numbers it rests on."
        if unknown := shown.unknown(fact.evidence):
            return unknown
        if unsupported := unsupported_parts(fact.text, shown.cited(fact.evidence)):
            return f"{fact.text!r}: not in the cited evidence: {', '.join(unsupported)}."
    return None


def _facts(reply: ContextReply, shown: Shown, view: View) -> Facts:
    facts = tuple(
        ContextFact(
            text=" ".join(fact.text.split()).rstrip("."),
            evidence=quotations(shown.cited(fact.evidence), Role.SUPPORTS_EVENT, view.limit),
        )
        for fact in reply.facts
    )
    cited = [passage for fact in reply.facts for passage in shown.cited(fact.evidence)]
    return Facts(facts, documents_of(cited))
