"""FICTIONAL snapshots and forecasts of them, of any quality, to score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus.case import Candidate, Case, ContextFact, Method, Outcome, Remainder, Status
from corpus.dates import EventDate, add_months
from corpus.identity import case_id, slug
from corpus.pooling import pooled_outcome
from corpus.snapshot import SnapshotInfo, write_snapshot
from corpus.splits import Ratios
from evaluation.levels import Level
from evaluation.prediction import Mode, PredictedCandidate, Prediction, WhenShare
from tests.builders import estimate, sound_case

PLACES = "Arvenia Borduria Caldoria Drusland Elbonia Florin Grandel Hesperia Istria Jorvik".split()
DEEDS = (
    "closes its main harbour", "opens a new canal", "bans grain exports", "frees the wool market",
    "joins the river league", "leaves the river league", "taxes salt", "leases the forest",
    "rebuilds the old bridge", "floods the lower mine", "renews the mint charter", "audits the treasury",
)  # fmt: skip
OPTIONS = 3
SHARES = (0.5, 0.25, 0.15, 0.1)


def event(place: str, deed: str) -> str:
    """What a place does."""
    return f"{place} {deed}"


def case(n: int, rng: np.random.Generator, depth: int = 3) -> Case:
    """One FICTIONAL case; the option of rank r happens with probability `SHARES[r]`, Z is the last."""
    place = f"{PLACES[n % len(PLACES)]} {_syllables(n)}"
    deeds = [DEEDS[i] for i in rng.permutation(len(DEEDS))]
    day = EventDate.parse(f"{1990 + n % 30}-{1 + n % 12:02d}-{1 + n % 27:02d}")
    seed = event(place, deeds.pop())
    outcomes: list[Outcome] = []
    parent = day
    for level in range(1, depth + 1):
        texts = [event(place, deeds.pop()) for _ in range(OPTIONS)]
        happened = int(rng.choice(OPTIONS + 1, p=SHARES))
        when = EventDate(add_months(parent.last_day, 2 + n % 5))
        outcomes.append(_level(level, texts, happened, parent, when))
        if happened == OPTIONS:
            break
        parent = when
    return sound_case(
        case_id=case_id(seed, day, "economics"), slug=slug(seed, day), seed_event=seed, seed_date=day,
        domain=("economics", "climate")[n % 2], outcomes=tuple(outcomes), seed_evidence=(), sources=(),
        context=(ContextFact(text=f"{place} is calm"),), status=Status.APPROVED,
    )  # fmt: skip


def _syllables(n: int) -> str:
    parts = "ba do fe gi ku la me no pi ru".split()
    return "".join(parts[int(digit)] for digit in f"{n:04d}").capitalize()


def _level(depth: int, texts: Sequence[str], happened: int, parent: EventDate, when: EventDate) -> Outcome:
    as_of = str(parent)
    candidates = tuple(
        Candidate(text=text, happened=k == happened, estimates=(estimate(SHARES[k], as_of, Method.MODEL),))
        for k, text in enumerate(texts)
    )
    z = happened == OPTIONS
    return pooled_outcome(
        Outcome(
            depth=depth, event=None if z else texts[happened], date=None if z else when, candidates=candidates,
            remainder=Remainder(estimates=(estimate(SHARES[-1], as_of, Method.MODEL),)),
        )
    )  # fmt: skip


def make_snapshot(folder: Path, count: int = 90, seed: int = 0, depth: int = 3) -> Path:
    """Freeze `count` cases; returns the folder."""
    rng = np.random.default_rng(seed)
    cases = [case(n, rng, depth) for n in range(count)]
    ratios = Ratios(train=0.5, validation=0.15, test=0.35)
    write_snapshot(folder, cases, SnapshotInfo(query={}, program="test", note="FICTIONAL"), ratios=ratios)
    return folder


Rule = Callable[[Level], Sequence[float]]
"""A forecaster: the level → probabilities of its options and Z."""


def honest(level: Level) -> Sequence[float]:
    """The true probabilities."""
    return SHARES if len(level.options) == OPTIONS else (1.0,)


def knowing(level: Level) -> Sequence[float]:
    """Nearly all on what happened: the best there can be."""
    return [0.94 if k == level.outcome else 0.02 for k in range(len(level.options) + 1)]


def hedging(level: Level) -> Sequence[float]:
    """Equal shares."""
    return [1 / (len(level.options) + 1)] * (len(level.options) + 1)


def overconfident(level: Level) -> Sequence[float]:
    """Nearly all on the first option."""
    return [0.97, 0.01, 0.01, 0.01]


WHEN = (WhenShare(within_months=3, probability=0.4), WhenShare(within_months=12, probability=0.6))


def given(levels: Sequence[Level], rule: Rule, snapshot_hash: str, **changes: Any) -> list[Prediction]:
    """Mode `given` by a rule."""
    rows = []
    for level in levels:
        shares = list(rule(level))
        candidates = tuple(
            PredictedCandidate(text=text, probability=share, when=WHEN)
            for text, share in zip(level.options, shares[:-1], strict=True)
        )
        fields: dict[str, Any] = {
            "case_id": level.case_id, "depth": level.depth, "mode": Mode.GIVEN, "candidates": candidates,
            "remainder": shares[-1], "model": "FICTIONAL model", "snapshot_hash": snapshot_hash,
            "seconds": 0.5, "tokens": 100, "event_log_probability": -6.0, "event_tokens": 4,
        }  # fmt: skip
        rows.append(Prediction(**(fields | changes)))
    return rows


def generated(
    levels: Sequence[Level], foreseen: Callable[[int], bool], snapshot_hash: str, **changes: Any
) -> list[Prediction]:
    """Mode `generated`: a list that holds what happened where `foreseen` says so."""
    rows = []
    for n, level in enumerate(levels):
        first = level.event if level.event and foreseen(n) else "A comet is seen over the northern sea"
        candidates = (
            PredictedCandidate(text=first, probability=0.7, when=WHEN),
            PredictedCandidate(text="A plague of locusts reaches the capital", probability=0.2),
        )
        fields: dict[str, Any] = {
            "case_id": level.case_id, "depth": level.depth, "mode": Mode.GENERATED, "candidates": candidates,
            "remainder": 0.1, "model": "FICTIONAL model", "snapshot_hash": snapshot_hash,
        }  # fmt: skip
        rows.append(Prediction(**(fields | changes)))
    return rows
