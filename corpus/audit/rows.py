"""What the audit says: one row a rule, with its figure, its interval, its limit and its verdict.

A limit is held against the interval, never against the point: PASS where the whole interval lies on the good
side, FAIL where it lies on the bad side, REVIEW where it cannot be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from corpus.intervals import Interval

EXAMPLES = 5
"""Places named in a row."""


class Verdict(StrEnum):
    """What a row or a whole audit comes to."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    """Nothing speaks against the snapshot."""
    REVIEW = "review"
    """A person should look, or there are too few cases to tell."""
    FAIL = "fail"
    """The snapshot should not be used as it is."""


class Group(StrEnum):
    """What a row is about."""

    WORDING = "Can what happened be told by wording alone?"
    """Tells in the candidates' texts and order."""
    LEAKAGE = "Do answers stand where a model could read them?"
    """Answers in contexts, other cases and other splits."""
    TIMING = "Was everything known in time?"
    """Evidence and as-of dates of estimates and context."""
    SUPPORT = "Do sources carry the claims?"
    """Quotations, publishers, kinds of text."""
    SHAPE = "Does it look like history?"
    """Dates, probabilities, duplicates, labels, coverage."""


class Rule(StrEnum):
    """Every row of the audit."""

    CLASSIFIER = "classifier"
    """A classifier that sees the candidates alone picks what happened."""
    LENGTH = "length"
    """What happened is longer or shorter than its alternatives."""
    SPECIFICITY = "specificity"
    """What happened carries more or fewer names and figures."""
    POSITION = "position"
    """What happened stands at a telling place in the list."""
    ANSWER_IN_CONTEXT = "answer_in_context"
    """A case's own context states what happened."""
    ANSWER_ACROSS_SPLITS = "answer_across_splits"
    """A case that is trained on states what a tested case asks."""
    FAMILY_STRADDLES = "family_straddles"
    """Cases of one event stand in different splits."""
    EVIDENCE_TOO_LATE = "evidence_too_late"
    """An estimate rests on something not available at its as-of."""
    AS_OF_TOO_LATE = "as_of_too_late"
    """An estimate was made after its parent."""
    CONTEXT_TOO_LATE = "context_too_late"
    """A context fact was not available on the seed date."""
    EXPECTATION_TOO_LATE = "expectation_too_late"
    """A candidate's expectation is quoted from a page not available at the level's as-of."""
    QUOTE_IN_TEXT = "quote_in_text"
    """Claims with a quotation that stands in its stored text, whose hash still holds."""
    TWO_PUBLISHERS = "two_publishers"
    """Claims that two registrable domains support."""
    PAGE_TEXT = "page_text"
    """Claims quoted from a page rather than from a summary."""
    REGULAR_DATES = "regular_dates"
    """Outcomes on the seed's day of the month: the mark of invented dates."""
    UNIFORM = "uniform"
    """Levels whose probabilities are all equal."""
    ROUND = "round"
    """Levels whose probabilities are all multiples of 5 %."""
    DUPLICATES = "duplicates"
    """Two cases of one seed."""
    CONTRADICTIONS = "contradictions"
    """One text happened in one case and was refuted in another over the same time."""
    DEPTH = "depth"
    """Cases whose chain goes beyond its first outcome."""
    DOMAINS = "domains"
    """The largest domain's share of the cases."""


@dataclass(frozen=True)
class Example:
    """A place worth looking at."""

    case_id: str
    path: str
    text: str


@dataclass(frozen=True)
class Row:
    """One rule's answer."""

    group: Group
    rule: Rule
    verdict: Verdict
    figure: Interval
    limit: str
    """What the figure is held against, in words."""
    message: str
    examples: tuple[Example, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return {
            "group": self.group.name.lower(), "rule": self.rule.value, "verdict": self.verdict.value,
            "figure": self.figure.as_json(), "limit": self.limit, "message": self.message,
            "examples": [{"case_id": e.case_id, "path": e.path, "text": e.text} for e in self.examples],
        }  # fmt: skip


def below(figure: Interval, limit: float) -> Verdict:
    """Good is under the limit."""
    if figure.low is None or figure.high is None:
        return Verdict.REVIEW
    return Verdict.PASS if figure.high < limit else Verdict.FAIL if figure.low > limit else Verdict.REVIEW


def above(figure: Interval, limit: float) -> Verdict:
    """Good is over the limit."""
    if figure.low is None or figure.high is None:
        return Verdict.REVIEW
    return Verdict.PASS if figure.low > limit else Verdict.FAIL if figure.high < limit else Verdict.REVIEW


def within(figure: Interval, low: float, high: float) -> Verdict:
    """Good is between the limits."""
    return worst([above(figure, low), below(figure, high)])


def never_failing(verdict: Verdict) -> Verdict:
    """For rules that describe a snapshot rather than fault it."""
    return Verdict.REVIEW if verdict is Verdict.FAIL else verdict


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of the whole: the worst of its parts."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.REVIEW)
