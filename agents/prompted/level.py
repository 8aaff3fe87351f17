"""A level as one sees it who must not know what happened: built from a case, and unable to hold the outcome.

Everything that a blind prompt shows of a case passes through `BlindLevel`. It takes the seed, the context and
the outcomes *above* the level, never the level's own event, date, evidence or note, nothing below it, no
summary, no check and no provenance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from corpus.case import Candidate, Case, level_question
from corpus.dates import EventDate

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class BlindLevel:
    """What is known when a level's question is asked."""

    case_id: str
    domain: str
    depth: int
    happened: tuple[tuple[EventDate, str], ...]
    """Dates and texts of the seed and of the outcomes above the level."""
    context: tuple[str, ...]
    as_of: datetime
    horizon_months: int

    @property
    def parent(self) -> tuple[EventDate, str]:
        """Date and text of what the question follows."""
        return self.happened[-1]

    def story(self) -> str:
        """The part of a prompt that says where we stand."""
        facts = [f"- {fact}" for fact in self.context] if self.depth == 1 else []
        lines = [f"Today is {self.as_of.date().isoformat()}. Domain: {self.domain}. What has happened:"]
        lines += [f"- {date}: {text}" for date, text in self.happened]
        lines += ["Known beforehand:", *facts] if facts else []
        return "\n".join([*lines, f"Question: {level_question(self.horizon_months)}"])

    def about(self) -> str:
        """What passages should have to do with."""
        return " ".join(dict.fromkeys((self.happened[-1][1], self.happened[0][1])))


def blind_level(case: Case, depth: int) -> BlindLevel:
    """The level at `depth` without its outcome; outcomes above it must be dated."""
    above = [(o.date, o.event) for o in case.outcomes[: depth - 1]]
    happened = [(case.seed_date, case.seed_event), *((d, e) for d, e in above if d is not None and e)]
    return BlindLevel(
        case_id=case.case_id,
        domain=case.domain,
        depth=depth,
        happened=tuple(happened),
        context=tuple(fact.text for fact in case.context),
        as_of=case.as_of(depth) or case.seed_date.end(),
        horizon_months=case.horizon_months,
    )


def blind_case(case: Case, depth: int) -> Case:
    """The case cut before the level, for rules that read a case."""
    return case.model_copy(update={"outcomes": case.outcomes[: depth - 1], "summary": "", "verification": ()})


def lettered(candidates: list[Candidate]) -> str:
    """The options of a prompt, one a line, Z last. Only the wording is shown."""
    lines = [f"{letter}) {c.text}" for letter, c in zip(LETTERS, candidates, strict=False)]
    return "\n".join([*lines, "Z) none of them happens in that time"])
