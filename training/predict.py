"""Forecasts of a snapshot as `predictions.jsonl`, in the three modes of `evaluation.prediction`.

`given`: the case's own candidates and Z, level by level along the realised path. `generated`: the model's own
lists along the same path. `tree`: the model's own tree from the seed alone. Nothing is calibrated here;
the evaluation applies a calibration. The history of a deeper level holds what happened above it, in the case's
own order of candidates, and never a date.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from corpus.case import Case
from corpus.dates import EventDate
from corpus.snapshot import Snapshot
from corpus.splits import Split
from evaluation.prediction import Mode, PredictedCandidate, Prediction
from training.dataset import Chain, chains_of
from training.dialogue import unusable, when_index
from training.engine import Engine, Sampling
from training.forecasting import Tokens, Weighed, below, propose, start, weigh
from training.inference import ProbabilityTreeInference
from training.trees import Effort, Question


@dataclass(frozen=True)
class Job:
    """What is forecast, by whom, how."""

    snapshot: Snapshot
    split: Split
    modes: tuple[Mode, ...]
    model: str
    knowledge_cutoff: EventDate | None = None
    branches: int = 4
    depth: int = 3
    effort: Effort = field(default_factory=Effort)
    weights_hash: str = ""
    """Content hash of the model; empty where only its name is known."""


def predictions(engine: Engine, job: Job) -> Iterator[Prediction]:
    """The lines of a prediction file, case by case."""
    for chain in chains_of(job.snapshot, job.split):
        yield from _along_the_path(engine, job, chain)
        if Mode.TREE in job.modes and chain.levels:
            yield from _tree(engine, job, chain.case)


def _along_the_path(engine: Engine, job: Job, chain: Chain) -> Iterator[Prediction]:
    case = chain.case
    facts = [fact.text for fact in case.context]
    history = start(engine.encoder, case.seed_event, facts, case.seed_date.last_day, case.horizon_months)
    for outcome in case.outcomes[: chain.levels]:
        if unusable(case, outcome):
            return
        texts = [candidate.text for candidate in outcome.candidates]
        for mode in (Mode.GIVEN, Mode.GENERATED):
            if mode in job.modes:
                yield from _line(engine, job, case, outcome.depth, mode, history, texts)
        happened = next((k for k, candidate in enumerate(outcome.candidates) if candidate.happened), None)
        months = case.months_since_parent(outcome.depth)
        if happened is None or months is None:
            return
        step = when_index(months, case.horizon_months)
        history = below(
            engine.encoder, history, texts, happened, case.horizon_months, step, outcome.depth + 1
        )


def _line(
    engine: Engine, job: Job, case: Case, depth: int, mode: Mode, history: Tokens, given: Sequence[str]
) -> Iterator[Prediction]:
    begun, used = time.perf_counter(), engine.tokens_used
    texts = list(given) if mode is Mode.GIVEN else propose(engine, history, job.branches, _sampling(job))
    if not texts:
        yield _prediction(engine, job, case, depth, mode, None)
        return
    found = weigh(engine, history, texts, case.horizon_months, job.effort.orders, job.effort.sampling.seed)
    line = _prediction(engine, job, case, depth, mode, found)
    yield line.model_copy(
        update={"seconds": round(time.perf_counter() - begun, 6), "tokens": engine.tokens_used - used}
    )


def _sampling(job: Job) -> Sampling:
    return job.effort.sampling


def _prediction(
    engine: Engine,
    job: Job,
    case: Case,
    depth: int,
    mode: Mode,
    found: Weighed | None,
    branch: tuple[str, ...] = (),
) -> Prediction:
    """One line; a level for which the model listed nothing has all mass on Z."""
    candidates = () if found is None else tuple(
        PredictedCandidate(text=text, probability=found.probabilities[k], when=found.when_shares(k))
        for k, text in enumerate(found.texts)
    )  # fmt: skip
    return Prediction(
        case_id=case.case_id,
        depth=depth,
        mode=mode,
        parent_branch=branch,
        candidates=candidates,
        remainder=1.0 if found is None else found.probabilities[-1],
        spread=() if found is None else found.spread[:-1],
        model=job.model,
        weights_hash=job.weights_hash,
        knowledge_cutoff=job.knowledge_cutoff,
        snapshot_hash=job.snapshot.hash,
        prompt_version=engine.encoder.template.version,
    )


def _tree(engine: Engine, job: Job, case: Case) -> Iterator[Prediction]:
    inference = ProbabilityTreeInference(job.model, engine=engine)
    question = Question(
        case.seed_event,
        tuple(fact.text for fact in case.context),
        case.seed_date.last_day,
        case.horizon_months,
        job.depth,
        job.branches,
    )
    for expansion in inference.stream(question, job.effort):
        yield _prediction(
            engine, job, case, len(expansion.path) + 1, Mode.TREE, expansion.weighed, expansion.events
        )
