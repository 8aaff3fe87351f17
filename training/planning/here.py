"""A plan held against this machine: its GPU's memory, where it has one."""

from __future__ import annotations

import torch

from corpus.errors import InvalidInput
from training.config import Precision
from training.planning.memory import Memory, memory_of
from training.planning.plan import RunPlan, largest_batch
from training.planning.shapes import Loading


def memory_here(plan: RunPlan) -> Memory:
    """Memory of a training step on this machine: without a GPU, `auto` is float32 and nothing is kept for CUDA."""
    experiment, loading, assumed = plan.experiment, plan.loading, plan.prices.assumptions
    if not torch.cuda.is_available():
        assumed = assumed.model_copy(update={"reserve_gb": 0.0})
        loading = Loading.FLOAT32 if experiment.precision is Precision.AUTO else loading
    batch = largest_batch(experiment, plan.lengths)
    return memory_of(plan.shape, experiment.lora, loading, batch, experiment.gradient_checkpointing, assumed)


def require_memory(plan: RunPlan) -> None:
    """Raise InvalidInput where the GPU of this machine is too small; a machine without one is not judged."""
    if not torch.cuda.is_available():
        return
    card = torch.cuda.get_device_properties(0)
    needed = memory_here(plan).total
    if needed > card.total_memory:
        fitting = plan.fitting()
        elsewhere = f"; on Modal the cheapest that fits is {fitting[0].gpu.name}" if fitting else ""
        raise InvalidInput(
            f"{plan.shape.base} needs about {needed / 1e9:.1f} GB and this machine's {card.name} has "
            f"{card.total_memory / 1e9:.1f} GB{elsewhere}."
        )
