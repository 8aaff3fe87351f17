"""Probabilities by a curator: their own estimate, and values that a dated source gives.

The own estimate is a whole distribution, saved only at exactly 100 %, and counts as `retrospective`: whoever
reviews knows the outcome. It is asked for before the other estimates are shown; `may_see` says when they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.curator.editing import Texts, located, percent
from corpus.case import FULL_BP, Case, Estimate, Evidence, Method, Outcome, Role, Status, Terms
from corpus.dates import EventDate
from corpus.errors import InvalidInput
from corpus.pooling import largest_remainder, pooled_outcome

SOURCED = (Method.MARKET, Method.SURVEY, Method.EXPERT)
REMAINDER = "z"


@dataclass(frozen=True)
class Shares:
    """A distribution as it was typed: basis points of the candidates and Z, and what is wrong with it."""

    points: tuple[int | None, ...]
    faults: Mapping[int, str]

    @property
    def total(self) -> int:
        """Sum of what can be read."""
        return sum(value or 0 for value in self.points)

    @property
    def complete(self) -> bool:
        """Whether it may be saved."""
        return not self.faults and None not in self.points and self.total == FULL_BP


def read_shares(outcome: Outcome, form: Mapping[str, str]) -> Shares:
    """The fields `own.0`, `own.1`, …, `own.z` of a level's form."""
    points: list[int | None] = []
    faults: dict[int, str] = {}
    for i, name in enumerate(share_names(outcome)):
        try:
            points.append(percent(form.get(name, "")))
        except InvalidInput as fault:
            points.append(None)
            faults[i] = str(fault)
    return Shares(tuple(points), faults)


def share_names(outcome: Outcome) -> list[str]:
    """Field names of a level's candidates and Z."""
    return [f"own.{k}" for k in range(len(outcome.candidates))] + [f"own.{REMAINDER}"]


def rescaled(shares: Shares) -> Shares:
    """The same proportions at exactly 100 %; unchanged where nothing or everything is missing."""
    if shares.faults or not shares.total:
        return shares
    return Shares(tuple(largest_remainder([(p or 0) / shares.total for p in shares.points])), {})


def with_own_estimate(case: Case, depth: int, shares: Shares, curator: str, note: str) -> Case:
    """The case with the curator's distribution of a level, an earlier one of theirs replaced."""
    if not shares.complete:
        raise InvalidInput(f"The shares sum to {shares.total / 100:g} %; only exactly 100 % can be saved.")
    outcome, as_of = case.outcomes[depth - 1], case.as_of(depth)
    if as_of is None:
        raise InvalidInput("The parent has no date, so the level has no as-of; add the date first.")
    made = [
        Estimate(
            method=Method.RETROSPECTIVE, value=(points or 0) / FULL_BP, as_of=as_of, venue=curator,
            terms=Terms.OPEN, note=note,
        )
        for points in shares.points
    ]  # fmt: skip
    candidates = tuple(
        c.model_copy(update={"estimates": (*_others(c.estimates, curator), own)})
        for c, own in zip(outcome.candidates, made[:-1], strict=True)
    )
    rest = outcome.remainder
    rest = rest.model_copy(update={"estimates": (*_others(rest.estimates, curator), made[-1])})
    changed = pooled_outcome(outcome.model_copy(update={"candidates": candidates, "remainder": rest}))
    return _with_level(case, depth, changed)


def own_estimate(outcome: Outcome, curator: str) -> tuple[float, ...] | None:
    """The curator's values of a level, candidates and Z; None where they have not given them."""
    groups = [c.estimates for c in outcome.candidates] + [outcome.remainder.estimates]
    own = [next((e.value for e in group if _is_own(e, curator)), None) for group in groups]
    known = [value for value in own if value is not None]
    return tuple(known) if len(known) == len(own) else None


def may_see(case: Case, outcome: Outcome, curator: str, waived: Sequence[int]) -> bool:
    """Whether the others' estimates are shown: after the own, when it was waived, or once it is decided."""
    decided = case.status in (Status.APPROVED, Status.REJECTED)
    return decided or outcome.depth in waived or own_estimate(outcome, curator) is not None


def with_sourced_value(case: Case, depth: int, form: Mapping[str, str], texts: Texts) -> Case:
    """The case with a value that a dated source gives for one candidate or Z."""
    outcome = case.outcomes[depth - 1]
    estimate = _sourced(case, form, texts)
    which = form.get("candidate", "")
    if which == REMAINDER:
        rest = outcome.remainder.model_copy(update={"estimates": (*outcome.remainder.estimates, estimate)})
        return _with_level(case, depth, pooled_outcome(outcome.model_copy(update={"remainder": rest})))
    if not which.isdigit() or int(which) >= len(outcome.candidates):
        raise InvalidInput("Choose the candidate that the value is of.")
    candidates = list(outcome.candidates)
    chosen = candidates[int(which)]
    candidates[int(which)] = chosen.model_copy(update={"estimates": (*chosen.estimates, estimate)})
    changed = outcome.model_copy(update={"candidates": tuple(candidates)})
    return _with_level(case, depth, pooled_outcome(changed))


def _sourced(case: Case, form: Mapping[str, str], texts: Texts) -> Estimate:
    method = form.get("method", "")
    if method not in SOURCED:
        raise InvalidInput(f"Choose how the value came about: {', '.join(SOURCED)}.")
    source = case.source(form.get("source", ""))
    if source is None:
        raise InvalidInput("Choose the source that gives the value; add it to the case first.")
    exact = form.get("quote", "").strip()
    if not exact:
        raise InvalidInput("Quote the words of the source that give the value.")
    place = located(texts, source.source_id, exact)
    samples = form.get("samples", "").strip()
    if samples and not samples.isdigit():
        raise InvalidInput(f"{samples!r} is no whole number of people or trades.")
    bounds = {n: percent(form[n]) / FULL_BP for n in ("low", "high") if form.get(n, "").strip()}
    return Estimate(
        method=Method(method), value=percent(form.get("value", "")) / FULL_BP, low=bounds.get("low"),
        high=bounds.get("high"), as_of=EventDate.parse(form.get("as_of", "")).end(),
        samples=int(samples) if samples else None, venue=form.get("venue", "").strip() or source.publisher,
        evidence=Evidence(source_id=source.source_id, exact=exact, role=Role.EXPECTATION, **place),
        terms=source.terms, note=form.get("note", "").strip(),
    )  # fmt: skip


def _others(estimates: Sequence[Estimate], curator: str) -> tuple[Estimate, ...]:
    return tuple(estimate for estimate in estimates if not _is_own(estimate, curator))


def _is_own(estimate: Estimate, curator: str) -> bool:
    return estimate.method is Method.RETROSPECTIVE and estimate.venue == curator


def _with_level(case: Case, depth: int, outcome: Outcome) -> Case:
    outcomes = (*case.outcomes[: depth - 1], outcome, *case.outcomes[depth:])
    return case.model_copy(update={"outcomes": outcomes})
