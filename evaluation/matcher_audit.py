"""How often the matcher itself errs, and what that does to the match rate.

A person labels a sample: did this list foresee what happened (1) or not (0)? The sample gives the matcher's
sensitivity and specificity with intervals. A match rate is then widened to every true rate that agrees with
the observed interval and with those two (the estimator of Rogan and Gladen, 1978, at the corners of the
three intervals), and never narrowed.

Does not cover: errors that differ by depth or domain; label by hand there too if they matter.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.errors import InvalidFile, InvalidInput
from corpus.files import write_atomically
from corpus.identity import canonical_json
from corpus.intervals import Interval, wilson_by_family
from evaluation.generated import Scored
from evaluation.matching import Matcher, Stage
from evaluation.pairing import GeneratedPairs
from evaluation.prediction import first_problem


class LabelledList(BaseModel):
    """One line of the sample: a list, what happened, and whether a person finds it in the list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: str = ""
    depth: int = 1
    predicted: tuple[str, ...]
    happened: Annotated[str, Field(min_length=1)]
    foreseen: Literal[0, 1] | None = None
    """The label; None until a person has looked."""


class Rate(BaseModel):
    """A share with its interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float
    items: int


class MatcherAudit(BaseModel):
    """The stored result of an audit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    matcher: str
    sensitivity: Rate
    """Of the lists that foresaw the event, the share that the matcher found."""
    specificity: Rate
    """Of those that did not, the share in which it found nothing."""
    sample: int
    made_at: datetime

    def widen(self, observed: Interval) -> Interval:
        """The interval of the true match rate; at least as wide as the observed one."""
        if observed.low is None or observed.high is None:
            return observed
        corners = [
            true_rate(rate, sensitivity, specificity)
            for rate, sensitivity, specificity in product(
                (observed.low, observed.high),
                (self.sensitivity.low, self.sensitivity.high),
                (self.specificity.low, self.specificity.high),
            )
        ]
        return replace(observed, low=min(observed.low, *corners), high=max(observed.high, *corners))


def true_rate(observed: float, sensitivity: float, specificity: float) -> float:
    """(observed + specificity − 1) / (sensitivity + specificity − 1), within 0..1.

    A matcher no better than chance says nothing: the rate is then taken as it was observed.
    """
    power = sensitivity + specificity - 1
    return min(1.0, max(0.0, (observed + specificity - 1) / power)) if power > 0 else observed


@dataclass(frozen=True)
class Disputed:
    """A list about which matcher and person disagree."""

    row: LabelledList
    stage: Stage


def draw_sample(
    pairs: GeneratedPairs, scored: Sequence[Scored], size: int, seed: int = 0
) -> list[LabelledList]:
    """Lists to be labelled, half of those with a match and half of those without, as far as they go."""
    rows = [
        LabelledList(
            case_id=item.level.case_id,
            depth=item.level.depth,
            predicted=tuple(candidate.text for candidate in row.candidates),
            happened=item.level.event or "",
        )
        for item, row in zip(scored, pairs.rows, strict=True)
        if row is not None and item.level.event
    ]
    found = {(item.level.case_id, item.level.depth): item.best.found for item in scored}
    random.Random(seed).shuffle(rows)
    with_match = [row for row in rows if found[row.case_id, row.depth]]
    without = [row for row in rows if not found[row.case_id, row.depth]]
    half = max(size // 2, size - len(without))
    taken = with_match[:half]
    return sorted(taken + without[: size - len(taken)], key=lambda row: (row.case_id, row.depth))


def audit_matcher(rows: Sequence[LabelledList], matcher: Matcher) -> tuple[MatcherAudit, list[Disputed]]:
    """Measure the matcher on labelled lists; returns the audit and the lists it gets wrong."""
    labelled = [row for row in rows if row.foreseen is not None]
    found = matcher.match_levels([(row.predicted, row.happened) for row in labelled])
    verdicts = [match.best.found for match in found]
    positive = [i for i, row in enumerate(labelled) if row.foreseen == 1]
    negative = [i for i, row in enumerate(labelled) if row.foreseen == 0]
    if len(positive) < 2 or len(negative) < 2:
        raise InvalidInput(
            f"The sample holds {len(positive)} foreseen and {len(negative)} unforeseen events; "
            "label two of each or more."
        )
    names = [row.case_id or row.happened for row in labelled]
    audit = MatcherAudit(
        matcher=matcher.name,
        sensitivity=_rate([float(verdicts[i]) for i in positive], [names[i] for i in positive]),
        specificity=_rate([float(not verdicts[i]) for i in negative], [names[i] for i in negative]),
        sample=len(labelled),
        made_at=datetime.now(UTC),
    )
    wrong = [i for i, row in enumerate(labelled) if verdicts[i] != bool(row.foreseen)]
    return audit, [Disputed(labelled[i], found[i].best.stage) for i in wrong]


def _rate(hits: Sequence[float], families: Sequence[str]) -> Rate:
    found = wilson_by_family(hits, families)
    if found.value is None or found.low is None or found.high is None:
        raise InvalidInput("The labelled lists come from one case; label some of another.")
    return Rate(value=found.value, low=found.low, high=found.high, items=found.items)


def read_sample(path: Path) -> list[LabelledList]:
    """Read labelled lists; raises InvalidFile naming line and field."""
    if not path.is_file():
        raise InvalidFile(f"{path} does not exist; draw a sample with `evaluation audit-matcher --draw`.")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                rows.append(LabelledList.model_validate_json(line))
            except ValidationError as fault:
                raise InvalidFile(f"{path}:{number}: {first_problem(fault)}") from fault
    if not rows:
        raise InvalidFile(f"{path} is empty: it holds no list to label.")
    return rows


def write_sample(path: Path, rows: Sequence[LabelledList]) -> None:
    """Write lists to be labelled."""
    write_atomically(path, (canonical_json(row.model_dump(mode="json")) for row in rows))


def read_audit(path: Path) -> MatcherAudit:
    """Read a stored audit; raises InvalidFile naming the field."""
    try:
        return MatcherAudit.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as fault:
        raise InvalidFile(f"{path} cannot be read as JSON: {fault}.") from fault
    except ValidationError as fault:
        raise InvalidFile(f"{path} is no matcher audit: {first_problem(fault)}") from fault
