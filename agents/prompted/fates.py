"""What became of a level's alternatives: each searched to the horizon, judged on cited evidence.

"Happened" needs a cited passage with a date after the parent and within the horizon; "refuted" needs one that
says so. Silence decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from agents.checks import check
from agents.library import View
from agents.offline.chronicler import REPORTING_DAYS
from agents.offline.verifier import fate_of
from agents.prompted.asking import Question, ReplyForm, RoleModels, ask
from agents.prompted.level import LETTERS
from agents.prompted.showing import Shown, documents_of, quotations, show
from agents.reading.document import Document
from agents.reading.evidence import Passage
from agents.state import Failure, Stage
from corpus.case import Candidate, Case, CheckKind, ClaimCheck, Fate, Outcome, Role
from corpus.dates import EventDate, horizon_end

SEARCHED = 10
TOKENS_AN_ALTERNATIVE = 300


class FateWord(StrEnum):
    """What the evidence says of an expected event."""

    HAPPENED = "happened"
    """It happened in the time named."""
    REFUTED = "refuted"
    """It did not, or no longer could."""
    UNKNOWN = "unknown"
    """The evidence does not say."""


class FateRow(ReplyForm):
    """One option's fate."""

    option: str
    fate: FateWord
    evidence: list[int]


class FateReply(ReplyForm):
    """All options' fates."""

    fates: list[FateRow]


@dataclass(frozen=True)
class Settled:
    """A level with its fates, the checks made and the documents cited."""

    outcome: Outcome
    checks: tuple[ClaimCheck, ...] = ()
    documents: dict[str, Document] = field(default_factory=dict)


@dataclass(frozen=True)
class _Time:
    parent: EventDate
    last: date

    def holds(self, when: EventDate | None) -> bool:
        return when is not None and self.parent.last_day < when.first_day and when.first_day <= self.last


async def settled_level(
    models: RoleModels, view: View, case: Case, outcome: Outcome, path: str
) -> Settled | Failure:
    """The level with a fate for every alternative, `unresolved` where nothing tells."""
    parent = case.parent_date(outcome.depth)
    places = [k for k, c in enumerate(outcome.candidates) if not c.happened]
    if parent is None or not places:
        return Settled(outcome)
    time = _Time(parent, horizon_end(parent, case.horizon_months))
    alternatives = [outcome.candidates[k] for k in places]
    shown = await _searched(view, alternatives, time)
    rows: list[FateRow] = []
    if shown.items:
        reply = await _asked(models, case, alternatives, shown, time)
        if isinstance(reply, Failure):
            return reply
        rows = sorted(reply.fates, key=lambda row: row.option)
    found = list(outcome.candidates)
    checks: list[ClaimCheck] = []
    cited: list[Passage] = []
    by_letter = {row.option.strip(" )."): row for row in rows}
    for letter, k in zip(LETTERS, places, strict=False):
        passages = shown.cited(by_letter[letter].evidence) if letter in by_letter else []
        word = by_letter[letter].fate if letter in by_letter else FateWord.UNKNOWN
        found[k], decided = _with_fate(found[k], outcome.date, word, passages, time)
        cited += passages if decided else []
        checks.append(check(f"{path}.candidates[{k}]", CheckKind.FATE, True if decided else None))
    level = outcome.model_copy(update={"candidates": tuple(found)})
    return Settled(level, tuple(checks), documents_of(cited))


def unresolved(outcome: Outcome) -> Outcome:
    """The level with `unresolved` for every alternative that nobody has looked up yet."""
    found = tuple(
        c if c.happened or c.fate else c.model_copy(update={"fate": Fate.UNRESOLVED})
        for c in outcome.candidates
    )
    return outcome.model_copy(update={"candidates": found})


async def _searched(view: View, alternatives: Sequence[Candidate], time: _Time) -> Shown:
    shown = Shown()
    before = time.last + timedelta(days=REPORTING_DAYS)
    for candidate in alternatives:
        found = await view.search(candidate.text, since=time.parent.last_day, before=before, count=SEARCHED)
        shown = show(
            found, candidate.text, budget=TOKENS_AN_ALTERNATIVE,
            keep=lambda passage: time.holds(passage.date), after=shown,
        )  # fmt: skip
    return shown


async def _asked(
    models: RoleModels, case: Case, alternatives: Sequence[Candidate], shown: Shown, time: _Time
) -> FateReply | Failure:
    values = {
        "parent_date": str(time.parent),
        "last_day": time.last.isoformat(),
        "options": "\n".join(f"{letter}) {c.text}" for letter, c in zip(LETTERS, alternatives, strict=False)),
        "evidence": shown.block(),
    }
    question = Question("fate", "verifier", Stage.VERIFY, case.case_id, values)
    return await ask(models, question, FateReply, lambda r: _problem(r, shown, len(alternatives)))


def _problem(reply: FateReply, shown: Shown, options: int) -> str | None:
    given = sorted(row.option.strip(" ).") for row in reply.fates)
    if given != list(LETTERS[:options]):
        return (
            f"Give each of {', '.join(LETTERS[:options])} one fate; these are {', '.join(given) or 'none'}."
        )
    for row in reply.fates:
        if unknown := shown.unknown(row.evidence):
            return unknown
        if row.fate is not FateWord.UNKNOWN and not row.evidence:
            return f"{row.option}: {row.fate} needs the numbers that say so."
    return None


def _with_fate(
    candidate: Candidate, outcome: EventDate | None, word: FateWord, cited: Sequence[Passage], time: _Time
) -> tuple[Candidate, bool]:
    """The candidate with its fate, and whether evidence decided it."""
    dates = sorted(p.date for p in cited if p.date is not None and time.holds(p.date))
    if word is FateWord.UNKNOWN or not dates:
        return candidate.model_copy(update={"fate": candidate.fate or Fate.UNRESOLVED}), False
    if word is FateWord.REFUTED:
        quoted = quotations(cited, Role.REFUTES, None)
        refuted = {"fate": Fate.REFUTED, "evidence": (*candidate.evidence, *quoted)}
        return candidate.model_copy(update=refuted), True
    fate, when = fate_of(outcome, dates[0])
    quoted = quotations(cited, Role.SUPPORTS_EVENT, None)
    happened = {"fate": fate, "fate_date": when, "evidence": (*candidate.evidence, *quoted)}
    return candidate.model_copy(update=happened), True
