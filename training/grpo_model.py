"""The models of GRPO: the scored one merged into its base, and the two adapters published as one.

Training starts from the merged model with a new adapter on it, so that the policy without its adapter *is* the scored
model. What is published is one adapter on the original base, exactly the two in sequence: for a weight
W + s₁B₁A₁ + s₂B₂A₂ the matrices A₁, A₂ are stacked, and s₁B₁, s₂B₂ side by side, at scale 1 and rank r₁ + r₂.
A scored model with all weights trained is published whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file

from corpus.errors import InvalidFile, InvalidInput
from training.bases import is_adapter
from training.config import Experiment
from training.models import ATTENTION, load_base, with_adapter
from training.runfolder import read_json, write_json

ADAPTER, SETTINGS = "adapter_model.safetensors", "adapter_config.json"
_PLAIN = ("use_rslora", "use_dora")


def scored_model(experiment: Experiment, parent: Path) -> Any:
    """The scored model as one set of weights."""
    if not is_adapter(parent):
        return load_base(str(parent), experiment.precision)
    model = load_base(experiment.base, experiment.precision)
    return with_adapter(model, parent, experiment.base).merge_and_unload()


def policy_adapter(rank: int) -> LoraConfig:
    """The new adapter: attention only, which every scored adapter covers too."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        bias="none",
        target_modules=list(ATTENTION),
    )


def publish(experiment: Experiment, parent: Path, adapter: Path, out: Path) -> None:
    """Write the scored model and the policy's adapter as one adapter, or as one model."""
    if is_adapter(parent):
        join_adapters(parent, adapter, out)
        return
    model = PeftModel.from_pretrained(scored_model(experiment, parent), str(adapter))
    model.merge_and_unload().save_pretrained(out)


def join_adapters(first: Path, second: Path, out: Path) -> None:
    """Two adapters in sequence as one on the base of the first.

    Weights that only the first adapts are kept as they are. Raises InvalidInput where the second adapts what the first
    does not, or either is no plain LoRA.
    """
    settings, tensors = _plain_lora(first)
    other, more = _plain_lora(second)
    ranks: dict[str, int] = {}
    for name in sorted(more):
        if name.endswith(".lora_B.weight"):
            continue
        module = name.removesuffix(".lora_A.weight")
        a, b = f"{module}.lora_A.weight", f"{module}.lora_B.weight"
        if a not in tensors:
            raise InvalidInput(
                f"{second} adapts {module}, which {first} does not; adapt the same weights in both."
            )
        one, two = _scale(settings, module), _scale(other, module)
        tensors[b] = torch.cat([tensors[b] * one, more[b] * two], dim=1).contiguous()
        tensors[a] = torch.cat([tensors[a], more[a].to(tensors[a].dtype)], dim=0).contiguous()
        ranks[module.rsplit(".", 1)[-1]] = tensors[a].shape[0]
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / ADAPTER, metadata={"format": "pt"})
    write_json(out / SETTINGS, _joined(settings, tensors, ranks))


def _joined(
    settings: dict[str, Any], tensors: dict[str, torch.Tensor], ranks: dict[str, int]
) -> dict[str, Any]:
    """The first adapter's settings with the new ranks; patterns only where some weights keep their own."""
    names = {name.rsplit(".lora_", 1)[0].rsplit(".", 1)[-1] for name in tensors}
    if names == set(ranks) and len(set(ranks.values())) == 1:
        rank = next(iter(ranks.values()))
        return settings | {"r": rank, "lora_alpha": rank, "rank_pattern": {}, "alpha_pattern": {}}
    return settings | {
        "rank_pattern": settings["rank_pattern"] | ranks,
        "alpha_pattern": settings["alpha_pattern"] | ranks,
    }


def _plain_lora(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    settings = read_json(folder / SETTINGS)
    if settings is None or not (folder / ADAPTER).is_file():
        raise InvalidFile(f"{folder} holds no adapter ({SETTINGS} and {ADAPTER}); name a `final` folder.")
    odd = [name for name in _PLAIN if settings.get(name)]
    if odd or settings.get("bias", "none") != "none":
        raise InvalidInput(f"The adapter {folder} uses {odd or ['bias']}; only plain LoRA can be joined.")
    return settings, load_file(folder / ADAPTER)


def _scale(settings: dict[str, Any], module: str) -> float:
    """alpha / rank of one weight; the patterns name the last part of its name."""
    name = module.rsplit(".", 1)[-1]
    alpha = settings["alpha_pattern"].get(name, settings["lora_alpha"])
    return float(alpha) / float(settings["rank_pattern"].get(name, settings["r"]))
