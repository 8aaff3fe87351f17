"""Splits: by time and family, sticky, and nothing learned that was not resolved by the cut-off."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from corpus.splits import Ratios, Split, SplitItem, Splits, make_splits

START = date(2018, 1, 1)


def item(name: str, day: int, *resolved: int, domain: str = "economics") -> SplitItem:
    days = resolved or (day + 30,)
    return SplitItem(
        name, domain, START + timedelta(days=day), tuple(START + timedelta(days=d) for d in days)
    )


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[SplitItem], dict[str, str]]:
    count = draw(st.integers(1, 40))
    items = [item(f"c{n:02d}", day, day + draw(st.integers(1, 900)), day + draw(st.integers(1, 1500)))
             for n, day in enumerate(draw(st.lists(st.integers(0, 1500), min_size=count, max_size=count)))]  # fmt: skip
    family = {i.case_id: f"f{draw(st.integers(0, count))}" for i in items}
    return items, family


@given(corpora())
def test_every_case_is_somewhere_once_and_families_never_straddle(corpus) -> None:  # type: ignore[no-untyped-def]
    items, family = corpus
    splits = make_splits(items, family)
    placed = [*splits.train, *splits.validation, *splits.test, *splits.left_out]
    assert sorted(placed) == sorted(i.case_id for i in items)
    of_family: dict[str, set[Split]] = {}
    for i in items:
        if (where := splits.of(i.case_id)) is not None:
            of_family.setdefault(family[i.case_id], set()).add(where)
    assert all(len(where) == 1 for where in of_family.values())


@given(corpora())
def test_learners_know_nothing_after_the_cutoff(corpus) -> None:  # type: ignore[no-untyped-def]
    items, family = corpus
    splits = make_splits(items, family)
    by_id = {i.case_id: i for i in items}
    for case_id in (*splits.train, *splits.validation):
        kept = splits.levels_kept.get(case_id, len(by_id[case_id].resolved))
        assert kept >= 1
        assert all(day <= splits.cutoff for day in sorted(by_id[case_id].resolved)[:kept])
    assert all(by_id[c].seed_day > splits.cutoff for c in splits.test)


@given(corpora(), corpora())
def test_membership_is_sticky(old, new) -> None:  # type: ignore[no-untyped-def]
    items, family = old
    first = make_splits(items, family)
    more = [SplitItem("n" + i.case_id, i.domain, i.seed_day, i.resolved) for i in new[0]]
    again = make_splits(
        [*items, *more], family | {f"n{k}": f"n{v}" for k, v in new[1].items()}, previous=first
    )
    for split in Split:
        assert set(first.members(split)) <= set(again.members(split))


def test_a_hundred_steady_cases_split_about_as_asked() -> None:
    items = [item(f"c{n:03d}", 10 * n, 10 * n + 5) for n in range(100)]
    splits = make_splits(items, {i.case_id: i.case_id for i in items})
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (80, 10, 10)
    assert max(splits.train) < min(splits.validation) < min(splits.test)


def test_a_newcomer_that_joins_two_splits_is_left_out_by_name() -> None:
    previous = Splits(cutoff=START + timedelta(days=500), train=("a",), validation=("b",))
    items = [item("a", 10), item("b", 400), item("c", 200)]
    splits = make_splits(items, {"a": "a", "b": "a", "c": "a"}, previous=previous)
    assert (splits.train, splits.validation) == (("a",), ("b",))
    assert "different splits" in splits.left_out["c"]


def test_small_strata_are_reported() -> None:
    items = [item(f"c{n}", 10 * n, domain="health") for n in range(20)]
    splits = make_splits(items, {i.case_id: i.case_id for i in items}, Ratios())
    assert any(line.startswith("test: 2 of domain health") for line in splits.small_strata)


def test_a_newcomer_never_pushes_a_tested_family_out() -> None:
    items = [item(f"c{n:02d}", 100 * n) for n in range(10)]
    family = {i.case_id: i.case_id for i in items}
    first = make_splits(items, family)
    assert first.test == ("c09",)
    late = item("n00", 50)
    second = make_splits([*items, late], family | {"n00": "c09"}, previous=first)
    assert second.test == ("c09",)
    assert second.left_out == {"n00": "its event family is tested on since an earlier snapshot"}
