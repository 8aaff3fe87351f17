"""A run's plan: parameters trained, memory, time and dollars on every GPU of the price table, and what is refused.

Does not cover: several GPUs, storage, what happens when a card is handed out late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from corpus.errors import InvalidInput
from training.config import Adapt, Experiment
from training.planning.lengths import DatasetLengths
from training.planning.memory import Batch, Memory, memory_of
from training.planning.prices import Gpu, PriceTable
from training.planning.shapes import Loading, Shape, loading_of
from training.planning.work import Work, work_of
from training.trees import Effort

LOADINGS = (Loading.BF16, Loading.FOUR_BIT, Loading.UNSLOTH)


@dataclass(frozen=True)
class Option:
    """One way to load the base on one GPU."""

    gpu: Gpu
    loading: Loading
    memory: Memory
    refused: str
    """Why it cannot be run there; empty where it can."""
    stage_seconds: dict[str, float]
    usd_per_second: float
    start_seconds: float

    @property
    def seconds(self) -> float:
        return self.start_seconds + sum(self.stage_seconds.values())

    @property
    def usd(self) -> float:
        return self.seconds * self.usd_per_second


@dataclass(frozen=True)
class RunPlan:
    """What is known of a run before it is started."""

    experiment: Experiment
    shape: Shape
    lengths: DatasetLengths
    work: Sequence[Work]
    prices: PriceTable
    options: Sequence[Option]
    counted_with: str
    """The tokenizer that counted; another one than the base's is said."""

    @property
    def loading(self) -> Loading:
        """How the experiment loads its base on a GPU."""
        return loading_of(self.experiment.precision)

    def fitting(self, loading: Loading | None = None) -> list[Option]:
        """What can be run, the cheapest first."""
        wanted = loading or self.loading
        found = [one for one in self.options if one.loading is wanted and not one.refused]
        return sorted(found, key=lambda one: one.usd)

    def on(self, name: str | None) -> Option:
        """The option on a named GPU, or the cheapest that fits; raises InvalidInput with the reason and a way out."""
        fitting = self.fitting()
        if name is None:
            if not fitting:
                raise InvalidInput(
                    f"No single GPU of the table holds {self.shape.base} in {self.loading}.{self._instead()}"
                )
            return fitting[0]
        gpu = self.prices.gpu(name)
        option = next(one for one in self.options if one.gpu == gpu and one.loading is self.loading)
        if option.refused:
            fits = (
                f" The cheapest GPU that fits is {fitting[0].gpu.name} (about ${fitting[0].usd:.2f})."
                if fitting
                else ""
            )
            raise InvalidInput(f"{gpu.name} is refused: {option.refused}.{fits}{self._instead(gpu)}")
        return option

    def _instead(self, gpu: Gpu | None = None) -> str:
        """Loaders that would fit where the experiment's own does not."""
        others = [
            one.loading.value
            for one in self.options
            if not one.refused and one.loading is not self.loading and gpu in (None, one.gpu)
        ]
        named = ", ".join(dict.fromkeys(others))
        return (
            f" There it fits only as {named}." if named and gpu else f" As {named} it fits." if named else ""
        )


def make_plan(
    experiment: Experiment,
    shape: Shape,
    lengths: DatasetLengths,
    prices: PriceTable,
    counted_with: str,
    stages: Sequence[str] | None = None,
) -> RunPlan:
    """Plan a run (or some stages of it) on every GPU and in every loading, the experiment's own one included."""
    work = [
        one for one in work_of(shape, experiment, lengths, Effort()) if stages is None or one.stage in stages
    ]
    batch = largest_batch(experiment, lengths)
    loadings = dict.fromkeys((loading_of(experiment.precision), *LOADINGS))
    options = [
        _option(experiment, shape, batch, work, prices, gpu, loading)
        for loading in loadings
        for gpu in prices.gpus
    ]
    return RunPlan(experiment, shape, lengths, work, prices, options, counted_with)


def largest_batch(experiment: Experiment, lengths: DatasetLengths) -> Batch:
    """The largest micro-batch of SFT and scoring, which need the most."""
    rows = max(experiment.sft.batch, experiment.score.batch)
    reads = max((*lengths.train.reads, *lengths.validation.reads))
    longest = max(lengths.train.longest, lengths.validation.longest)
    return Batch(rows, longest, reads * rows)


def _option(
    experiment: Experiment,
    shape: Shape,
    batch: Batch,
    work: Sequence[Work],
    prices: PriceTable,
    gpu: Gpu,
    loading: Loading,
) -> Option:
    assumed = prices.assumptions
    memory = memory_of(shape, experiment.lora, loading, batch, experiment.gradient_checkpointing, assumed)
    refused = _refusal(experiment, shape, gpu, loading, memory)
    seconds = (
        {one.stage: one.seconds(shape, loading, gpu, assumed) for one in work} if gpu.bf16_tflops else {}
    )
    return Option(gpu, loading, memory, refused, seconds, prices.usd_per_second(gpu), assumed.start_seconds)


def _refusal(experiment: Experiment, shape: Shape, gpu: Gpu, loading: Loading, memory: Memory) -> str:
    if not gpu.bf16_tflops:
        return "it computes no bf16"
    if loading in (Loading.FOUR_BIT, Loading.UNSLOTH) and experiment.lora.adapt is Adapt.FULL:
        return f"weights in {loading} cannot be trained themselves"
    if memory.total > gpu.memory_gb * 1e9:
        return (
            f"{shape.base} in {loading} needs about {memory.total / 1e9:.1f} GB, {memory.weights / 1e9:.1f} GB of it "
            f"before training, and the card has {gpu.memory_gb:g} GB"
        )
    return ""


def plan_json(plan: RunPlan) -> dict[str, Any]:
    """The whole plan as JSON."""
    shape, lengths = plan.shape, plan.lengths
    return {
        "base": shape.base,
        "loading": plan.loading.value,
        "adapt": plan.experiment.lora.adapt.value,
        "parameters": shape.parameters,
        "active_parameters": round(shape.active),
        "trained_parameters": shape.trained,
        "snapshot": lengths.snapshot,
        "counted_with": plan.counted_with,
        "dialogues": {
            name: {"cases": len(split.tokens), "tokens": split.total, "longest": split.longest}
            for name, split in (
                ("train", lengths.train),
                ("validation", lengths.validation),
                ("test", lengths.test),
            )
        },
        "left_out": lengths.left_out,
        "work": [asdict(one) for one in plan.work],
        "prices": {"page": plan.prices.source.page, "date": plan.prices.source.date.isoformat()},
        "assumptions": plan.prices.assumptions.model_dump(),
        "options": [option_json(one) for one in plan.options],
    }


def option_json(one: Option) -> dict[str, Any]:
    """One row of the plan."""
    return {
        "gpu": one.gpu.name,
        "loading": one.loading.value,
        "fits": not one.refused,
        "refused": one.refused or None,
        "memory_gb": {name: round(value / 1e9, 3) for name, value in asdict(one.memory).items()}
        | {"total": round(one.memory.total / 1e9, 3)},
        "seconds": {name: round(value, 1) for name, value in one.stage_seconds.items()},
        "total_seconds": round(one.seconds, 1) if one.stage_seconds else None,
        "usd": round(one.usd, 4) if one.stage_seconds else None,
    }
