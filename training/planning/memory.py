"""Memory of a training step, by a formula whose terms are named. No torch.

    weights      the base, in its own numbers
    adapter      what is trained; float32 on a bf16 base, bf16 on a 4-bit one; the base itself in a full run
    gradients    as many numbers as are trained
    optimiser    AdamW: two numbers for each of them
    activations  what autograd keeps of one micro-batch of the longest dialogues (below), or with gradient
                 checkpointing the input of every layer
    transient    the larger of two that never stand at the same time: logits, and what one layer's backward pass needs
                 for a moment (eager attention's scores; with gradient checkpointing the whole layer too)
    reserve      CUDA's own and what is lost between blocks

Logits: 12 bytes for each position that a turn reads and word of the vocabulary: logits and their gradient (2 + 2),
log-softmax and its gradient in float (4 + 4).

Kept of one layer and token, in bytes (h hidden, q and k widths of all query and key heads, f width of the MLP,
e experts a token, r rank, T length, n heads), under autocast to bf16:

    norms 8h + 8; queries and keys after rotation and their values 4q + 4k; 4n of scores' sums
    dense MLP 6f; experts 12fe + 2he + 24e
    LoRA on attention 6h + 2q + 8r; on dense layers 4h + 2f + 6r; on experts 2he + 2fe and, once a layer, their whole
    weights with the adapter added (2 bytes each)
    a full run instead: 8h + 2f, and 6h for the last norm
    eager attention 2n(T + 1) + 4n + 2q − 4k; normalised heads 4q + 4k (full: 6q + 6k)

Tests hold it to what autograd keeps in small models of these families; `benchmarks.gpu` compares it with a GPU's peak.
Does not cover: several GPUs, packed batches, float32 (in which it counts some copies twice).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from training.config import Adapt, Lora
from training.planning.prices import Assumptions
from training.planning.shapes import Loading, Shape

LOGIT_BYTES = 12
EAGER_TRANSIENT = 6
"""Bytes a score that one layer's eager attention needs for a moment, at most: no peak was above the logits'."""


@dataclass(frozen=True)
class Batch:
    """The largest micro-batch of a run."""

    rows: int
    tokens: int
    """Of the longest dialogue."""
    reads: int
    """Positions that some turn reads, over all rows: those after which logits are formed."""


@dataclass(frozen=True)
class Memory:
    """Bytes by what they hold."""

    weights: float
    adapter: float
    gradients: float
    optimiser: float
    activations: float
    transient: float
    reserve: float

    @property
    def total(self) -> float:
        return sum(asdict(self).values())


def memory_of(
    shape: Shape, lora: Lora, loading: Loading, batch: Batch, checkpointing: bool, assumed: Assumptions
) -> Memory:
    """What one training step needs at its peak."""
    full = lora.adapt is Adapt.FULL
    number = {Loading.FLOAT32: 4, Loading.BF16: 2 if full else 4}.get(loading, 2)
    width = 2 if loading is Loading.FLOAT32 else 1
    parts = {
        "weights": shape.weight_bytes(loading),
        "adapter": 0 if full else shape.trained * number,
        "gradients": shape.trained * number,
        "optimiser": 2 * shape.trained * number,
        "activations": width * activations(shape, lora, batch, checkpointing),
        "transient": max(logits(shape, batch), width * _one_backward(shape, lora, batch, checkpointing)),
    }  # fmt: skip
    reserve = sum(parts.values()) * assumed.fragmentation + assumed.reserve_gb * 1e9
    return Memory(**parts, reserve=reserve)


def activations(shape: Shape, lora: Lora, batch: Batch, checkpointing: bool) -> float:
    """Bytes that are kept from the forward pass of one micro-batch until its backward pass."""
    inputs = shape.hidden * batch.rows * batch.tokens
    if checkpointing:
        return shape.layers * 2 * inputs
    last = 6 * inputs if lora.adapt is Adapt.FULL else 0
    return shape.layers * kept_by_layer(shape, lora, batch) + last


def logits(shape: Shape, batch: Batch) -> float:
    """Bytes of the logits that are formed, their log-softmax and gradients."""
    return float(LOGIT_BYTES * shape.vocabulary * batch.reads)


def _one_backward(shape: Shape, lora: Lora, batch: Batch, checkpointing: bool) -> float:
    """Bytes that one layer's backward pass needs beside what was kept."""
    scores = batch.rows * shape.heads * batch.tokens**2 * EAGER_TRANSIENT if shape.eager else 0
    return scores + (kept_by_layer(shape, lora, batch) if checkpointing else 0)


def kept_by_layer(shape: Shape, lora: Lora, batch: Batch) -> float:
    """Bytes that autograd keeps of one layer."""
    tokens = batch.rows * batch.tokens
    fixed = _merged_experts(shape, lora) if lora.adapt is Adapt.EXPERTS else 0
    return tokens * _a_token(shape, lora, batch.tokens) + fixed


def _a_token(shape: Shape, lora: Lora, length: int) -> float:
    h, q, k = shape.hidden, shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    f, e, n = shape.intermediate, shape.experts_a_token, shape.heads
    full = lora.adapt is Adapt.FULL
    kept = 8 * h + 8 + 4 * q + 4 * k + 4 * n
    kept += 12 * f * e + 2 * h * e + 24 * e if shape.experts else 6 * f
    if full:
        kept += 8 * h + 2 * f
    else:
        kept += 6 * h + 2 * q + 8 * lora.rank
    if lora.adapt is Adapt.LINEAR:
        kept += 4 * h + 2 * f + 6 * lora.rank
    if lora.adapt is Adapt.EXPERTS:
        kept += 2 * h * e + 2 * f * e
    if shape.eager:
        kept += 2 * n * (length + 1) + 4 * n + 2 * q - 4 * k
    if shape.normed_heads:
        kept += (6 if full else 4) * (q + k)
    return kept


def _merged_experts(shape: Shape, lora: Lora) -> float:
    """The experts' weights with the adapter added, which peft forms anew in each pass, and the adapter's copies."""
    a_layer = shape.fused / shape.layers
    sides = 2 * shape.hidden + 3 * shape.intermediate
    return 2 * (a_layer + shape.experts * lora.expert_rank * sides)
