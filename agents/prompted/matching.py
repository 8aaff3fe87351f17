"""What markets, surveys and forecasters stated, set against the candidates of a level.

A statement's probability becomes an estimate of a candidate only where the two are the same event within the
same time; the model judges that without seeing the probability, and the estimate's note keeps its reason.
Everything else is left out, never converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents.injection import flags, numbered_block
from agents.offline.estimator import expected_wording, stated_estimate
from agents.offline.statements import statements
from agents.prompted.asking import Question, ReplyForm, RoleModels, ask
from agents.prompted.level import LETTERS, BlindLevel, lettered
from agents.prompted.showing import LEAST_RELEVANCE
from agents.providers.base import Forecast
from agents.reading.document import Document
from agents.reading.evidence import quote, relevance
from agents.state import Failure, Stage
from corpus.case import Candidate, Estimate, Method, Role

SURVEY_PROVIDER = "Survey of Professional Forecasters"
MOST_STATED = 8


class Relation(StrEnum):
    """How a statement and an option relate."""

    SAME = "same"
    """Both come true together."""
    WIDER = "wider"
    """The statement also covers other things."""
    NARROWER = "narrower"
    """The option also covers other things."""
    DIFFERENT = "different"
    """Neither."""


class MatchRow(ReplyForm):
    """One statement's match."""

    statement: int
    option: str
    relation: Relation
    why: str


class MatchReply(ReplyForm):
    """All statements' matches."""

    matches: list[MatchRow]


@dataclass(frozen=True)
class Stated:
    """A statement about the future with the estimate it gives."""

    text: str
    venue: str
    estimate: Estimate
    document: Document | None = None


def stated_in(documents: Sequence[Document], level: BlindLevel, read_until: datetime | None) -> list[Stated]:
    """Probabilities that documents state, the most fitting for the level first; passages that are flagged left out."""
    parent, _ = level.parent
    found: list[tuple[float, str, Stated]] = []
    for document in documents:
        flagged = [(flag.start, flag.end) for flag in flags(document.text)]
        for said in statements(document):
            if said.probability is None or any(s < said.end and said.start < e for s, e in flagged):
                continue
            quoted = quote(document, said.start, said.end, Role.EXPECTATION, read_until=read_until)
            estimate = stated_estimate(document, said, quoted, parent)
            fit = relevance(said.text, level.about())
            if fit >= LEAST_RELEVANCE:
                stated = Stated(expected_wording(said), estimate.venue, estimate, document)
                found.append((-round(fit, 9), document.url, stated))
    return [stated for _, _, stated in sorted(found, key=lambda row: row[:2])]


def of_forecast(forecast: Forecast) -> Stated:
    """A market's price or a survey's share at the moment that was asked for."""
    method = Method.SURVEY if forecast.venue.startswith(SURVEY_PROVIDER) else Method.MARKET
    closes = f", closes {forecast.closes.date()}" if forecast.closes else ""
    estimate = Estimate(
        method=method, value=forecast.probability, as_of=forecast.at, samples=forecast.samples,
        venue=forecast.venue, terms=forecast.terms,
        note=f"{forecast.question} → {forecast.option} ({forecast.url}{closes})",
    )  # fmt: skip
    return Stated(f"{forecast.question} → {forecast.option}{closes}", forecast.venue, estimate)


async def matched(
    models: RoleModels, level: BlindLevel, candidates: Sequence[Candidate], stated: Sequence[Stated]
) -> list[Candidate] | Failure:
    """The candidates with the estimates of the statements that are the same as they."""
    listed = list(stated[:MOST_STATED])
    block = numbered_block(
        ((f"[{n}] ({s.venue})", s.text) for n, s in enumerate(listed, start=1)), "statements"
    )
    values = {"story": level.story(), "options": lettered(list(candidates)), "statements": block}
    question = Question("match", "estimator", Stage.ALTERNATIVES, level.case_id, values)
    reply = await ask(models, question, MatchReply, lambda r: _problem(r, len(listed), len(candidates)))
    if isinstance(reply, Failure):
        return reply
    found = list(candidates)
    for row in reply.matches:
        if (
            row.relation is Relation.SAME
            and (place := LETTERS[: len(found)].find(row.option.strip(" )."))) >= 0
        ):
            noted = _noted(listed[row.statement - 1].estimate, row)
            found[place] = found[place].model_copy(update={"estimates": (*found[place].estimates, noted)})
    return found


def _noted(estimate: Estimate, row: MatchRow) -> Estimate:
    said = " ".join(f"{estimate.note} Match: {row.relation}: {row.why}".split())
    return estimate.model_copy(update={"note": said})


def _problem(reply: MatchReply, statements: int, options: int) -> str | None:
    numbers = [row.statement for row in reply.matches]
    if any(not 1 <= n <= statements for n in numbers) or len(set(numbers)) != len(numbers):
        return f"Name each statement at most once, 1 to {statements}; these are {numbers}."
    allowed = {*LETTERS[:options], "Z", "none"}
    strange = [row.option for row in reply.matches if row.option.strip(" ).") not in allowed]
    return f"{strange[0]!r} is no option; name a letter or none." if strange else None
