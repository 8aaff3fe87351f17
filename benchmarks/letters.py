"""Letters against the likelihood of whole sentences: what each learns of one world, same cases, as many steps.

    python -m benchmarks.letters                         world 11, 2,000 cases, two epochs
    python -m benchmarks.letters --rates 5e-4 1e-2       other learning rates; both ways are trained with each

*Letters* are the product's own stage: `training sft` with the settings of `benchmarks.worlds`, but for the learning
rate, which both ways need higher here, where they see few cases. *Rows* are what one
would write with plain TRL: for each level a prompt (the event, what was known, what happened above) and as its
completion the text of what happened, or that nothing did; a forecast is the likelihood of each candidate's text, a row
for each, renormalised over the candidates and that nothing happens. "Nothing" is worded with the name that all
candidates bear: a sentence of other words would take everything or lose it, whatever the model has learnt. Both
train the same LoRA; a step of rows holds as many rows as the letters' sixteen dialogues have levels. The letters
learn lists and months as well.

The tiny base was made on dialogues of another world, so it knows letters before it begins and rows only as far
as lists taught it those texts: read the comparison with that in mind. A candidate has three or four tokens. Does
not cover: real text, other models, the calibration of either.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import get_peft_model
from transformers import PrinterCallback, set_seed
from trl import SFTConfig, SFTTrainer

from benchmarks.worlds import Held, experiment, forecast, given_table, held_out
from corpus.case import Case
from corpus.splits import Ratios, Split
from evaluation.metrics import Forecasts, forecasts
from evaluation.pairing import pair_given
from training.config import Adapt, Experiment
from training.dataset import chains_of
from training.dialogue import opening, unusable, when_index, when_steps
from training.models import load_base, load_tokenizer, lora_config
from training.quiet import quiet_libraries
from training.stages import StageName, run_stage

WORLD, CASES, EPOCHS = 11, 2_000, 2
RATIOS = Ratios(train=0.75, validation=0.05, test=0.2)
RATES = (2e-3, 5e-3)
NOTHING = "nothing"
FIGURES = ("log_loss", "closed, log_loss", "brier_binary", "closed, brier_binary", "ece", "ece limit")


@dataclass(frozen=True)
class Asked:
    """One level: its prompt, its answers (the candidates, then that nothing happened) and what was right."""

    prompt: str
    answers: tuple[str, ...]
    right: int


def levels_of_case(case: Case, levels: int) -> Iterator[Asked]:
    """The levels of one case along what happened; a dialogue's first turn and path in the same words."""
    facts = [fact.text for fact in case.context]
    told = opening(case.seed_event, facts, case.seed_date.last_day, case.horizon_months)
    for outcome in case.outcomes[:levels]:
        if unusable(case, outcome):
            return
        texts = [candidate.text for candidate in outcome.candidates]
        happened = next((k for k, candidate in enumerate(outcome.candidates) if candidate.happened), None)
        answers = (*(f" {text}" for text in texts), f" {case.seed_event.split()[0]} {NOTHING}")
        yield Asked(f"{told}\nThen:", answers, len(texts) if happened is None else happened)
        months = case.months_since_parent(outcome.depth)
        if happened is None or months is None:
            return
        within = when_steps(case.horizon_months)[when_index(months, case.horizon_months)]
        told += f"\n{texts[happened]} happened, within {within} months."


def asked_of(held: Held, split: Split) -> list[tuple[tuple[str, int], Asked]]:
    """All levels of a split by case and depth."""
    return [
        ((chain.case.case_id, depth), asked)
        for chain in chains_of(held.snapshot, split)
        for depth, asked in enumerate(levels_of_case(chain.case, chain.levels), start=1)
    ]


def train_letters(held: Held, settings: Experiment, rate: float, out: Path) -> tuple[Path, dict[str, float]]:
    """The product's own stage."""
    begun = time.process_time()
    chosen = settings.model_copy(update={"sft": settings.sft.model_copy(update={"learning_rate": rate})})
    done = run_stage(chosen, StageName.SFT, held.snapshot, out).metadata
    tokens = done["splits"]["train"]["tokens"] * settings.sft.epochs
    return out / "final", {
        "steps": done["steps"],
        "tokens": tokens,
        "CPU s": time.process_time() - begun,
    }


