"""Make the shipped tiny base model: four layers, under 10 MB, which bind letters to the texts they stand for.

It learns on synthetic worlds from 1000 on and nothing about history; worlds below 1000 are for measuring and
are never used here. It exists so that every command can be tried without a network: LoRA cannot move a random base.
What makes so small a model learn the binding in minutes (`docs/log.md`, 2026-11-27): wide initial weights,
one token for each event and for each fixed phrase of a dialogue, pooled targets, and the lists' loss kept small
beside the letters'. Four worlds that share no word hold every word there is, so that another world brings
nothing new but its rates.

    python runs/make_tiny_base.py --out training/tiny        about 25 minutes of one core
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from corpus.snapshot import read_snapshot
from corpus.splits import Ratios, Split
from training.config import Adapt, Data, Experiment, Lora, Losses, Precision, Stage
from training.dataset import Chain, chains_of, dialogue_of
from training.dialogue import ASK_WEIGH, ASK_WHEN, LETTERS, Style, Target, first_ask, next_ask
from training.encoding import ASSISTANT, USER
from training.stages import StageName, run_stage
from training.synthetic import Recipe, synthetic_cases, write_synthetic
from training.worlds import APART

WORLDS = tuple(range(1_000, 1_000 + APART))
STARTER = Path(__file__).parents[1] / "corpus" / "starter"
VOCABULARY, WIDTH, LAYERS, HEADS, SPREAD = 2048, 128, 4, 4, 0.15
SEED = 5
BINDING = Stage(
    epochs=2, learning_rate=2e-3, warmup_share=0.03, batch=16, accumulation=1, save_every=1_000,
    evaluate_every=250, patience=None, loss=Losses(propose=0.05, weigh=1.0, when=0.5),
)  # fmt: skip
DATING = BINDING.model_copy(
    update={"epochs": 1, "learning_rate": 1e-3, "loss": Losses(propose=0.05, weigh=1.0, when=2.0)}
)
END, PAD = "<|end|>", "<|pad|>"
WORDS = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GAP = "@"


def main() -> None:
    """Write tokenizer and weights to the folder named by --out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=30_000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        build(Path(name), arguments.cases, arguments.out)


def recipe(cases: int, seed: int) -> Recipe:
    """Fresh cases of the worlds that the base learns."""
    return Recipe(cases, WORLDS, seed, depth=3, horizon_months=24)


def build(work: Path, cases: int, out: Path) -> None:
    """Tokenizer, random weights, then two stages over all weights: binding letters, and dating on top of it."""
    tokenizer = make_tokenizer(_texts(_read_by_the_tokenizer()), VOCABULARY)
    set_seed(0)
    base = work / "random"
    LlamaForCausalLM(model_config(tokenizer)).save_pretrained(base)
    tokenizer.save_pretrained(base)
    for seed, stage in ((SEED, BINDING), (SEED + 1, DATING)):
        base = _learn(work / f"stage-{seed}", recipe(cases, seed), base, stage)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(base, out)


def _learn(work: Path, fresh: Recipe, base: Path, stage: Stage) -> Path:
    write_synthetic(work / "data", fresh, Ratios(train=0.98, validation=0.01, test=0.01))
    settings = Experiment(
        name="tiny-base",
        base=str(base),
        precision=Precision.FLOAT32,
        data=Data(target=Target.POOLED, without_happened=0.0, max_tokens=1024),
        lora=Lora(adapt=Adapt.FULL),
        sft=stage,
    )
    print(run_stage(settings, StageName.SFT, read_snapshot(work / "data"), work / "run").metadata)
    return work / "run" / "final"


def _read_by_the_tokenizer() -> Iterator[Chain]:
    """Cases in the words of all worlds, and the starter corpus, so that real text does not fall into bytes."""
    for case in synthetic_cases(Recipe(1_600, WORLDS, seed=6)):
        yield Chain(case, len(case.outcomes))
    yield from chains_of(read_snapshot(STARTER), Split.TRAIN)


def _texts(chains: Iterable[Chain]) -> Iterator[str]:
    """Every turn as it is tokenized."""
    for chain in chains:
        for number, turn in enumerate(dialogue_of(chain, Style(), 0, 0).turns):
            yield f"{chr(10) if number else ''}{USER}{turn.ask}{ASSISTANT}{turn.answer}"


def make_tokenizer(texts: Iterable[str], vocabulary: int = 768) -> PreTrainedTokenizerFast:
    """Byte-level BPE that can write any text, with every letter a single token and fixed phrases kept whole."""
    bpe = Tokenizer(models.BPE())
    pieces = "|".join([*map(_escaped, fixed_phrases()), WORDS])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(set(pre_tokenizers.ByteLevel.alphabet()) | set(LETTERS))
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[END, PAD],
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD)


def fixed_phrases() -> list[str]:
    """What the template says in every dialogue, between the gaps that a case fills; the longest first."""
    day = date(1999, 1, 1)
    firsts = [f"{USER}{first_ask(GAP, [GAP], day, horizon)}{ASSISTANT}" for horizon in (24, 36)]
    found = [part for text in firsts for part in re.split(rf" ?{GAP}|{day.isoformat()}", text)]
    following = f"\n{USER}{next_ask('B', GAP, 3, 2)}{ASSISTANT}"
    found += re.split(rf"(?<=: )B| ?{GAP}| 3(?= months)| 2(?=\))", following)
    found += [f"\n{USER}{ask}{ASSISTANT}" for ask in (ASK_WEIGH, ASK_WHEN)]
    return sorted({part for part in found if part.strip()}, key=lambda part: (-len(part), part))


def _escaped(text: str) -> str:
    return re.sub(r"([\\.^$*+?{}()|\[\]])", r"\\\1", text)


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
        initializer_range=SPREAD,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )


if __name__ == "__main__":
    main()
