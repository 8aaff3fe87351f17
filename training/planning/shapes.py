"""How large a model is and what is trained of it, exactly, without loading a weight.

The model is built from its configuration on torch's meta device, the adapter of the experiment is put on it by the
same function that trains it, and parameters are counted. The configuration comes from a folder, from the shipped
table of well-known models, from the hub's cache, or from the hub. Does not cover: models with code of their own.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from corpus.errors import InvalidInput
from training.bases import resolve
from training.config import Adapt, Lora, Precision
from training.hub import stays_here
from training.models import lora_config

KNOWN = Path(__file__).parent / "models.toml"
_NOTES = ("source", "published", "model_type")
NF4_BYTES = 0.5 + 4 / 64
"""A parameter in NF4: half a byte, and 4 bytes for the scale of each block of 64."""


class Loading(StrEnum):
    """In which numbers, and by which program, a base is loaded."""

    FLOAT32 = "float32"
    BF16 = "bf16"
    FOUR_BIT = "4bit"
    """NF4 by bitsandbytes: linear layers, not fused experts."""
    UNSLOTH = "unsloth_4bit"
    """NF4 by unsloth, an optional loader: fused experts too."""


@dataclass(frozen=True)
class Shape:
    """What decides memory and time; sizes in elements."""

    base: str
    model_type: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    experts: int
    """0: a dense model."""
    experts_a_token: int
    eager: bool
    """Attention that forms every score: gpt-oss has no other one in transformers."""
    normed_heads: bool
    """Queries and keys are normalised (Qwen3)."""
    parameters: int
    linear: int
    """Of them in linear layers, the head left out."""
    fused: int
    """Of them in fused experts, their biases left out."""
    trained: int

    @property
    def active(self) -> float:
        """Parameters of layers that one token passes through, embeddings and head left out."""
        share = self.experts_a_token / self.experts if self.experts else 0.0
        return self.linear + self.fused * share

    def weight_bytes(self, loading: Loading) -> float:
        """Bytes of the base's weights on the GPU."""
        wide = 4 if loading is Loading.FLOAT32 else 2
        packed = {Loading.FOUR_BIT: self.linear, Loading.UNSLOTH: self.linear + self.fused}.get(loading, 0)
        return packed * NF4_BYTES + (self.parameters - packed) * wide


def loading_of(precision: Precision) -> Loading:
    """What an experiment's precision means on a GPU."""
    return {
        Precision.AUTO: Loading.BF16,
        Precision.BF16: Loading.BF16,
        Precision.FLOAT32: Loading.FLOAT32,
        Precision.FOUR_BIT: Loading.FOUR_BIT,
        Precision.UNSLOTH: Loading.UNSLOTH,
    }[precision]


def read_config(base: str) -> Any:
    """A base's configuration: from its folder (or the file itself), the shipped table, the cache, the hub."""
    path = Path(resolve(base))
    path = path.parent if path.name == "config.json" else path
    known = tomllib.loads(KNOWN.read_text(encoding="utf-8"))
    if base in known and not path.is_dir():
        fields = {key: value for key, value in known[base].items() if key not in _NOTES}
        return AutoConfig.for_model(known[base]["model_type"], **fields)
    where = str(path) if path.is_dir() else base
    for local in (True, False):
        try:
            return AutoConfig.from_pretrained(where, local_files_only=local)
        except (OSError, ValueError) as fault:
            if not local or os.environ.get("HF_HUB_OFFLINE") == "1" or stays_here(base):
                raise InvalidInput(
                    f"The configuration of {base!r} cannot be had (no such folder, not in the hub's cache, hub not "
                    f"reached); name a folder with config.json, or one of {', '.join(known)}."
                ) from fault
    raise AssertionError("both places were asked")


def shape_of(base: str, lora: Lora, precision: Precision = Precision.AUTO) -> Shape:
    """Count a model and what the experiment trains of it; raises InvalidInput where that cannot be."""
    return shape_of_config(base, read_config(base), lora, precision)


def shape_of_config(base: str, config: Any, lora: Lora, precision: Precision = Precision.AUTO) -> Shape:
    """Count a model of this configuration."""
    kind = torch.float32 if precision is Precision.FLOAT32 else torch.bfloat16
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=kind)
        counts = _counted(model)
        if lora.adapt is Adapt.FULL:
            trained = counts["parameters"]
        else:
            adapted = get_peft_model(model, lora_config(lora, model))
            trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    return Shape(base=base, trained=trained, **(_dimensions(config) | counts))


def _counted(model: Any) -> dict[str, int]:
    head = model.get_output_embeddings()
    linear = sum(
        module.weight.numel()
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    )
    # fused experts are parameters of three axes: expert, in, out
    fused = sum(p.numel() for p in model.parameters() if p.ndim == 3)
    return {"parameters": sum(p.numel() for p in model.parameters()), "linear": linear, "fused": fused}


def _dimensions(config: Any) -> dict[str, Any]:
    heads = config.num_attention_heads
    experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None) or 0
    return {
        "model_type": config.model_type,
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "heads": heads,
        "kv_heads": getattr(config, "num_key_value_heads", None) or heads,
        "head_dim": getattr(config, "head_dim", None) or config.hidden_size // heads,
        "intermediate": getattr(config, "moe_intermediate_size", None) or config.intermediate_size,
        "vocabulary": config.vocab_size,
        "experts": experts,
        "experts_a_token": config.num_experts_per_tok if experts else 0,
        "eager": config.model_type == "gpt_oss",
        "normed_heads": config.model_type.startswith("qwen3"),
    }
