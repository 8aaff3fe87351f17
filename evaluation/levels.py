"""Levels: what is forecast, with what happened; from snapshots and from resolved yes/no questions.

A level is one question with K options and Z ("none of them"). A yes/no question is a level with the one
option "yes", whose Z is "no". Everything downstream works on levels and never on cases.

Does not cover: predictions (`evaluation.prediction`), pairing the two (`evaluation.pairing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from corpus.case import FULL_BP, METHODS_BY_TRUST, Case, Method, Outcome
from corpus.dates import horizon_end
from corpus.errors import InvalidInput
from corpus.snapshot import Snapshot, read_snapshot
from corpus.splits import Split

YES = "yes"


@dataclass(frozen=True, slots=True)
class Level:
    """One level question with its answer."""

    case_id: str
    family: str
    depth: int
    domain: str
    seed: str
    context: str
    """What was known on the seed date, one fact a line."""
    parent: str
    """The event that the question follows from: the seed, or the outcome one level up."""
    options: tuple[str, ...]
    """K candidate texts; Z is understood as option K."""
    outcome: int | None
    """Index of the option that happened; K where Z did; None where no candidate is marked."""
    event: str | None
    """What happened, in the case's words; None where Z did."""
    as_of: datetime
    resolved: date
    """The day on which the answer was known."""
    horizon_months: int
    months: int | None
    """Months from the parent to what happened."""
    pooled: tuple[float, ...] | None
    """Stored probabilities of the K options and Z; None where the level is undistributed."""
    methods: tuple[Method | None, ...] = ()
    """The most trusted method behind each of them."""
    truth: tuple[float, ...] | None = None
    """True probabilities of a synthetic level."""
    sources: tuple[str, ...] = ()
    crowd: float | None = None
    binary: bool = False
    """A yes/no question: the option and Z are two sides of one probability."""

    @property
    def key(self) -> tuple[str, int]:
        """Case and depth, unique in a set."""
        return self.case_id, self.depth


@dataclass(frozen=True)
class LevelSet:
    """The levels of one snapshot or question file, by split."""

    hash: str
    origin: str
    splits: dict[Split, tuple[Level, ...]]
    synthetic: bool = False

    def of(self, split: Split) -> tuple[Level, ...]:
        """The levels of a split; raises InvalidInput where it has none."""
        levels = self.splits.get(split, ())
        if not levels:
            raise InvalidInput(f"{self.origin} has no level in split {split}; choose another with --split.")
        return levels

    def earlier_than(self, targets: Sequence[Level]) -> list[Level]:
        """Levels answered before the first target was asked, none of the targets' families among them."""
        start = min(level.as_of for level in targets).date()
        taken = {level.family for level in targets}
        return [
            level
            for split in (Split.TRAIN, Split.VALIDATION)
            for level in self.splits.get(split, ())
            if level.resolved <= start and level.family not in taken
        ]


def open_snapshot(folder: Path) -> LevelSet:
    """Read a snapshot folder; raises SnapshotError where it does not match its manifest."""
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder; name a snapshot.")
    return levels_of(read_snapshot(folder))


def levels_of(snapshot: Snapshot) -> LevelSet:
    """The levels of a snapshot; train and validation are cut at the snapshot's cut-off day."""
    found: dict[Split, list[Level]] = {split: [] for split in Split}
    for case in snapshot.cases:
        split = snapshot.splits.of(case.case_id)
        if split is None:
            continue
        kept = snapshot.splits.levels_kept.get(case.case_id, len(case.outcomes))
        family = snapshot.splits.families.get(case.case_id, case.case_id)
        found[split] += case_levels(case, family, kept)
    return LevelSet(
        snapshot.hash,
        str(snapshot.folder),
        {split: tuple(levels) for split, levels in found.items()},
        snapshot.manifest.synthetic,
    )


def case_levels(case: Case, family: str, kept: int | None = None) -> Iterator[Level]:
    """The levels of one case down to `kept`; one without candidates or without a parent's date is left out."""
    context = "\n".join(fact.text for fact in case.context) or case.summary
    for outcome in case.outcomes[:kept]:
        as_of, parent = case.as_of(outcome.depth), case.parent_date(outcome.depth)
        if not outcome.candidates or as_of is None or parent is None:
            continue
        end = outcome.date.last_day if outcome.date else horizon_end(parent, case.horizon_months)
        yield Level(
            case_id=case.case_id,
            family=family,
            depth=outcome.depth,
            domain=case.domain,
            seed=case.seed_event,
            context=context,
            parent=case.parent_event(outcome.depth),
            options=tuple(candidate.text for candidate in outcome.candidates),
            outcome=_outcome(outcome),
            event=outcome.event,
            as_of=as_of,
            resolved=end,
            horizon_months=case.horizon_months,
            months=case.months_since_parent(outcome.depth),
            pooled=_pooled(outcome),
            methods=_methods(outcome),
            truth=_truth(outcome),
            sources=_sources(case, outcome),
        )


def _outcome(outcome: Outcome) -> int | None:
    if outcome.event is None:
        return len(outcome.candidates)
    return next((i for i, candidate in enumerate(outcome.candidates) if candidate.happened), None)


def _pooled(outcome: Outcome) -> tuple[float, ...] | None:
    points = [candidate.probability_bp for candidate in outcome.candidates] + [
        outcome.remainder.probability_bp
    ]
    known = [point / FULL_BP for point in points if point is not None]
    return tuple(known) if len(known) == len(points) else None


def _truth(outcome: Outcome) -> tuple[float, ...] | None:
    values = [candidate.true_probability for candidate in outcome.candidates]
    known = [value for value in (*values, outcome.remainder.true_probability) if value is not None]
    return tuple(known) if len(known) == len(values) + 1 else None


def _methods(outcome: Outcome) -> tuple[Method | None, ...]:
    groups = [candidate.estimates for candidate in outcome.candidates] + [outcome.remainder.estimates]
    return tuple(
        min((e.method for e in group), key=METHODS_BY_TRUST.index) if group else None for group in groups
    )


def _sources(case: Case, outcome: Outcome) -> tuple[str, ...]:
    found = (case.source(item.source_id) for item in outcome.evidence)
    return tuple(dict.fromkeys(source.url for source in found if source))


def with_answers(levels: Iterable[Level]) -> list[Level]:
    """Levels whose answer is marked: those that mode `given` can score."""
    return [level for level in levels if level.outcome is not None]
