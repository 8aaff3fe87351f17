"""Does it look like history? Dates, probabilities, duplicates, contradicting labels, coverage.

Invented chains betray themselves in the mass: dates on the seed's day of the month, equal or round
probabilities, the same seed twice, one text that happened here and did not there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from corpus.audit.facts import CandidateFact, Facts, LevelFact
from corpus.audit.rows import EXAMPLES, Example, Group, Row, Rule, Verdict, above, below, never_failing
from corpus.audit.statements import Reader
from corpus.case import FULL_BP
from corpus.dates import Precision
from corpus.intervals import Interval, undefined, wilson_by_family
from corpus.problems import Code

SAME_DAY_LIMIT = 0.15
"""Share of outcomes on the seed's day of the month; about 1 in 30 by chance."""
UNIFORM_LIMIT = 0.05
ROUND_LIMIT = 0.50
ROUND_BP = 500
"""A value that is a multiple of 5 % counts as round; by chance 1 in 5 whole per cents is."""
LEAST_OPTIONS = 3
DEEP_LIMIT = 0.50
"""Share of cases that should go beyond their first outcome."""
DOMAIN_LIMIT = 0.60
"""Share of the cases that one domain should not exceed."""


def shape_rows(facts: Facts) -> list[Row]:
    """The seven rows on shape."""
    return [
        _dates_row(facts),
        _level_row(facts, Rule.UNIFORM, _is_uniform, UNIFORM_LIMIT, "give every option the same probability"),
        _level_row(facts, Rule.ROUND, _is_round, ROUND_LIMIT, "give nothing but multiples of 5 %"),
        _duplicates_row(facts),
        _contradictions_row(facts),
        _depth_row(facts),
        _domains_row(facts),
    ]


def _dates_row(facts: Facts) -> Row:
    """Single cases with mechanical dates fail; so does a corpus with far too many outcomes on the seed's day."""
    regular = [(case, problem) for case, problem in facts.problems if problem.code is Code.DATES_REGULAR]
    dated = [level for level in facts.levels if _by_day(facts, level)]
    hits = [_day(level) == facts.cases[level.case].seed_date.first_day.day for level in dated]
    figure = _share(hits, [facts.family(level.case) for level in dated])
    verdict = Verdict.FAIL if regular else below(figure, SAME_DAY_LIMIT)
    examples = [Example(facts.cases[case].case_id, problem.path, problem.value) for case, problem in regular]
    return Row(
        Group.SHAPE, Rule.REGULAR_DATES, verdict, figure, f"below {SAME_DAY_LIMIT:.0%}, no case all regular",
        f"{sum(hits)} of {len(hits)} outcomes fall on the seed's day of the month; {len(regular)} cases have nothing "
        "but such dates.",
        tuple(examples[:EXAMPLES]),
    )  # fmt: skip


def _by_day(facts: Facts, level: LevelFact) -> bool:
    seed = facts.cases[level.case].seed_date
    return (
        level.when is not None and level.when.precision is Precision.DAY and seed.precision is Precision.DAY
    )


def _day(level: LevelFact) -> int:
    return level.when.first_day.day if level.when else 0


def _is_uniform(points: Sequence[int]) -> bool:
    return max(points) - min(points) <= 1


def _is_round(points: Sequence[int]) -> bool:
    return all(value % ROUND_BP == 0 for value in points)


def _level_row(
    facts: Facts, rule: Rule, test: Callable[[Sequence[int]], bool], limit: float, what: str
) -> Row:
    known = [
        (level, [value for value in level.points if value is not None])
        for level in facts.levels
        if level.count and None not in level.points and len(level.points) >= LEAST_OPTIONS
    ]
    hits = [test(points) for _, points in known]
    figure = _share(hits, [facts.family(level.case) for level, _ in known])
    verdict = below(figure, limit)
    found = [(level, points) for (level, points), hit in zip(known, hits, strict=True) if hit]
    examples = [
        Example(facts.cases[level.case].case_id, f"outcomes[{level.depth - 1}]",
                " / ".join(f"{100 * value / FULL_BP:g} %" for value in points))
        for level, points in found[:EXAMPLES]
    ]  # fmt: skip
    return Row(
        Group.SHAPE, rule, verdict, figure, f"below {limit:.0%}",
        f"{len(found)} of {len(known)} levels {what}.", () if verdict is Verdict.PASS else tuple(examples),
    )  # fmt: skip


