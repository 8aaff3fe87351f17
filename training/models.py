"""Loading base models, tokenizers and adapters. Needs torch, transformers and peft.

Weights are read from safetensors only. Does not cover remote engines; what a base is called stands in `training.bases`.
"""

from __future__ import annotations

import gc
import importlib
import os
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from corpus.errors import InvalidInput, MissingExtra
from training.bases import ADAPTER, TINY, base_of, is_adapter, resolve
from training.config import Adapt, Lora, Precision
from training.hub import endpoint, hub_answers, stays_here

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
DENSE = ("gate_proj", "up_proj", "down_proj")
EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")


def load_tokenizer(base: str) -> Any:
    """The tokenizer of a base; raises InvalidInput where there is none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(resolve(base), local_files_only=stays_here(base))
    except (OSError, ValueError) as fault:
        raise InvalidInput(_not_found(base)) from fault
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def free_memory() -> None:
    """Let go of models that only circular references hold, as trainers leave them, and of their place on the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load_base(base: str, precision: Precision = Precision.AUTO) -> Any:
    """A causal model on the device at hand; raises InvalidInput where the name leads nowhere."""
    free_memory()  # a former stage's model beside this one would be twice what the plan says
    if precision is Precision.UNSLOTH:
        return _load_with_unsloth(base)
    here = stays_here(base)
    options: dict[str, Any] = {
        "dtype": dtype_of(precision),
        "use_safetensors": True,
        "local_files_only": here,
    }
    if precision is Precision.FOUR_BIT:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    try:
        config = AutoConfig.from_pretrained(resolve(base), local_files_only=here)
        if config.model_type == "gpt_oss" and not torch.cuda.is_available():
            options["attn_implementation"] = "eager"
        model = AutoModelForCausalLM.from_pretrained(resolve(base), **options)
    except (OSError, ValueError) as fault:
        raise InvalidInput(_not_found(base)) from fault
    if torch.cuda.is_available() and precision is not Precision.FOUR_BIT:
        model = model.to("cuda")
    return model


def _load_with_unsloth(base: str) -> Any:
    """A base in unsloth's 4-bit build; raises MissingExtra where unsloth is not installed."""
    try:
        unsloth = importlib.import_module("unsloth")
    except ImportError as fault:
        raise MissingExtra(
            f"precision {Precision.UNSLOTH} needs unsloth, which is not installed; type: pip install unsloth"
        ) from fault
    model, _ = unsloth.FastLanguageModel.from_pretrained(resolve(base), load_in_4bit=True)
    return model


def _not_found(base: str) -> str:
    why = ""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        why = " (offline: HF_HUB_OFFLINE is set)"
    elif not hub_answers(endpoint()):
        why = f" ({endpoint()} does not answer, and this machine has no copy)"
    return (
        f"The model {base!r} cannot be loaded{why}; name a folder with safetensors, "
        f"a causal model on the hub, or {TINY!r}."
    )


def dtype_of(precision: Precision) -> torch.dtype:
    """The torch type of a precision on this machine."""
    if precision is Precision.AUTO:
        return torch.bfloat16 if torch.cuda.is_available() else torch.float32
    return torch.float32 if precision is Precision.FLOAT32 else torch.bfloat16


def lora_config(lora: Lora, model: Any) -> LoraConfig | None:
    """The adapter to train; None for a full-parameter run. Raises InvalidInput where there are no experts."""
    if lora.adapt is Adapt.FULL:
        return None
    targets: dict[str, Any] = {"target_modules": list(ATTENTION), "r": lora.rank, "lora_alpha": lora.alpha}
    if lora.adapt is Adapt.LINEAR:
        targets["target_modules"] += list(DENSE)
    if lora.adapt is Adapt.EXPERTS:
        targets |= _expert_targets(lora, model)
    return LoraConfig(task_type="CAUSAL_LM", lora_dropout=lora.dropout, bias="none", **targets)


def _expert_targets(lora: Lora, model: Any) -> dict[str, Any]:
    names = [name for name, _ in model.named_parameters() if name.endswith(EXPERTS)]
    if not names:
        raise InvalidInput(
            f"{type(model).__name__} has no fused experts (parameters ending in {EXPERTS[0]}); "
            f"set lora.adapt: {Adapt.ATTENTION.value} or {Adapt.LINEAR.value}."
        )
    # the experts take the plain rank and attention the patterns: peft warns of patterns that fit parameters only
    return {
        "target_parameters": list(EXPERTS),
        "r": lora.expert_rank,
        "lora_alpha": round(lora.alpha / lora.rank * lora.expert_rank),
        "rank_pattern": dict.fromkeys(ATTENTION, lora.rank),
        "alpha_pattern": dict.fromkeys(ATTENTION, lora.alpha),
    }


def with_adapter(model: Any, folder: Path, base: str, *, trainable: bool = False) -> Any:
    """A base with an adapter on it; raises InvalidInput where the adapter belongs to another base."""
    if not is_adapter(folder):
        raise InvalidInput(f"{folder} holds no adapter (no {ADAPTER}); name a `final` folder.")
    base_of(folder, base)
    try:
        return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)
    except (RuntimeError, ValueError, OSError) as fault:
        first = str(fault).splitlines()[0]
        raise InvalidInput(f"The adapter {folder} does not fit {base!r}: {first}") from fault


def forget_origin(model: Any) -> None:
    """Let adapters in training not know their base's name: peft would ask the hub for it whenever it saves them.

    It wants to know whether the vocabulary has grown, which it never does here. `training.stages` writes the name
    into what it publishes.
    """
    for adapter in getattr(model, "peft_config", {}).values():
        adapter.base_model_name_or_path = None