def train_rows(
    held: Held, settings: Experiment, steps: int, rate: float, out: Path
) -> tuple[Any, dict[str, float]]:
    """TRL's SFT on the texts of what happened, as it stands."""
    begun, sft = time.process_time(), settings.sft
    rows = [asked for _, asked in asked_of(held, Split.TRAIN)]
    batch = round(len(rows) * sft.epochs / steps)
    set_seed(settings.seed)
    model = load_base(settings.base, settings.precision)
    model = get_peft_model(model, lora_config(settings.lora, model))
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(out), max_steps=steps, learning_rate=rate, lr_scheduler_type="cosine",
            warmup_steps=sft.warmup_share, per_device_train_batch_size=batch,
            seed=settings.seed, bf16=False, use_cpu=True, gradient_checkpointing=False, max_length=None,
            save_strategy="no", report_to="none", disable_tqdm=True, logging_strategy="no",
        ),
        train_dataset=Dataset.from_list([{"prompt": r.prompt, "completion": r.answers[r.right]} for r in rows]),
        processing_class=load_tokenizer(settings.base),
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    lengths = [len(ids) for ids in trainer.train_dataset["input_ids"]]
    return trainer.model, {
        "steps": steps,
        "tokens": sum(lengths) / len(lengths) * batch * steps,
        "CPU s": time.process_time() - begun,
    }


@torch.no_grad()
def likelihoods(model: Any, tokenizer: Any, asked: Asked) -> tuple[float, ...]:
    """Shares of the answers by the likelihood of their texts, end included: a row for each."""
    start = tokenizer.encode(asked.prompt, add_special_tokens=False)
    ends = [
        [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id] for text in asked.answers
    ]
    longest = max(map(len, ends))
    rows = torch.tensor([[*start, *end, *[tokenizer.pad_token_id] * (longest - len(end))] for end in ends])
    logits = model(input_ids=rows, logits_to_keep=longest + 1).logits[:, :-1].float().log_softmax(-1)
    taken = logits.gather(2, rows[:, len(start) :, None])[..., 0]
    sums = torch.stack([taken[k, : len(end)].sum() for k, end in enumerate(ends)])
    return tuple(float(share) for share in sums.softmax(0))


def _letters(held: Held, folder: Path | None) -> Forecasts:
    return pair_given(forecast(held, folder), held.levels).forecasts


def measure(folder: Path, cases: int, seed: int, rates: Sequence[float]) -> dict[str, Any]:
    """Figures and costs of both ways on one fresh snapshot."""
    held = held_out(folder, WORLD, seed, cases, RATIOS)
    settings = experiment(Adapt.LINEAR, seed, EPOCHS)
    tokenizer, asked = load_tokenizer(settings.base), dict(asked_of(held, Split.TEST))
    answered = {"tiny base, letters": _letters(held, None)}
    costs: dict[str, dict[str, float]] = {}
    for rate in rates:
        name = f"letters, {rate:g}"
        final, costs[name] = train_letters(held, settings, rate, folder / name)
        answered[name] = _letters(held, final)
    for rate in rates:
        name, steps = f"rows, {rate:g}", int(costs[f"letters, {rate:g}"]["steps"])
        model, costs[name] = train_rows(held, settings, steps, rate, folder / "rows")
        shares = [likelihoods(model.eval(), tokenizer, asked[level.key]) for level in held.levels]
        answered[name] = forecasts(shares, held.outcomes)
    return {"levels": len(held.levels), "costs": costs, "given": given_table(held, answered)}


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="Learning rates.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    quiet_libraries()
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), arguments.cases, arguments.seed, arguments.rates)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{found['levels']} held-out levels")
    for name, figures in found["given"].items():
        spent = ", ".join(f"{key} {value:,.0f}" for key, value in found["costs"].get(name, {}).items())
        print(f"{name:18} " + "  ".join(f"{key} {figures[key]:.3f}" for key in FIGURES) + f"  {spent}")


if __name__ == "__main__":
    main()
