"""Make the shipped tiny base model: four layers, under 10 MB, which bind letters to the texts they stand for.

It learns on synthetic worlds from 1000 on and nothing about history; worlds below 1000 are for measuring and
are never used here. It exists so that every command can be tried without a network: LoRA cannot move a random base.
What makes so small a model learn the binding in minutes (`docs/log.md`, 2026-11-27): wide initial weights,
one token for each event and for each fixed phrase of a dialogue, the worlds' true probabilities as targets of
what happens and of when, and the lists' loss kept small beside the letters'. Four worlds that share no word
hold every word there is, so that another world brings nothing new but its rates.

    python runs/make_tiny_base.py --out training/tiny        about 25 minutes of one core
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig

from corpus.case import Case
from corpus.snapshot import read_snapshot
from corpus.splits import Split
from training.collation import DialogueCollator, record
from training.dataset import Chain, Passes, chains_of, dialogue_of, training_order
from training.dialogue import (
    ASK_WEIGH,
    ASK_WHEN,
    LETTERS,
    TEMPLATE_VERSION,
    Dialogue,
    Style,
    Target,
    TurnKind,
    first_ask,
    next_ask,
)
from training.encoding import ASSISTANT, USER, Encoder
from training.loss import Weights
from training.runfolder import MANIFEST, folder_hashes, write_json
from training.synthetic import Recipe, synthetic_cases
from training.trainer import DialogueTrainer
from training.worlds import APART, when_probabilities

WORLDS = tuple(range(1_000, 1_000 + APART))
STARTER = Path(__file__).parents[1] / "corpus" / "starter"
VOCABULARY, WIDTH, LAYERS, HEADS, SPREAD = 2048, 128, 4, 4, 0.15
BATCH, WARMUP = 16, 0.03


@dataclass(frozen=True)
class Round:
    """One fall of the learning rate over cases of its own."""

    seed: int
    epochs: int
    learning_rate: float
    when: float
    """Weight of the months beside the 1 of what happens and the 0.05 of the lists."""


ROUNDS = (Round(5, epochs=2, learning_rate=2e-3, when=4.0), Round(6, epochs=1, learning_rate=1e-3, when=2.0))
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
    """Tokenizer and random weights, then all weights learn the worlds' probabilities, round by round."""
    tokenizer = make_tokenizer(_texts(_read_by_the_tokenizer()), VOCABULARY)
    set_seed(0)
    model = LlamaForCausalLM(model_config(tokenizer))
    for chosen in ROUNDS:
        _trainer(model, tokenizer, chosen, cases, work).train()
    shutil.rmtree(out, ignore_errors=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    write_json(out / MANIFEST, {"template": TEMPLATE_VERSION, "files": folder_hashes(out)})


def _trainer(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, chosen: Round, cases: int, work: Path
) -> DialogueTrainer:
    encoder = Encoder(tokenizer)
    chains = [Chain(case, len(case.outcomes)) for case in synthetic_cases(recipe(cases, chosen.seed))]
    return DialogueTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(work), per_device_train_batch_size=BATCH, num_train_epochs=1,
            learning_rate=chosen.learning_rate, warmup_steps=WARMUP, lr_scheduler_type="cosine", seed=chosen.seed,
            save_strategy="no", logging_steps=50, bf16=False, use_cpu=True, dataloader_pin_memory=False,
            gradient_checkpointing=False, remove_unused_columns=False, report_to="none",
            train_sampling_strategy="sequential", max_length=None, dataset_kwargs={"skip_prepare_dataset": True},
        ),
        data_collator=DialogueCollator(encoder.end),
        train_dataset=Dataset.from_list(_rows(chains, encoder, chosen)),
        processing_class=tokenizer,
        weights=Weights(propose=0.05, weigh=1.0, when=chosen.when),
        letter_ids=encoder.letter_ids,
        scale=BATCH * statistics.mean(chain.levels for chain in chains),
    )  # fmt: skip


def _rows(chains: list[Chain], encoder: Encoder, chosen: Round) -> list[dict[str, Any]]:
    """Records of all epochs in the order in which they are learnt."""
    style, months = Style(Target.POOLED), [true_months(chain.case) for chain in chains]
    lengths = [len(encoder.encode(dialogue_of(chain, Style(shuffle=False), 0, 0))) for chain in chains]
    return [
        record(encoder.encode(with_months(dialogue_of(chains[i], style, chosen.seed, shuffle), months[i])))
        for shuffle, i in training_order(lengths, Passes(chosen.epochs, BATCH), chosen.seed)
    ]


def true_months(case: Case) -> dict[int, tuple[float, ...]]:
    """Depth → true shares of the *when* steps."""
    days = {outcome.depth: case.parent_date(outcome.depth) for outcome in case.outcomes}
    hazards = case.provenance.settings
    return {
        depth: when_probabilities(float(str(hazards[f"hazard_{depth}"])), day.last_day, case.horizon_months)
        for depth, day in days.items()
        if day is not None
    }


def with_months(dialogue: Dialogue, months: dict[int, tuple[float, ...]]) -> Dialogue:
    """The dialogue with true shares in the place of the month that was drawn."""
    turns = (
        replace(turn, target=months[turn.depth]) if turn.kind is TurnKind.WHEN else turn
        for turn in dialogue.turns
    )
    return replace(dialogue, turns=tuple(turns))


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
