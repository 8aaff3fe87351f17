"""GRPO on propose turns: TRL's GRPOTrainer writes lists for known levels and learns from what they earn.

The policy is the scored model with a new adapter; without the adapter it is the reference of the divergence, and
the reader of the letters for the rewards (`training.grpo_levels` says why). Rewards are compared within the lists of a
level and not divided by their deviation. Four things of TRL's trainer are replaced: prompts are the project's own
tokens, the loss also holds the letters of given lists where the scored model had them, a validation also measures the
log loss of given lists, and its draws are the same at each validation and do not move those of the training. The loop
is transformers' Trainer.

Does not cover: writing by another engine (vLLM); lists are written by the model in training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from corpus.errors import InvalidInput
from training.alarms import WatchRewards
from training.callbacks import LOG_LOSS, REWARD, KeepBest
from training.collation import Batch
from training.config import Grpo
from training.dataset import Prepared
from training.encoding import Encoder
from training.engine import Floats, LetterQuestion
from training.forecasting import Tokens
from training.grpo_data import Lists, dataset, given_batches, held_letters, lists_to_learn
from training.grpo_levels import ListJudge
from training.grpo_model import policy_adapter, scored_model
from training.local_engine import TransformersEngine
from training.loss import Logits, letter_divergence, letters_of, logits_read, turn_terms
from training.reward_lint import require_honest
from training.rewards import TERMS
from training.stage_job import ReadyStage, StageJob, shared_arguments, watchers

_LINTED = 20
"""Levels on which the rewards are checked before a stage; `training lint-rewards` takes more."""


class KeepBestReward(KeepBest):
    """The best validation has the highest reward among those whose log loss of given lists did not rise.

    `rise` is how far it may lie above that of the scored model, which the first validation measures.
    """

    def __init__(self, folder: Any, patience: int | None, rise: float) -> None:
        super().__init__(folder, patience)
        self.rise = rise
        self.scored_log_loss: float | None = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        kept = super().state()
        kept["args"]["rise"] = self.rise
        kept["attributes"]["scored_log_loss"] = self.scored_log_loss
        return kept

    def worth(self, metrics: Any) -> float | None:
        """The reward; None where the log loss rose too far."""
        if self.scored_log_loss is None:
            self.scored_log_loss = metrics[LOG_LOSS]
        if metrics[LOG_LOSS] > self.scored_log_loss + self.rise:
            return None
        return float(metrics[REWARD])


class ScoredEngine(TransformersEngine):
    """The scored model inside the policy: the same weights with the new adapter off."""

    def letters(self, context: Tokens, questions: Sequence[LetterQuestion]) -> list[Floats]:
        """As any engine; the policy's state is put back afterwards."""
        training = self.model.training
        self.model.eval()
        try:
            with self.model.disable_adapter():
                return super().letters(context, questions)
        finally:
            self.model.train(training)


