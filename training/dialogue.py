"""A case as a conversation: proposing outcomes, weighing them and dating them, level by level.

    opening + "What could happen first? (depth 1)"     propose: a list, one candidate a line
    "Which one?"                                        weigh: one letter, Z for none of them
    "When?"                                             when: one letter, a step of months
    "B (its text) happened, within 3 months. …"         the next level

The first turn carries the event, what was known, the as-of and the horizon; below it there are no dates,
because a branch that has not happened has none. The same functions phrase the turns in training and at
inference, so that the two never differ. A text is folded to one line: nothing in a case can forge a turn.

Leaving out: in a share of levels one candidate is drawn at random and left out of the list. Drawing it
without looking at what happened matters: leaving out what happened alone would teach Z more mass than it
has. With a rate of K·s for K candidates, what happened is missing in the share s of the levels.

Does not cover: tokens (`training.encoding`), which cases are used (`training.dataset`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from corpus.case import CANDIDATE_LETTERS as CANDIDATE_LETTERS
from corpus.case import FULL_BP, Case, Outcome, level_question
from corpus.case import REMAINDER as REMAINDER

TEMPLATE_VERSION = "dialogue/1"
LETTERS = CANDIDATE_LETTERS + REMAINDER
WHEN_STEPS = (1, 3, 6, 12, 24, 36)
"""Months; those below the horizon are used, and the horizon itself."""

ASK_FIRST = "What could happen first? (depth 1)"
ASK_WEIGH = "Which one?"
ASK_WHEN = "When?"


class TurnKind(StrEnum):
    """What an assistant's turn does."""

    PROPOSE = "propose"
    """Lists what could happen first."""
    WEIGH = "weigh"
    """Names one of the list, or Z."""
    WHEN = "when"
    """Names a step of months."""


class Target(StrEnum):
    """What a weigh turn is trained towards."""

    LABEL = "label"
    """What happened, as certain."""
    POOLED = "pooled"
    """The stored probabilities as of the parent's date."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer."""

    kind: TurnKind
    depth: int
    ask: str
    answer: str
    """The listed lines of a propose turn, else one letter."""
    letters: str = ""
    """The options of a letter turn, in order."""
    target: tuple[float, ...] = ()
    """Shares over `letters`, summing to 1; empty where nothing is learnt from the letters."""
    learn: bool = True
    """Whether the turn counts in the loss."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The turns of one case."""

    case_id: str
    turns: tuple[Turn, ...]
    left_out: tuple[str, ...] = ()
    """Why levels of the case are missing, one sentence each."""


@dataclass(frozen=True, slots=True)
class Style:
    """How cases are phrased for one purpose."""

    target: Target = Target.LABEL
    without_happened: float = 0.0
    """Share of levels whose list lacks what happened."""
    shuffle: bool = True


@dataclass
class _Listed:
    """One level as it is shown: texts in order, and where what happened stands."""

    texts: list[str]
    shares: list[float] | None
    """Pooled probabilities of the texts and Z; None where the level has none."""
    happened: int | None
    """Index in `texts`; None where Z is right."""
    complete: bool = True


@dataclass
class _Builder:
    case: Case
    style: Style
    rng: random.Random
    turns: list[Turn] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def one_line(text: str) -> str:
    """A text without line breaks or runs of blanks."""
    return " ".join(text.split())


def when_steps(horizon_months: int) -> tuple[int, ...]:
    """The steps of months below the horizon, and the horizon."""
    return (*(step for step in WHEN_STEPS if step < horizon_months), horizon_months)


def when_index(months: int, horizon_months: int) -> int:
    """Index of the smallest step that `months` fits; the last one where it fits none."""
    steps = when_steps(horizon_months)
    return next((i for i, step in enumerate(steps) if months <= step), len(steps) - 1)


def opening(event: str, context: Sequence[str], as_of: date, horizon_months: int) -> str:
    """What the first turn says before it asks."""
    steps = ", ".join(f"{LETTERS[i]} {step}" for i, step in enumerate(when_steps(horizon_months)))
    known = [f"- {one_line(fact)}" for fact in context if fact.strip()]
    return "\n".join(
        [
            f"Event: {one_line(event)}",
            *(["Known then:", *known] if known else []),
            f"As of {as_of.isoformat()}, horizon {horizon_months} months.",
            level_question(horizon_months),
            f"Months: {steps}.",
        ]
    )


def first_ask(event: str, context: Sequence[str], as_of: date, horizon_months: int) -> str:
    """The first turn's question, opening included."""
    return f"{opening(event, context, as_of, horizon_months)}\n{ASK_FIRST}"


def next_ask(letter: str | None, text: str, within: int, depth: int) -> str:
    """The question of the level below; `letter` is None where the list lacked what happened."""
    named = f"{letter} ({one_line(text)})" if letter else f"None of them: {one_line(text)}"
    return f"{named} happened, within {within} months. What could happen first then? (depth {depth})"


