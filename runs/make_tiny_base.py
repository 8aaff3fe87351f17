"""Make the shipped tiny base model: a four-layer causal model under 10 MB that knows the form of dialogues.

It learns the form (lists, letters, steps of months) on synthetic worlds 1001 and 1002 and nothing about history.
It exists so that every command can be tried without a network: LoRA cannot move a random base. Worlds with
a seed below 1000 are for measuring and are never used here.

    python runs/make_tiny_base.py --out training/tiny        about 4 minutes on one free core
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from corpus.snapshot import read_snapshot
from corpus.splits import Ratios, Split
from training.config import Adapt, Data, Experiment, Lora, Losses, Precision, Stage
from training.dataset import chains_of, dialogue_of
from training.dialogue import LETTERS, Style, Target
from training.encoding import ASSISTANT, USER
from training.stages import StageName, run_stage
from training.synthetic import Recipe, write_synthetic

WORLDS = tuple(range(1001, 1003))
VOCABULARY, WIDTH, LAYERS, HEADS = 768, 128, 4, 4
END, PAD = "<|end|>", "<|pad|>"


def main() -> None:
    """Write tokenizer and weights to the folder named by --out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=2_400)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        build(Path(name), arguments.cases, arguments.out)


def build(work: Path, cases: int, out: Path) -> None:
    """Data, tokenizer, random weights, one stage over all weights."""
    recipe = Recipe(cases, WORLDS, seed=5, depth=3, horizon_months=24)
    write_synthetic(work / "data", recipe, Ratios(train=0.98, validation=0.01, test=0.01))
    snapshot = read_snapshot(work / "data")
    texts = [
        f"{USER}{turn.ask}{ASSISTANT}{turn.answer}"
        for chain in list(chains_of(snapshot, Split.TRAIN))[:2000]
        for turn in dialogue_of(chain, Style(), 0, 0).turns
    ]
    tokenizer = make_tokenizer(texts)
    set_seed(0)
    model = LlamaForCausalLM(model_config(tokenizer))
    model.save_pretrained(work / "random")
    tokenizer.save_pretrained(work / "random")
    stage = Stage(
        epochs=1, learning_rate=3e-3, warmup_share=0.05, batch=8, accumulation=1,
        save_every=100, evaluate_every=50, patience=None, loss=Losses(propose=0.3, weigh=2.0, when=1.0),
    )  # fmt: skip
    experiment = Experiment(
        name="tiny-base",
        base=str(work / "random"),
        precision=Precision.FLOAT32,
        data=Data(target=Target.POOLED, without_happened=0.05, max_tokens=1024),
        lora=Lora(adapt=Adapt.FULL),
        sft=stage,
    )
    result = run_stage(experiment, StageName.SFT, snapshot, work / "run")
    print(result.metadata)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(work / "run" / "final", out)


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE that can write any text, with every letter a single token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(set(pre_tokenizers.ByteLevel.alphabet()) | set(LETTERS))
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END, PAD], initial_alphabet=alphabet),
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD)


def model_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """A Llama of about one million parameters."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )


if __name__ == "__main__":
    main()
