"""The editor's part of the Estimator: the one prompt that sees the outcome, and what holds its pen.

It may reword and merge, not invent: an alternative names the proposals it comes from and takes no name and no
number from anywhere else; the real one keeps to the outcome's. No wording carries a date, and the lengths are
alike, so that the real one does not stand out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agents.checks import missing_names, missing_numbers
from agents.prompted.asking import ReplyForm
from agents.prompted.forms import Proposal, ProposeReply
from agents.prompted.showing import Shown, quotations
from corpus.case import Candidate, Role
from corpus.rules.levels import says_the_same
from corpus.text import directions, explicit_dates, opposed

MOST_ALTERNATIVES = 5
MOST_UNEVEN = 2.5
"""How many times the shortest wording's words the longest may have."""
LEAST_WORDS = 3


class Alternative(ReplyForm):
    """A candidate that did not happen."""

    text: str
    rests_on: list[int]


class EditReply(ReplyForm):
    """All candidates in one voice."""

    happened: str
    alternatives: list[Alternative]


def edit_problem(reply: EditReply, event: str, proposed: ProposeReply) -> str | None:
    """What is wrong with the edited list, in one sentence."""
    if len(reply.alternatives) > MOST_ALTERNATIVES:
        return f"At most {MOST_ALTERNATIVES} alternatives; these are {len(reply.alternatives)}."
    texts = [reply.happened, *(a.text for a in reply.alternatives)]
    return (
        _wording_problem(texts)
        or _kept_to(reply.happened, [event])
        or next(
            (
                p
                for a in reply.alternatives
                if (p := _alternative_problem(a, reply.happened, event, proposed))
            ),
            None,
        )
        or _repeated(texts)
    )


def _wording_problem(texts: Sequence[str]) -> str | None:
    lengths = [len(text.split()) for text in texts]
    if min(lengths) < LEAST_WORDS:
        return f"{texts[lengths.index(min(lengths))]!r} is too short for an event."
    if max(lengths) > MOST_UNEVEN * min(lengths):
        return f"The wordings have {min(lengths)} to {max(lengths)} words; bring them to one length."
    dated = next((text for text in texts if explicit_dates(text)), None)
    return f"{dated!r} names a date; take dates out of all wordings." if dated else None


def _kept_to(text: str, sources: Sequence[str]) -> str | None:
    """Names, numbers and direction must be those of the source."""
    added = [*missing_numbers(text, list(sources)), *missing_names(text, list(sources))]
    if added:
        return f"{text!r} adds {', '.join(added)}; keep to what was given."
    if all(opposed(directions(text), directions(source)) for source in sources):
        return f"{text!r} says the contrary of what was given."
    return None


def _alternative_problem(
    alternative: Alternative, happened: str, event: str, proposed: ProposeReply
) -> str | None:
    numbers, last = alternative.rests_on, len(proposed.candidates)
    if not numbers or any(not 1 <= n <= last for n in numbers):
        return f"{alternative.text!r} must rest on proposals 1 to {last}, not on {numbers}."
    if any(says_the_same(alternative.text, text) for text in (happened, event)):
        return f"{alternative.text!r} says the same as what happened; leave it out."
    return _kept_to(alternative.text, [proposed.candidates[n - 1].text for n in numbers])


def _repeated(texts: Sequence[str]) -> str | None:
    for k, text in enumerate(texts):
        if twin := next((other for other in texts[:k] if says_the_same(text, other)), None):
            return f"{text!r} and {twin!r} say the same; merge them."
    return None


def edited(
    event: str | None,
    proposed: ProposeReply,
    reply: EditReply | None,
    shown: Shown,
    read_until: datetime | None,
) -> list[Candidate]:
    """The candidates, what happened first; without an edit (nothing proposed, or Z happened) as proposed."""

    def candidate(text: str, numbers: Sequence[int]) -> Candidate:
        quoted = quotations(shown.cited(numbers), Role.EXPECTATION, read_until)
        return Candidate(text=" ".join(text.split()).rstrip("."), evidence=quoted)

    def cited_by(numbers: Sequence[int]) -> list[int]:
        chosen: list[Proposal] = [proposed.candidates[n - 1] for n in dict.fromkeys(numbers)]
        return [n for proposal in chosen for n in proposal.evidence]

    if reply is None:
        listed = [candidate(p.text, p.evidence) for p in proposed.candidates[:MOST_ALTERNATIVES]]
        return [Candidate(text=event, happened=True), *listed] if event else listed
    listed = [candidate(a.text, cited_by(a.rests_on)) for a in reply.alternatives]
    happened = Candidate(text=" ".join(reply.happened.split()).rstrip("."), happened=True)
    return [happened, *listed]
