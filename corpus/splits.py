"""Which cases train, which validate and which test: split by time and by event family.

One cut-off day T a corpus. Train and validation learn only from levels resolved by T (their chains are
truncated there); test seeds come after T; validation is the newest slice before T. A family never
straddles: a seed after T whose family stands before it is left out, by name. Membership is sticky: a case
that an earlier snapshot placed stays where it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from corpus.case import Case
from corpus.dates import day_before, horizon_end

SMALL_STRATUM = 5
"""Cases of one domain in one split below which the split says little about that domain."""


class Split(StrEnum):
    """Where a case belongs."""

    TRAIN = "train"
    """Fitted on."""
    VALIDATION = "validation"
    """Used to choose settings and to calibrate."""
    TEST = "test"
    """Looked at once, for the figures that are published."""


class Ratios(BaseModel):
    """Wanted shares of cases; they sum to 1."""

    model_config = ConfigDict(frozen=True)

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1


class Splits(BaseModel):
    """The content of `splits.json`."""

    model_config = ConfigDict(frozen=True)

    cutoff: date
    ratios: Ratios = Ratios()
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    levels_kept: dict[str, int] = {}
    """Case id → levels resolved by the cut-off, for the train and validation cases that lose some."""
    left_out: dict[str, str] = {}
    """Case id → why it is in no split."""
    families: dict[str, str] = {}
    """Case id → family id."""
    small_strata: tuple[str, ...] = ()

    def of(self, case_id: str) -> Split | None:
        """The split of a case; None where it was left out."""
        return next((split for split in Split if case_id in getattr(self, split.value)), None)

    def members(self, split: Split) -> tuple[str, ...]:
        """Case ids of a split."""
        return tuple(getattr(self, split.value))


@dataclass(frozen=True, slots=True)
class SplitItem:
    """What splitting needs to know of a case; small, so that a corpus need not be held in memory."""

    case_id: str
    domain: str
    seed_day: date
    resolved: tuple[date, ...]
    """Day on which each level was decided."""


def split_item(case: Case) -> SplitItem:
    """The part of a case that splitting looks at."""
    return SplitItem(case.case_id, case.domain, case.seed_date.last_day, tuple(_resolved(case)))


def _resolved(case: Case) -> list[date]:
    days = []
    for outcome in case.outcomes:
        parent = case.parent_date(outcome.depth)
        if outcome.date is not None:
            days.append(outcome.date.last_day)
        elif parent is not None:
            days.append(horizon_end(parent, case.horizon_months))
    return days


def make_splits(
    items: Sequence[SplitItem],
    family_of: Mapping[str, str],
    ratios: Ratios | None = None,
    previous: Splits | None = None,
) -> Splits:
    """Split N cases. With `previous`, its cut-off and its members stay as they were."""
    ratios = ratios or (previous.ratios if previous else Ratios())
    ordered = sorted(items, key=lambda item: (item.seed_day, item.case_id))
    cutoff = previous.cutoff if previous else _cutoff(ordered, ratios)
    plan = _Plan(ordered, family_of, cutoff, previous)
    plan.place_tests()
    plan.place_learners(ratios)
    return plan.result(ratios)


def _cutoff(ordered: Sequence[SplitItem], ratios: Ratios) -> date:
    """The day before the first seed of the newest `test` share of the cases."""
    if not ordered:
        return date(1970, 1, 1)
    tests = min(len(ordered), max(1, round(ratios.test * len(ordered))))
    return day_before(ordered[-tests].seed_day)


class _Plan:
    """One pass of placing cases; collects members, truncations and what is left out."""

    def __init__(
        self,
        ordered: Sequence[SplitItem],
        family_of: Mapping[str, str],
        cutoff: date,
        previous: Splits | None,
    ) -> None:
        self.ordered, self.family_of, self.cutoff = ordered, family_of, cutoff
        self.sticky = _memberships(previous)
        self.tested = {family_of[i.case_id] for i in ordered if self.sticky.get(i.case_id) is Split.TEST}
        self.members: dict[Split, list[str]] = {split: [] for split in Split}
        self.levels_kept: dict[str, int] = {}
        self.left_out: dict[str, str] = {}

    def place_tests(self) -> None:
        """Seeds after the cut-off, unless their family stands before it; those of an earlier snapshot stay."""
        before = {
            self.family_of[i.case_id]
            for i in self.ordered
            if i.seed_day <= self.cutoff and not self._comes_too_late(i)
        }
        for item in self.ordered:
            if item.seed_day <= self.cutoff:
                continue
            if self.family_of[item.case_id] in before and self.sticky.get(item.case_id) is not Split.TEST:
                self.left_out[item.case_id] = "its event family has a seed before the cut-off"
            else:
                self.members[Split.TEST].append(item.case_id)

    def place_learners(self, ratios: Ratios) -> None:
        """Whole families before the cut-off: the newest to validation, the others to train."""
        groups = self._learning_families()
        wanted = round(len(self.ordered) * ratios.validation)
        room = wanted - sum(len(group) for group in groups if self._stuck(group) == {Split.VALIDATION})
        newest_first = sorted(groups, key=lambda g: (max(i.seed_day for i in g), g[0].case_id), reverse=True)
        for group in newest_first:
            stuck = self._stuck(group)
            if len(stuck) > 1:
                self._leave_out_newcomers(group)
            elif stuck:
                self._place(group, stuck.pop())
            elif room > 0 and len(group) <= max(room, 1):
                self._place(group, Split.VALIDATION)
                room -= len(group)
            else:
                self._place(group, Split.TRAIN)

    def _learning_families(self) -> list[list[SplitItem]]:
        groups: dict[str, list[SplitItem]] = defaultdict(list)
        for item in self.ordered:
            if item.seed_day > self.cutoff:
                continue
            kept = sum(day <= self.cutoff for day in item.resolved)
            if self._comes_too_late(item):
                self.left_out[item.case_id] = "its event family is tested on since an earlier snapshot"
                continue
            if kept == 0:
                self.left_out[item.case_id] = "none of its levels was resolved by the cut-off"
                continue
            if kept < len(item.resolved):
                self.levels_kept[item.case_id] = kept
            groups[self.family_of[item.case_id]].append(item)
        return list(groups.values())

    def _comes_too_late(self, item: SplitItem) -> bool:
        """Whether a new case belongs to a family that an earlier snapshot tests on."""
        return item.case_id not in self.sticky and self.family_of[item.case_id] in self.tested

    def _stuck(self, group: Sequence[SplitItem]) -> set[Split]:
        return {self.sticky[i.case_id] for i in group if i.case_id in self.sticky}

    def _leave_out_newcomers(self, group: Sequence[SplitItem]) -> None:
        """A new case joined two families that stand in different splits: it goes, they stay."""
        for item in group:
            if item.case_id in self.sticky:
                self._place([item], self.sticky[item.case_id])
            else:
                self.left_out[item.case_id] = "it joins event families that stand in different splits"
                self.levels_kept.pop(item.case_id, None)

    def _place(self, group: Sequence[SplitItem], split: Split) -> None:
        self.members[split] += [item.case_id for item in group]

    def result(self, ratios: Ratios) -> Splits:
        return Splits(
            cutoff=self.cutoff,
            ratios=ratios,
            **{split.value: tuple(sorted(ids)) for split, ids in self.members.items()},
            levels_kept=dict(sorted(self.levels_kept.items())),
            left_out=dict(sorted(self.left_out.items())),
            families={i.case_id: self.family_of[i.case_id] for i in sorted(self.ordered, key=_by_id)},
            small_strata=tuple(self._small_strata()),
        )

    def _small_strata(self) -> list[str]:
        domain = {item.case_id: item.domain for item in self.ordered}
        found = []
        for split, ids in self.members.items():
            for name in sorted(set(domain.values())):
                count = sum(domain[case_id] == name for case_id in ids)
                if count < SMALL_STRATUM:
                    found.append(f"{split.value}: {count} of domain {name}")
        return found


def _by_id(item: SplitItem) -> str:
    return item.case_id


def _memberships(previous: Splits | None) -> dict[str, Split]:
    if previous is None:
        return {}
    return {case_id: split for split in Split for case_id in previous.members(split)}
