"""Random models of three families, small enough for tests, and FICTIONAL dialogues for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    set_seed,
)

from runs.make_tiny_base import make_tokenizer
from training.dataset import Chain, dialogue_of
from training.dialogue import Style
from training.encoding import Encoder
from training.models import ATTENTION, EXPERTS
from training.synthetic import Recipe, synthetic_cases
from training.template import ASSISTANT, USER

torch.set_num_threads(1)
FAMILIES = ("llama", "qwen3", "gpt-oss")
_SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 1024,
    "initializer_range": 0.2,
    "bos_token_id": None,
}


@cache
def encoder() -> Encoder:
    """A small byte-level tokenizer, trained on FICTIONAL dialogues."""
    return Encoder(make_tokenizer(tiny_texts()))


def tiny_texts() -> list[str]:
    """The turns of FICTIONAL dialogues."""
    dialogues = [dialogue_of(chain, Style(), 0, 0) for chain in chains(60, seed=1)]
    return [f"{USER}{t.ask}{ASSISTANT}{t.answer}" for d in dialogues for t in d.turns]


def chains(count: int = 6, seed: int = 3, depth: int = 3) -> list[Chain]:
    """FICTIONAL chains of world 3."""
    return [Chain(case, len(case.outcomes)) for case in synthetic_cases(Recipe(count, (3,), seed, depth))]


def random_model(family: str, vocabulary: int | None = None) -> Any:
    """A random causal model with the tiny tokenizer's vocabulary, or another one, in float32."""
    set_seed(0)
    shape = _SHAPE | {"vocab_size": vocabulary or len(encoder().tokenizer), "eos_token_id": encoder().end}  # type: ignore[arg-type]
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(**shape, intermediate_size=64))
    if family == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(**shape, intermediate_size=64))
    config = GptOssConfig(
        **shape, intermediate_size=32, num_local_experts=4, num_experts_per_tok=2, sliding_window=48
    )
    config._attn_implementation = "eager"
    return GptOssForCausalLM(config)


def with_lora(model: Any, *, experts: bool = False) -> Any:
    """An adapter with random weights on both sides, so that every part of it has a gradient."""
    more = {"target_parameters": list(EXPERTS)} if experts else {}
    return get_peft_model(
        model,
        LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, init_lora_weights=False,
                   target_modules=list(ATTENTION), **more),
    )  # fmt: skip
