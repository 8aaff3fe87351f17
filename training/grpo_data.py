"""What GRPO works on: levels whose lists are written, and dialogues with given lists whose letters are watched."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset

from corpus.errors import InvalidInput
from training.collation import Batch, DialogueCollator
from training.config import HELD_A_PASS
from training.dataset import OverLength, Prepared
from training.encoding import Encoder
from training.grpo_levels import ListLevel, fitting, list_levels
from training.stage_job import StageJob, held_out_rows


@dataclass(frozen=True)
class Held:
    """The training's dialogues with the cases' own lists, whose letters shall stay as they are."""

    rows: Sequence[dict[str, Any]]
    collate: DialogueCollator
    weight: float

    def batch(self, step: int) -> Batch:
        """The dialogues of a step: the same ones whenever it is made."""
        first = step * HELD_A_PASS
        return self.collate([self.rows[(first + i) % len(self.rows)] for i in range(HELD_A_PASS)])


@dataclass(frozen=True)
class Lists:
    """What a trainer of lists works on."""

    levels: Sequence[ListLevel]
    """Those of training and of validation."""
    given: Sequence[Batch]
    """The validation's dialogues with the cases' own lists."""
    held: Held
    orders: int


def lists_to_learn(
    job: StageJob, encoder: Encoder, train: Prepared, validation: Prepared
) -> tuple[list[ListLevel], list[ListLevel], dict[str, int]]:
    """Levels to learn from (all epochs, shuffled, filled up to whole steps), levels of validation, levels left out."""
    grpo, data, seed = job.experiment.grpo, job.experiment.data, job.experiment.seed
    learnt: list[ListLevel] = []
    left_out: dict[str, int] = {}
    for epoch in range(grpo.epochs):
        found, too_long = fitting(
            list_levels(train.chains, encoder, grpo.branches, seed, epoch),
            data.max_tokens,
            grpo.max_list_tokens,
        )
        random.Random(f"levels/{seed}/{epoch}").shuffle(found)
        learnt += found
        left_out |= too_long
    held_out, too_long = fitting(
        list_levels(validation.chains, encoder, grpo.branches, seed, 0), data.max_tokens, grpo.max_list_tokens
    )
    left_out |= too_long
    if left_out and data.over_length is OverLength.ERROR:
        named = ", ".join(f"{key} ({size})" for key, size in list(left_out.items())[:20])
        raise InvalidInput(
            f"{len(left_out)} levels leave no room for a list of {grpo.max_list_tokens} tokens within max_tokens "
            f"{data.max_tokens}: {named}; raise max_tokens, or set over_length: leave_out."
        )
    if not learnt or not held_out:
        raise InvalidInput("No level leaves room for its list; raise data.max_tokens.")
    missing = -len(learnt) % grpo.levels
    filled = [learnt[k % len(learnt)] for k in range(len(learnt) + missing)]
    return filled, held_out[: grpo.validation_levels], left_out


def dataset(levels: Sequence[ListLevel]) -> Dataset:
    """Levels as TRL takes them: each prompt is a level's key."""
    return Dataset.from_list([{"prompt": level.key} for level in levels])


def _bare_rows(job: StageJob, encoder: Encoder, dialogues: Prepared) -> list[dict[str, Any]]:
    """Dialogues of which only the letters are read."""
    return [row | {"propose": []} for row in held_out_rows(dialogues, encoder, job.experiment.seed)]


def _collator(encoder: Encoder) -> DialogueCollator:
    return DialogueCollator(encoder.tokenizer.pad_token_id or encoder.end)


def given_batches(job: StageJob, encoder: Encoder, validation: Prepared) -> list[Batch]:
    """The validation's dialogues in batches, as the scoring stage validates on them."""
    rows, collate = _bare_rows(job, encoder, validation), _collator(encoder)
    return [collate(rows[i : i + HELD_A_PASS]) for i in range(0, len(rows), HELD_A_PASS)]


def held_letters(job: StageJob, encoder: Encoder, train: Prepared) -> Held:
    """The training's dialogues in an order of the experiment's seed."""
    rows = _bare_rows(job, encoder, train)
    random.Random(f"letters/{job.experiment.seed}").shuffle(rows)
    return Held(rows, _collator(encoder), job.experiment.grpo.letters_weight)