class ListTrainer(GRPOTrainer):
    """GRPOTrainer whose prompts are the keys of `ListLevel`s."""

    def __init__(self, *args: Any, lists: Lists, encoder: Encoder, **rest: Any) -> None:
        rewards = [self._reward(name) for name in TERMS]
        super().__init__(*args, reward_funcs=rewards, processing_class=encoder.tokenizer, **rest)
        self.prompt_tokens = {level.key: level.prompt for level in lists.levels}
        self.given, self.held = lists.given, lists.held
        self.letter_ids = torch.tensor(encoder.letter_ids, device=self.args.device)
        scored = ScoredEngine(self.model, encoder.tokenizer, template=encoder.template)
        self.judge = ListJudge(lists.levels, scored, lists.orders, self.args.seed)

    def _reward(self, term: str) -> Callable[..., list[float]]:
        """One term as TRL calls it; the first one also reports how many lists hold what happened."""

        def reward(
            prompts: list[str], completion_ids: list[list[int]], log_metric: Any, **_: Any
        ) -> list[float]:
            found = self.judge.rewards(prompts, completion_ids)
            if term == TERMS[0]:
                asked = [self.judge.levels[key].asked.happened is not None for key in prompts]
                hits = [one.hit for one, scored in zip(found, asked, strict=True) if scored]
                if hits:
                    log_metric("hit_rate", sum(hits) / len(hits))
            return [float(getattr(one, term)) for one in found]

        reward.__name__ = term
        return reward

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The tokens as the dialogue has them: tokenizing its text as a whole would merge across turns."""
        return [list(self.prompt_tokens[key]) for key in prompts], None, {}

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **rest: Any) -> Any:
        """TRL's loss of the lists, and the letters' divergence from the scored model."""
        loss = super().compute_loss(model, inputs, *args, **rest)
        if not (self.model.training and self.held.weight):
            return loss
        moved = self.letters_moved(model, self.state.global_step)
        self._metrics["train"]["letter_divergence"].append(moved.item())
        return loss + self.held.weight * moved

    def letters_moved(self, model: Any, step: int) -> torch.Tensor:
        """Divergence of the policy's letters from the scored model's, in the dialogues of a step."""
        batch = self._here(self.held.batch(step))
        with torch.no_grad(), self.accelerator.unwrap_model(model).disable_adapter():
            before = letters_of(self._read(model, batch), batch, self.letter_ids)
        return letter_divergence(before, letters_of(self._read(model, batch), batch, self.letter_ids))

    def _here(self, batch: Batch) -> Batch:
        return {name: tensor.to(self.args.device) for name, tensor in batch.items()}

    def _read(self, model: Any, batch: Batch) -> Logits:
        """Logits where the batch's turns are read."""
        return logits_read(model, self.model.get_output_embeddings(), batch)

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **rest: Any) -> Any:
        """A validation, with the log loss of given lists beside the rewards."""
        devices = [self.args.device] if self.args.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self.args.seed)
            output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **rest)
        output.metrics[f"{metric_key_prefix}_log_loss"] = self._given_log_loss()
        return output

    @torch.no_grad()
    def _given_log_loss(self) -> float:
        """Mean −ln p of what happened over the weigh turns of the validation's dialogues."""
        total, count = 0.0, 0
        for batch in map(self._here, self.given):
            terms = turn_terms(self._read(self.model, batch), batch, self.letter_ids)
            total, count = total + float(terms.log_loss), count + len(terms.weigh_M)
        return total / count


def make_ready(job: StageJob, encoder: Encoder, train: Prepared, validation: Prepared) -> ReadyStage:
    """A trainer ready to run; raises InvalidInput where the rewards pay for dishonesty or no level fits."""
    if job.parent is None:
        raise InvalidInput("GRPO starts from a scored model; name the run of that stage with --from.")
    grpo, alarms = job.experiment.grpo, job.experiment.grpo.alarms
    require_honest(grpo.rewards.model_dump(), grpo.branches, _LINTED)
    learnt, held_out, left_out = lists_to_learn(job, encoder, train, validation)
    keep = KeepBestReward(job.folder.best, grpo.patience, grpo.log_loss_rise)
    actions = {name: action.value for name, action in alarms if name != "steps"}
    trainer = ListTrainer(
        model=scored_model(job.experiment, job.parent),
        args=_arguments(job, len(learnt)),
        train_dataset=dataset(learnt),
        eval_dataset=dataset(held_out),
        peft_config=policy_adapter(grpo.rank),
        callbacks=[
            *watchers(job, keep, validation, encoder),
            WatchRewards(job.folder.path, actions, alarms.steps, grpo.kl_bound),
        ],
        lists=Lists(
            [*learnt, *held_out],
            given_batches(job, encoder, validation),
            held_letters(job, encoder, train),
            grpo.orders,
        ),
        encoder=encoder,
    )
    trainer.remove_callback(PrinterCallback)
    return ReadyStage(trainer, train, validation, left_out)


def _arguments(job: StageJob, levels: int) -> GRPOConfig:
    grpo: Grpo = job.experiment.grpo
    accumulation = grpo.levels * grpo.lists // grpo.batch
    return GRPOConfig(
        **shared_arguments(job, grpo, levels // grpo.levels),
        per_device_train_batch_size=grpo.batch,
        per_device_eval_batch_size=grpo.batch,
        gradient_accumulation_steps=accumulation,  # a step's lists are written at once: levels · lists of them
        num_generations=grpo.lists,
        num_generations_eval=1,
        max_completion_length=grpo.max_list_tokens,
        temperature=grpo.temperature,
        beta=grpo.kl_weight,
        reward_weights=[getattr(grpo.rewards, term) for term in TERMS],
        scale_rewards="none",
        loss_type="dapo",
        logging_steps=1,
    )
