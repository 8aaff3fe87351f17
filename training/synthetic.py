"""Synthetic snapshots: cases drawn from causal worlds, with their true probabilities in the snapshot.

The manifest says `synthetic: true`. Cases carry no sources and no evidence; the rules on sources and
wording do not apply to them. The daily hazard of each level stands in the provenance, so that the true *when*
distribution can be computed (`training.worlds.when_probabilities`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from corpus.case import (
    DEFAULT_DOMAINS,
    Candidate,
    Case,
    ContextFact,
    Fate,
    Outcome,
    Provenance,
    Remainder,
    Status,
)
from corpus.dates import EventDate
from corpus.identity import case_id, slug
from corpus.pooling import largest_remainder
from corpus.snapshot import Manifest, SnapshotInfo, write_snapshot
from corpus.splits import Ratios
from training.worlds import (
    ACTIONS_PER_LAYER,
    MOODS,
    World,
    days_within,
    draw,
    make_world,
    new_name,
    probabilities,
)

_FIRST, _DAYS = date(1850, 1, 1), 160 * 365
_MADE = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Recipe:
    """What makes a synthetic snapshot; the same recipe gives the same bytes."""

    cases: int
    world_seeds: tuple[int, ...] = (1,)
    seed: int = 0
    depth: int = 3
    horizon_months: int = 24


def write_synthetic(folder: Path, recipe: Recipe, ratios: Ratios | None = None) -> Manifest:
    """Make a snapshot of synthetic cases; raises SnapshotError where the folder exists."""
    info = SnapshotInfo(
        query={
            "cases": recipe.cases,
            "worlds": list(recipe.world_seeds),
            "seed": recipe.seed,
            "depth": recipe.depth,
            "horizon_months": recipe.horizon_months,
        },
        program="training synth",
        synthetic=True,
        note="FICTIONAL cases drawn from causal worlds; true probabilities are known.",
    )
    return write_snapshot(folder, synthetic_cases(recipe), info, ratios=ratios)


def synthetic_cases(recipe: Recipe) -> Iterator[Case]:
    """The cases of a recipe, dealt to its worlds in turn."""
    worlds = [make_world(seed, recipe.depth, recipe.horizon_months) for seed in recipe.world_seeds]
    rng = np.random.default_rng([7, recipe.seed, *recipe.world_seeds])
    seen: set[str] = set()
    while len(seen) < recipe.cases:
        case = _case(rng, worlds[len(seen) % len(worlds)], recipe)
        if case.case_id not in seen:
            seen.add(case.case_id)
            yield case


def _case(rng: np.random.Generator, world: World, recipe: Recipe) -> Case:
    name, mood = new_name(rng), int(rng.integers(len(MOODS)))
    seed_day = _FIRST + timedelta(days=int(rng.integers(_DAYS)))
    action = int(rng.integers(ACTIONS_PER_LAYER))
    event, when = f"{name} {world.phrases[0][action]}", EventDate(seed_day)
    domain = DEFAULT_DOMAINS[int(rng.integers(len(DEFAULT_DOMAINS)))]
    outcomes, hazards = _chain(rng, world, recipe, (name, mood, action, seed_day))
    return Case(
        case_id=case_id(event, when, domain),
        slug=slug(event, when),
        domain=domain,
        seed_event=event,
        seed_date=when,
        horizon_months=recipe.horizon_months,
        context=(ContextFact(text=f"The mood is {MOODS[mood]}."),),
        outcomes=tuple(outcomes),
        status=Status.APPROVED,
        provenance=Provenance(
            origin="synthetic",
            created_at=_MADE,
            program="training synth",
            settings={"world": world.seed, "mood": mood}
            | {f"hazard_{depth}": hazard for depth, hazard in enumerate(hazards, start=1)},
        ),
    )


def _chain(
    rng: np.random.Generator, world: World, recipe: Recipe, start: tuple[str, int, int, date]
) -> tuple[list[Outcome], list[float]]:
    """Levels until none follows or the depth is reached, and each level's daily hazard."""
    name, mood, action, day = start
    outcomes: list[Outcome] = []
    hazards: list[float] = []
    for layer in range(recipe.depth):
        fork = world.fork(layer, action, mood)
        days = days_within(day, recipe.horizon_months)
        drawn = draw(rng, fork, days)
        texts = [f"{name} {world.phrases[layer + 1][j]}" for j in fork.actions]
        when = None if drawn is None else day + timedelta(days=drawn[1])
        true, none = probabilities(fork, days)
        outcomes.append(_outcome(layer + 1, texts, (*true, none), drawn and drawn[0], when))
        hazards.append(fork.hazard)
        if drawn is None or when is None:
            break
        action, day = fork.actions[drawn[0]], when
    return outcomes, hazards


def _outcome(
    depth: int, texts: Sequence[str], true: Sequence[float], happened: int | None, when: date | None
) -> Outcome:
    points = largest_remainder(list(true))
    candidates = tuple(
        Candidate(
            text=text,
            happened=k == happened,
            fate=None if k == happened else Fate.REFUTED,
            probability_bp=points[k],
            true_probability=true[k],
        )
        for k, text in enumerate(texts)
    )
    return Outcome(
        depth=depth,
        event=None if happened is None else texts[happened],
        date=None if when is None else EventDate(when),
        candidates=candidates,
        remainder=Remainder(probability_bp=points[-1], true_probability=true[-1]),
    )
