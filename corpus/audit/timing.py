"""Was everything known in time? Estimates and context facts against the moments they claim to be from.

The rules are those of the single case (`corpus.rules`); one breach fails the snapshot, because a single
estimate that knew the outcome teaches a model to expect the impossible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from corpus.audit.facts import Facts
from corpus.audit.rows import EXAMPLES, Example, Group, Row, Rule, Verdict
from corpus.intervals import Interval, undefined, wilson_by_family
from corpus.problems import Code, Problem


def timing_rows(facts: Facts) -> list[Row]:
    """The four rows on timing."""
    context = [len(case.context) for case in facts.cases]
    return [
        _row(facts, Rule.EVIDENCE_TOO_LATE, Code.ESTIMATE_LEAKS, facts.cited,
             "estimates that quote something quote what was not shown to be available in time"),
        _row(facts, Rule.AS_OF_TOO_LATE, Code.ESTIMATE_TOO_LATE, facts.estimates,
             "estimates were made after the event that they follow"),
        _row(facts, Rule.CONTEXT_TOO_LATE, Code.CONTEXT_TOO_LATE, context,
             "context facts rest on a source that was not shown to be available on the seed date"),
        _row(facts, Rule.EXPECTATION_TOO_LATE, Code.EXPECTATION_TOO_LATE, facts.expectations,
             "expectations are quoted from a source that was not shown to be available at the level's as-of"),
    ]  # fmt: skip


def _row(facts: Facts, rule: Rule, code: Code, counts: Sequence[int], what: str) -> Row:
    found = [(case, problem) for case, problem in facts.problems if problem.code is code]
    broken = Counter(case for case, _ in found)
    total = sum(counts)
    return Row(
        Group.TIMING, rule, Verdict.FAIL if found else Verdict.PASS, _share(facts, counts, broken), "none",
        f"{len(found)} of {total} {what}." if total else f"There are none to check: 0 {what}.",
        tuple(_example(facts, case, problem) for case, problem in found[:EXAMPLES]),
    )  # fmt: skip


def _share(facts: Facts, counts: Sequence[int], broken: Counter[int]) -> Interval:
    hits: list[float] = []
    families: list[str] = []
    for case, count in enumerate(counts):
        bad = min(broken[case], count)
        hits += [1.0] * bad + [0.0] * (count - bad)
        families += [facts.family(case)] * count
    return wilson_by_family(np.array(hits), families) if hits else undefined()


def _example(facts: Facts, case: int, problem: Problem) -> Example:
    return Example(facts.cases[case].case_id, problem.path, problem.message)