def _duplicates_row(facts: Facts) -> Row:
    """The same seed twice, be it under one id, in one wording, or in other words on one day."""
    found = [(case, p.message) for case, p in facts.problems if p.code is Code.DUPLICATE_CASE]
    listed = {case for case, _ in found}
    reader = Reader(case.seed_event for case in facts.cases)
    seen: dict[tuple[str, tuple[str, ...], str], int] = {}
    ids: dict[str, int] = {}
    for number, case in enumerate(facts.cases):
        said = reader.read(case.seed_event)
        figures = " ".join(f"{q.low:g}{q.unit}" for q in said.quantities)
        first = seen.setdefault((str(case.seed_date), tuple(sorted(said.words)), figures), number)
        first = min(first, ids.setdefault(case.case_id, number))
        if first != number and number not in listed:
            found.append((number, f"case {facts.cases[first].case_id} has the same seed in other words."))
    hits = np.zeros(len(facts.cases))
    hits[[case for case, _ in found]] = 1.0
    return Row(
        Group.SHAPE, Rule.DUPLICATES, Verdict.FAIL if found else Verdict.PASS,
        _share([bool(hit) for hit in hits], [case.family for case in facts.cases]), "none",
        f"{len(found)} of {len(facts.cases)} cases repeat the seed of another.",
        tuple(Example(facts.cases[c].case_id, "seed_event", text) for c, text in found[:EXAMPLES]),
    )  # fmt: skip


def _contradictions_row(facts: Facts) -> Row:
    """Equal wordings of different cases: happened on a day within the horizon over which the other was refuted."""
    reader = Reader(candidate.text for candidate in facts.candidates)
    told: dict[tuple[object, ...], list[CandidateFact]] = defaultdict(list)
    for candidate in facts.candidates:
        said = reader.read(candidate.text)
        figures = tuple(sorted((q.low, q.high, q.unit) for q in said.quantities))
        key = (tuple(sorted(said.words)), figures, tuple(sorted(said.directions)))
        if said.words:
            told[key].append(candidate)
    found = [
        (yes, no)
        for group in told.values()
        if len(group) > 1
        for yes in group
        if yes.happened
        for no in group
        if no.refuted and _overlap(facts, yes, no)
    ]
    touched = {facts.levels[no.level].case for _, no in found}
    hits = [case in touched for case in range(len(facts.cases))]
    return Row(
        Group.SHAPE, Rule.CONTRADICTIONS, Verdict.FAIL if found else Verdict.PASS,
        _share(hits, [case.family for case in facts.cases]), "none",
        f"{len(found)} times a text is refuted in one case and happened within the same horizon in another.",
        tuple(_contradiction(facts, yes, no) for yes, no in found[:EXAMPLES]),
    )  # fmt: skip


def _overlap(facts: Facts, yes: CandidateFact, no: CandidateFact) -> bool:
    one, other = facts.levels[yes.level], facts.levels[no.level]
    if one.case == other.case or one.when is None or other.as_of is None or other.until is None:
        return False
    return other.as_of < one.when.first_day and one.when.last_day <= other.until


def _contradiction(facts: Facts, yes: CandidateFact, no: CandidateFact) -> Example:
    one, other = facts.levels[yes.level], facts.levels[no.level]
    text = f"{no.text} | happened on {one.when} in case {facts.cases[one.case].case_id}"
    return Example(
        facts.cases[other.case].case_id, f"outcomes[{other.depth - 1}].candidates[{no.place}]", text
    )


def _depth_row(facts: Facts) -> Row:
    hits = [case.depth > 1 for case in facts.cases]
    figure = _share(hits, [case.family for case in facts.cases])
    levels = Counter(level.depth for level in facts.levels)
    listed = ", ".join(f"{levels[depth]} at depth {depth}" for depth in sorted(levels)) or "none"
    return Row(
        Group.SHAPE, Rule.DEPTH, never_failing(above(figure, DEEP_LIMIT)), figure, f"above {DEEP_LIMIT:.0%}",
        f"{sum(hits)} of {len(hits)} cases go beyond their first outcome; levels: {listed}.",
    )  # fmt: skip


def _domains_row(facts: Facts) -> Row:
    counts = Counter(case.domain for case in facts.cases)
    largest, _ = counts.most_common(1)[0] if counts else ("none", 0)
    figure = _share([c.domain == largest for c in facts.cases], [c.family for c in facts.cases])
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
    return Row(
        Group.SHAPE, Rule.DOMAINS, never_failing(below(figure, DOMAIN_LIMIT)), figure, f"below {DOMAIN_LIMIT:.0%}",
        f"The largest domain is {largest}; cases: {listed}.",
    )  # fmt: skip


def _share(hits: Sequence[bool], families: Sequence[str]) -> Interval:
    if not hits:
        return undefined()
    return wilson_by_family(np.array(hits, dtype=float), families)
