"""Rules on the chain: depths in order, dates after their parents and within the horizon, nothing mechanical."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from corpus.case import Case, Evidence, Outcome, Role
from corpus.dates import EventDate, Precision, add_months, horizon_end
from corpus.identity import fold
from corpus.problems import Code, Problem, error, warning
from corpus.text import explicit_dates


def check_chain(case: Case, today: date) -> Iterator[Problem]:
    """All findings on depths and dates of one case."""
    yield from _seed(case, today)
    if not case.outcomes:
        yield error(Code.NO_OUTCOME, "outcomes", 0, "the case has no outcome; research or add at least one.")
    for i, outcome in enumerate(case.outcomes):
        path = f"outcomes[{i}]"
        yield from _depth(case, i, path)
        if outcome.event is None:
            yield from _nothing(case, i, path, today)
        else:
            yield from _date(case, outcome, i, path, today)
    yield from _regular(case)
    yield from _repeated(case)


def _seed(case: Case, today: date) -> Iterator[Problem]:
    if case.seed_date.first_day > today:
        yield error(
            Code.DATE_IN_FUTURE,
            "seed_date",
            case.seed_date,
            f"the seed date {case.seed_date} lies after today.",
        )


def _depth(case: Case, i: int, path: str) -> Iterator[Problem]:
    depth = case.outcomes[i].depth
    if depth != i + 1:
        yield error(
            Code.DEPTH_GAP,
            f"{path}.depth",
            depth,
            f"depth {depth} stands where depth {i + 1} is due; renumber.",
        )
    if i and case.outcomes[i - 1].event is None:
        yield error(
            Code.AFTER_NOTHING,
            path,
            depth,
            f"depth {depth} follows a level at which nothing happened; remove it.",
        )


def _nothing(case: Case, i: int, path: str, today: date) -> Iterator[Problem]:
    """Z may be claimed only once the level's horizon has passed."""
    parent = case.parent_date(i + 1)
    if parent and horizon_end(parent, case.horizon_months) > today:
        until = horizon_end(parent, case.horizon_months)
        yield error(
            Code.NOTHING_TOO_EARLY,
            path,
            until,
            f"'nothing followed' cannot be known before {until}; leave it open.",
        )


def _date(case: Case, outcome: Outcome, i: int, path: str, today: date) -> Iterator[Problem]:
    when, parent = outcome.date, case.parent_date(i + 1)
    if when is None:
        yield error(
            Code.DATE_MISSING, f"{path}.date", "", "the outcome has no date; add one or remove the level."
        )
        return
    if when.first_day > today:
        yield error(Code.DATE_IN_FUTURE, f"{path}.date", when, f"the outcome's date {when} lies after today.")
    if parent is not None:
        yield from _against_parent(case, when, parent, path)
    if _finer_than_quoted(when, outcome.evidence):
        yield warning(
            Code.DATE_FINER_THAN_KNOWN,
            f"{path}.date",
            when,
            f"no quotation dates the event as finely as {when}.",
        )


def _against_parent(case: Case, when: EventDate, parent: EventDate, path: str) -> Iterator[Problem]:
    if when.last_day <= parent.first_day or (when.precision is Precision.DAY and when <= parent):
        yield error(
            Code.DATE_BEFORE_PARENT,
            f"{path}.date",
            when,
            f"{when} is not after its parent's date {parent}; check both.",
        )
    last = horizon_end(parent, case.horizon_months)
    if when.first_day > last:
        yield error(
            Code.DATE_BEYOND_HORIZON, f"{path}.date", when,
            f"{when} is later than {last}, {case.horizon_months} months after its parent; such a link is not made.",
        )  # fmt: skip


def _finer_than_quoted(when: EventDate, evidence: tuple[Evidence, ...]) -> bool:
    """Whether explicit dates stand in the quotations and all that cover `when` are coarser than it."""
    covering = [
        mention.date
        for item in evidence
        if item.role in (Role.SUPPORTS_DATE, Role.SUPPORTS_EVENT)
        for mention in explicit_dates(item.exact)
        if mention.date.contains(when)
    ]
    spelled = any(not explicit_dates(item.exact) for item in evidence)
    return bool(covering) and not spelled and all(date != when for date in covering)


def _regular(case: Case) -> Iterator[Problem]:
    """Two or more outcomes, all on the seed's day of the month: the mark of invented dates."""
    dated = [outcome.date for outcome in case.outcomes if outcome.date]
    exact = [case.seed_date, *dated]
    if len(dated) < 2 or any(when.precision is not Precision.DAY for when in exact):
        return
    seed = case.seed_date.first_day
    months = [12 * (w.first_day.year - seed.year) + w.first_day.month - seed.month for w in dated]
    if all(w.first_day == add_months(seed, n) for w, n in zip(dated, months, strict=True)):
        yield error(
            Code.DATES_REGULAR, "outcomes", ", ".join(map(str, dated)),
            f"all {len(dated)} dates are the seed's plus whole months; check each against its source.",
        )  # fmt: skip


def _repeated(case: Case) -> Iterator[Problem]:
    seen = {fold(case.seed_event): "the seed"}
    for i, outcome in enumerate(case.outcomes):
        if outcome.event is None:
            continue
        key = fold(outcome.event)
        if key in seen:
            yield error(
                Code.REPEATED_EVENT,
                f"outcomes[{i}].event",
                outcome.event,
                f"the outcome repeats {seen[key]}.",
            )
        seen.setdefault(key, f"the outcome at depth {outcome.depth}")
