"""How much a run computes, and how long that takes on a GPU. No torch.

Operations a token, forward: 2 for each parameter of the layers it passes through and of the adapter, 2 for each
parameter of the head at positions that are read, and attention over half the dialogue (over all of it where every
score is formed). Backward as much again through frozen weights, twice where they are trained; gradient
checkpointing repeats the forward pass. Time is operations over rate times utilisation, and at least what the host needs
to launch a pass's kernels, layer by layer; written lists take for each token the reading of the weights from the GPU's
memory, and at least what transformers' generate takes.

Does not cover: merging between stages, compiling kernels, waiting for a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.config import HELD_A_PASS, Adapt, Experiment, Stage
from training.planning.lengths import DatasetLengths, Lengths
from training.planning.prices import Assumptions, Gpu
from training.planning.shapes import Loading, Shape
from training.trees import Effort

FORWARD = 1 / 3
"""Share of a forward and backward pass that the forward pass is."""
LETTER_TOKENS = 20
"""Tokens of a letter turn's question and answer, about."""


@dataclass(frozen=True)
class Work:
    """One stage: what is computed, and how many tokens are written one after another."""

    stage: str
    tokens: int
    operations: float
    written: float = 0.0
    """Tokens written one after another; those of one batch count once."""
    passes: float = 0.0
    """Forward and backward passes over a micro-batch; one without backward counts a third."""
    loads: int = 1
    """How often the base is loaded."""

    def seconds(self, shape: Shape, loading: Loading, gpu: Gpu, assumed: Assumptions) -> float:
        """Time of this stage on a GPU, start of the container left out."""
        weights = shape.weight_bytes(loading)
        token = max(assumed.decode_seconds, weights / (gpu.bandwidth_gb_s * 1e9))
        kind = assumed.mixture if shape.experts else assumed.dense
        rate = gpu.bf16_tflops * 1e12 * kind.utilisation
        return (
            max(self.operations / rate, self.passes * shape.layers * kind.layer_seconds)
            + self.written * token
            + self.loads * weights / assumed.load_bytes_per_second
        )


@dataclass(frozen=True)
class Rates:
    """Operations of one model under one experiment."""

    shape: Shape
    experiment: Experiment

    def forward(self, lengths: Sequence[int], reads: Sequence[int]) -> float:
        """One forward pass over dialogues of these lengths."""
        shape = self.shape
        layers = 2 * (shape.active + (0 if self._full else shape.trained)) * sum(lengths)
        head = 2 * shape.vocabulary * shape.hidden * sum(reads)
        return layers + head + self._attention(lengths)

    def training(self, lengths: Sequence[int], reads: Sequence[int]) -> float:
        """Forward and backward."""
        forward = self.forward(lengths, reads)
        passes = (2 if self._full else 1) + 1 + self.experiment.gradient_checkpointing
        adapter = 0 if self._full else 2 * self.shape.trained * sum(lengths)
        return forward * passes + adapter

    @property
    def _full(self) -> bool:
        return self.experiment.lora.adapt is Adapt.FULL

    def _attention(self, lengths: Sequence[int]) -> float:
        width = self.shape.heads * self.shape.head_dim
        seen = 1.0 if self.shape.eager else 0.5
        return 4 * width * seen * self.shape.layers * sum(length**2 for length in lengths)


def work_of(shape: Shape, experiment: Experiment, lengths: DatasetLengths, effort: Effort) -> list[Work]:
    """The stages of `export-and-train`, forecasts included."""
    rates = Rates(shape, experiment)
    return [
        _stage(rates, "sft", experiment.sft, lengths),
        _stage(rates, "score", experiment.score, lengths),
        _grpo(rates, lengths),
        _forecasts(rates, lengths, effort),
    ]


def _stage(rates: Rates, name: str, stage: Stage, lengths: DatasetLengths) -> Work:
    train, held_out = lengths.train, lengths.validation
    a_step = stage.batch * stage.accumulation
    shown = stage.epochs * stage.orders
    steps = max(1, -(-len(train.tokens) * shown // a_step))
    share = 1.0 if stage.max_steps is None else min(1.0, stage.max_steps / steps)
    steps = round(steps * share)
    dialogues = shown * share
    validations = 1 + steps // stage.evaluate_every
    learnt = rates.training(train.tokens, _reads(train, stage)) * dialogues
    checked = rates.forward(held_out.tokens, held_out.reads) * validations
    tokens = round(train.total * dialogues) + held_out.total * validations
    checks = validations * -(-len(held_out.tokens) // stage.batch)
    return Work(name, tokens, learnt + checked, passes=steps * stage.accumulation + FORWARD * checks)


def _reads(lengths: Lengths, stage: Stage) -> Sequence[int]:
    return lengths.reads if stage.loss.propose else lengths.letters


def _grpo(rates: Rates, lengths: DatasetLengths) -> Work:
    """Lists are written, weighed in a few orders, and read by the policy and by what it is compared with."""
    settings, train = rates.experiment.grpo, lengths.train
    steps = -(-train.levels * settings.epochs // settings.levels)
    steps = min(steps, settings.max_steps or steps)
    rows = steps * settings.levels * settings.lists
    past = round(train.total / max(1, len(train.tokens)) / 2)
    row = [past + round(train.list_tokens)] * rows
    reads = [round(train.list_tokens)] * rows
    operations = rates.training(row, reads) + rates.forward(row, reads)
    operations += rates.forward(row, [1] * rows) * settings.orders
    held, letters = _held(rates.experiment, train, steps)
    operations += rates.training(held, letters) + rates.forward(held, letters)
    validations = 1 + steps // settings.evaluate_every
    written = (steps + validations * -(-settings.validation_levels // settings.levels)) * train.list_tokens
    passes = steps * (1 + FORWARD * (1 + settings.orders))
    return Work("grpo", sum(row) + sum(held), operations, written, passes)


def _held(experiment: Experiment, train: Lengths, steps: int) -> tuple[list[int], list[int]]:
    """Tokens and letters of the dialogues whose letters are held: eight of mean length a pass."""
    settings = experiment.grpo
    if not settings.letters_weight:
        return [], []
    shown = steps * settings.levels * settings.lists // settings.batch * HELD_A_PASS
    count = max(1, len(train.tokens))
    return [round(train.total / count)] * shown, [round(sum(train.letters) / count)] * shown


FORECASTERS = 4
"""The base and the models of all three stages are asked."""


def _forecasts(rates: Rates, lengths: DatasetLengths, effort: Effort) -> Work:
    """Validation and test, given and generated lists, by every forecaster; a level's past is read once."""
    written, operations, tokens, passes = 0.0, 0.0, 0, 0.0
    for split in (lengths.validation, lengths.test):
        orders = split.levels * 2 * effort.orders
        read = split.total + orders * round(split.list_tokens + LETTER_TOKENS)
        operations += 2 * rates.shape.active * read + 2 * rates.shape.vocabulary * rates.shape.hidden * orders
        tokens += read
        passes += FORWARD * split.levels * 2
        written += split.levels * split.list_tokens
    return Work(
        "forecasts",
        tokens * FORECASTERS,
        operations * FORECASTERS,
        written * FORECASTERS,
        passes * FORECASTERS,
        loads=FORECASTERS,
    )