def listed(texts: Sequence[str]) -> str:
    """The answer of a propose turn: one lettered line a candidate."""
    return "".join(f"{CANDIDATE_LETTERS[i]}) {one_line(text)}\n" for i, text in enumerate(texts))


def build_dialogue(case: Case, style: Style, rng: random.Random, levels: int | None = None) -> Dialogue:
    """The conversation of one case, down to `levels`.

    A chain ends early at a level that cannot be asked: one without alternatives, without a date, or without
    a mark of what happened. `left_out` says so.
    """
    builder = _Builder(case, style, rng)
    ask: str | None = first_ask(
        case.seed_event, [fact.text for fact in case.context], case.seed_date.last_day, case.horizon_months
    )
    for outcome in case.outcomes[:levels]:
        problem = unusable(case, outcome)
        if problem:
            builder.left_out.append(f"depth {outcome.depth}: {problem}")
            break
        ask = _add_level(builder, outcome, ask or "")
        if ask is None:
            break
    return Dialogue(case.case_id, tuple(builder.turns), tuple(builder.left_out))


def unusable(case: Case, outcome: Outcome) -> str | None:
    """Why a level cannot be part of a dialogue; None where it can."""
    alternatives = sum(not candidate.happened for candidate in outcome.candidates)
    if alternatives == 0:
        return "it has no alternative to what happened"
    if len(outcome.candidates) > len(CANDIDATE_LETTERS):
        return f"it has {len(outcome.candidates)} candidates, more than there are letters"
    if outcome.event is not None and not any(candidate.happened for candidate in outcome.candidates):
        return "no candidate is marked as what happened"
    if outcome.event is not None and case.months_since_parent(outcome.depth) is None:
        return "what happened has no date"
    return None


def _add_level(builder: _Builder, outcome: Outcome, ask: str) -> str | None:
    """Add the turns of one level; returns the next level's question, None where the chain ends."""
    shown, event = _listed(builder, outcome), _event(outcome)
    letters = CANDIDATE_LETTERS[: len(shown.texts)] + REMAINDER
    chosen = REMAINDER if shown.happened is None else letters[shown.happened]
    builder.turns.append(
        Turn(TurnKind.PROPOSE, outcome.depth, ask, listed(shown.texts), learn=shown.complete)
    )
    target = _weigh_target(builder.style.target, shown, letters.index(chosen), len(letters))
    builder.turns.append(
        Turn(TurnKind.WEIGH, outcome.depth, ASK_WEIGH, chosen, letters, target, learn=bool(target))
    )
    months = builder.case.months_since_parent(outcome.depth)
    if event is None or months is None:
        return None
    horizon = builder.case.horizon_months
    step = when_index(months, horizon)
    if shown.happened is not None:
        builder.turns.append(_when_turn(outcome.depth, step, len(when_steps(horizon))))
    letter = None if shown.happened is None else chosen
    return next_ask(letter, event, when_steps(horizon)[step], outcome.depth + 1)


def _event(outcome: Outcome) -> str | None:
    """What happened in the words of the list, so that the next turn repeats a candidate exactly."""
    return next((c.text for c in outcome.candidates if c.happened), outcome.event)


def _when_turn(depth: int, step: int, steps: int) -> Turn:
    target = tuple(float(i == step) for i in range(steps))
    return Turn(TurnKind.WHEN, depth, ASK_WHEN, LETTERS[step], LETTERS[:steps], target)


def _listed(builder: _Builder, outcome: Outcome) -> _Listed:
    """Shuffle the candidates, and leave one out now and then."""
    order = list(range(len(outcome.candidates)))
    if builder.style.shuffle:
        builder.rng.shuffle(order)
    dropped: int | None = None
    if builder.rng.random() < builder.style.without_happened * len(order):
        dropped = builder.rng.choice(order)
    kept = [k for k in order if k != dropped]
    happened = next((k for k in order if outcome.candidates[k].happened), None)
    return _Listed(
        [outcome.candidates[k].text for k in kept],
        _shares(outcome, kept),
        kept.index(happened) if happened in kept else None,
        complete=happened is None or happened in kept,
    )


def _shares(outcome: Outcome, kept: Sequence[int]) -> list[float] | None:
    """Pooled shares of the kept candidates and Z, to which falls what was left out."""
    points = [outcome.candidates[k].probability_bp for k in kept]
    whole = [candidate.probability_bp for candidate in outcome.candidates]
    if None in whole or outcome.remainder.probability_bp is None:
        return None
    known = [point / FULL_BP for point in points if point is not None]
    return [*known, max(0.0, 1.0 - sum(known))]


def _weigh_target(target: Target, shown: _Listed, chosen: int, options: int) -> tuple[float, ...]:
    if target is Target.POOLED:
        return tuple(shown.shares or ())
    return tuple(float(i == chosen) for i in range(options))


def turns_of(dialogue: Dialogue, kind: TurnKind) -> Iterator[Turn]:
    """The turns of one kind."""
    return (turn for turn in dialogue.turns if turn.kind is kind)
