"""Which model is in use: promotion where it is shown to be better, rollback, and what a pipeline proposes.

A model takes the place of the current one, or of the base where none was promoted, only where `evaluation.deciding`
finds it better on the same test questions. Both models are compared as they are served: with their own calibration.
Does not cover: canaries, traffic shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import InvalidInput, NotPromoted, PsychoHistoryError
from corpus.splits import Split
from evaluation.calibrating import bent
from evaluation.calibration import CalibrationFile, read_calibration
from evaluation.compare import Difference, families_needed
from evaluation.compare_files import compare_files
from evaluation.deciding import MIN_FAMILIES, decisive, is_better, side
from evaluation.levels import LevelSet, open_snapshot
from evaluation.matching import Matcher
from evaluation.prediction import Mode, Predictions, read_predictions
from evaluation.report_text import shown
from evaluation.summary import difference_json
from training.registry.history import append_event
from training.registry.records import EvaluationRecord, Event, EventKind, ModelRecord
from training.registry.registering import Answers, calibration_of, register_run
from training.registry.store import BASE_CALIBRATION, BASE_PREDICTIONS, PREDICTIONS, Registry

BASE = "base"
"""What a first model is compared with: the model that its training began from."""


@dataclass(frozen=True)
class Comparison:
    """A model beside what it would replace."""

    model: str
    against: str
    snapshot: str
    differences: tuple[Difference, ...]
    """Of the decisive figures that both were scored in."""

    @property
    def allows(self) -> bool:
        """Whether one figure is better with its whole interval, and none worse."""
        return is_better(self.differences)

    @property
    def sentence(self) -> str:
        """What the intervals say."""
        return f"{self.model} minus {self.against}: " + "; ".join(self._said(one) for one in self.differences)

    def _said(self, one: Difference) -> str:
        found = one.difference
        head = f"{one.figure} {shown(found)} over {found.families} event families, "
        if lies := side(found):
            return head + f"{self.model if lies < 0 else self.against} is better"
        needed = max(families_needed(found) or 0, MIN_FAMILIES) - found.families
        more = f" (about {needed} more families would show one of this size)" if needed > 0 else ""
        return head + f"no difference shown{more}"


@dataclass(frozen=True)
class Proposal:
    """Which model a pipeline should promote, and why."""

    model: str | None
    """None: nothing is shown to be better than what is in use."""
    against: str
    reason: str
    comparisons: tuple[Comparison, ...]


def compare_models(
    registry: Registry, name: str, against: str | None = None, snapshot: Path | None = None
) -> Comparison:
    """A model beside another (None: its base) on the newest snapshot that both have forecast.

    Raises InvalidInput where there is none, or its folder is gone.
    """
    record = registry.model(name)
    for evaluation in registry.evaluations(record.name):
        rival = _rival(registry, record, against, evaluation)
        if rival is not None:
            asked = _asked(evaluation, snapshot)
            own = _own(registry, record, evaluation)
            return Comparison(record.name, against or BASE, asked.hash, _differences(own, rival, asked))
    raise InvalidInput(_nothing_shared(record.name, against))


def _own(registry: Registry, record: ModelRecord, evaluation: EvaluationRecord) -> Predictions:
    place = registry.checked_evaluation(record.name, evaluation)
    return bent(read_predictions(place / PREDICTIONS), calibration_of(registry.verified(record.name)))


def _rival(
    registry: Registry, record: ModelRecord, against: str | None, evaluation: EvaluationRecord
) -> Predictions | None:
    """Forecasts of the same snapshot by the other model, or by the base; None where there are none."""
    if against is not None:
        other = registry.model(against)
        shared = [e for e in registry.evaluations(other.name) if e.snapshot == evaluation.snapshot]
        return _own(registry, other, shared[0]) if shared else None
    if BASE_PREDICTIONS not in evaluation.files:
        return None
    place = registry.checked_evaluation(record.name, evaluation)
    stored: CalibrationFile | None = None
    if BASE_CALIBRATION in evaluation.files:
        stored = read_calibration(place / BASE_CALIBRATION)
    return bent(read_predictions(place / BASE_PREDICTIONS), stored)


def _asked(evaluation: EvaluationRecord, snapshot: Path | None) -> LevelSet:
    folder = snapshot or Path(evaluation.snapshot_folder)
    if not folder.is_dir():
        raise InvalidInput(f"The snapshot {folder} is gone; say where it lies now with --snapshot.")
    asked = open_snapshot(folder)
    if asked.hash != evaluation.snapshot:
        raise InvalidInput(
            f"{folder} is snapshot {asked.hash[:12]}…, but the forecasts answer {evaluation.snapshot[:12]}…; "
            "name that one with --snapshot."
        )
    return asked


def _differences(first: Predictions, second: Predictions, asked: LevelSet) -> tuple[Difference, ...]:
    rows = compare_files(first, second, asked, asked.of(Split.TEST), Matcher())
    if Mode.GIVEN not in rows:
        raise InvalidInput(
            f"{first.origin} and {second.origin} do not both hold mode `given`; predict both with --mode given."
        )
    return decisive(rows)


def _nothing_shared(name: str, against: str | None) -> str:
    if against is None:
        return (
            f"{name} would be the first model in use and must beat its base, but no forecasts of the base stand "
            f"beside its own; add both with `training models evaluate {name} FILE --base-predictions FILE "
            "--snapshot FOLDER`."
        )
    return (
        f"{name} and {against}, which is in use, have forecast no snapshot in common; add the missing forecasts "
        "with `training models evaluate NAME FILE --snapshot FOLDER`."
    )


def promote(
    registry: Registry, name: str, snapshot: Path | None = None, *, force: bool = False, reason: str = ""
) -> Event:
    """Put a model in use; the event says against what and by how much.

    Raises NotPromoted where it is not shown to be better, unless forced, which takes a reason.
    """
    if force and not reason.strip():
        raise InvalidInput('--force needs a reason, which is kept: --reason "…".')
    with registry.writing():
        record, current = registry.model(name), registry.current
        registry.verified(record.name)
        if record.name == current:
            raise InvalidInput(f"{record.name} is in use already.")
        found = _allowed(registry, record.name, current, snapshot, force)
        return append_event(
            registry.history_file,
            EventKind.PROMOTED,
            record,
            reason=reason,
            forced=force and not (found and found.allows),
            against=current or BASE,
            differences=tuple(difference_json(one) for one in found.differences) if found else (),
        )


def _allowed(
    registry: Registry, name: str, current: str | None, snapshot: Path | None, force: bool
) -> Comparison | None:
    """The comparison that allows a promotion; where forced, whatever comparison there is."""
    try:
        found = compare_models(registry, name, current, snapshot)
    except PsychoHistoryError:
        if not force:
            raise
        return None
    if not (found.allows or force):
        raise NotPromoted(
            f"{name} was not promoted: {found.sentence}. More test cases may show it, or use --force --reason."
        )
    return found


def rollback(registry: Registry, reason: str = "") -> Event:
    """Put the model promoted before the current one in use again; raises InvalidInput where there is none."""
    with registry.writing():
        stack = registry.promoted()
        if len(stack) < 2:
            raise InvalidInput(
                f"There is no earlier model to go back to ({f'only {stack[0]} was' if stack else 'none was'} promoted)."
            )
        registry.verified(stack[-2])
        return append_event(
            registry.history_file,
            EventKind.ROLLED_BACK,
            registry.model(stack[-2]),
            reason=reason,
            against=stack[-1],
        )


def propose(registry: Registry, names: Sequence[str], snapshot: Path | None = None) -> Proposal:
    """Which of several new models, in the order of their stages, should replace what is in use.

    Each is compared with the best before it, beginning with the model in use (the base where there is none); it
    takes its place only where it is shown to be better. The last stage has no right of its own.
    """
    start = registry.current
    best: str | None = None
    found: list[Comparison] = []
    for name in names:
        if name in (start, best):
            continue
        comparison = compare_models(registry, name, best or start, snapshot)
        found.append(comparison)
        if comparison.allows:
            best = name
    return Proposal(best, start or BASE, _reason(best, start or BASE, found), tuple(found))


def register_and_propose(registry: Registry, runs: Sequence[tuple[Path, Answers]]) -> Proposal:
    """Take the runs of a pipeline's stages in, in their order, and say which of them to promote.

    Runs that stand there already are left as they are, so that a pipeline may be called again.
    """
    names = [register_run(registry, run, answers=answers).name for run, answers in runs]
    return propose(registry, names)


def _reason(best: str | None, against: str, found: Sequence[Comparison]) -> str:
    if not found:
        return "there is no new model to compare."
    if best is None:
        return f"nothing is shown to be better than {against}: " + "; ".join(one.sentence for one in found)
    return next(one.sentence for one in found if one.model == best)
