"""An experiment's configuration: one frozen YAML, every field documented, unknown keys are errors.

Nothing is read from the environment. `docs/training.md` shows a whole file; `Experiment()` holds the
defaults of the seed documents (LoRA rank 64 on attention, learning rate 3e-4, 3 epochs, checkpoint every
50 steps, seed 42).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus.errors import InvalidFile
from training.dataset import OverLength
from training.dialogue import Target
from training.template import TemplateChoice

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Precision(StrEnum):
    """The numbers a model is held in."""

    AUTO = "auto"
    """bf16 on a GPU, float32 without one."""
    FLOAT32 = "float32"
    """32 bits; for tests and tiny models."""
    BF16 = "bf16"
    """16 bits, bfloat16."""
    FOUR_BIT = "4bit"
    """NF4 by bitsandbytes; for dense models, it does not reach fused experts."""
    UNSLOTH = "unsloth_4bit"
    """NF4 by unsloth, which must be installed beside this program; reaches gpt-oss's experts. Not tested here."""


class Adapt(StrEnum):
    """Which weights are trained."""

    ATTENTION = "attention"
    """LoRA on the attention projections: the default."""
    EXPERTS = "attention_and_experts"
    """LoRA on attention and on the fused experts of a mixture model."""
    LINEAR = "linear"
    """LoRA on attention and on the dense layers between."""
    FULL = "full"
    """All weights; for tiny models and ablations."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(_Section):
    """How cases become dialogues."""

    target: Target = Target.LABEL
    """What a weigh turn learns: `label` (what happened) or `pooled` (the stored probabilities)."""
    without_happened: Annotated[float, Field(ge=0.0, le=0.15)] = 0.05
    """Share of levels whose list lacks what happened, so that Z learns to carry mass."""
    max_tokens: Positive = 4096
    """Length limit of a dialogue; nothing is ever cut."""
    over_length: OverLength = OverLength.ERROR
    """`error` or `leave_out` (named in the metadata)."""
    template: TemplateChoice = TemplateChoice.AUTO
    """`auto` (the model's own chat template where it keeps earlier turns unchanged, else plain), `plain`, `own`."""
    batching: str = Field(default="length", pattern="^(length|packed)$")
    """`length`, or `packed` where the model is shown to keep dialogues apart."""


class Lora(_Section):
    """What is trained, and how large the adapter is."""

    adapt: Adapt = Adapt.ATTENTION
    """attention, attention_and_experts, linear or full."""
    rank: Positive = 64
    """Rank on attention and dense layers."""
    alpha: Positive = 64
    """LoRA's scale is alpha / rank."""
    expert_rank: Positive = 16
    """Rank on fused experts (rank 64 on all experts of a 20B model would be 740 M parameters)."""
    dropout: Share = 0.0
    """Must be 0 with experts."""

    @model_validator(mode="after")
    def _experts_take_no_dropout(self) -> Self:
        if self.adapt is Adapt.EXPERTS and self.dropout:
            raise ValueError(f"dropout must be 0 with {Adapt.EXPERTS}, got {self.dropout}")
        return self


class Losses(_Section):
    """How much each kind of turn counts."""

    propose: NotNegative = 1.0
    weigh: NotNegative = 1.0
    when: NotNegative = 0.5
    brier: NotNegative = 0.0
    """Of the quadratic score over the letters, beside their cross-entropy."""


class Stage(_Section):
    """One stage of training."""

    epochs: Positive = 3
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 3e-4
    warmup_share: Share = 0.03
    """Share of the steps over which the learning rate rises."""
    weight_decay: NotNegative = 0.0
    batch: Positive = 1
    """Dialogues a device and step."""
    accumulation: Positive = 8
    """Batches a step of the optimiser."""
    orders: Positive = 1
    """Shuffled orders in which each epoch shows a dialogue, side by side in one step: its loss is their average."""
    max_steps: Positive | None = None
    """Ends the stage early; must be the same when a run is resumed."""
    save_every: Positive = 50
    """Steps between checkpoints, optimiser state included."""
    evaluate_every: Positive = 50
    """Steps between validations."""
    patience: Positive | None = 5
    """Validations without a better log loss after which the stage stops; null: never."""
    loss: Losses = Losses()

    @model_validator(mode="after")
    def _steps_hold_all_orders(self) -> Self:
        if self.batch * self.accumulation % self.orders:
            raise ValueError(
                f"orders must divide batch · accumulation = {self.batch * self.accumulation}, got {self.orders}"
            )
        return self


class ScoringLosses(Losses):
    """Losses of proper scoring: no lists, and both scores of the letters."""

    propose: NotNegative = 0.0
    brier: NotNegative = 1.0


class Scoring(Stage):
    """The proper-scoring stage: what differs from SFT unless it is set."""

    epochs: Positive = 1
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1e-4
    orders: Positive = 2
    loss: ScoringLosses = ScoringLosses()


class RewardWeights(_Section):
    """What each term of `training.rewards` counts; `training lint-rewards` checks them together."""

    calibration: NotNegative = 1.0
    """Quadratic score of the list: right probabilities on what happened, nothing missed."""
    sharpness: NotNegative = 0.25
    """Power score: confident and right."""
    diversity: NotNegative = 0.1
    """Distance between the candidates, saturating."""
    coherence: NotNegative = 0.2
    """In the format, without repetitions."""


class AlarmAction(StrEnum):
    """What an alarm does."""

    WARN = "warn"
    """It is logged and shown; the run goes on."""
    STOP = "stop"
    """It ends the stage with the best weights so far."""


class Alarms(_Section):
    """What is watched for while GRPO runs: signs that the rewards are being gamed, or teach nothing."""

    reward_deviation: AlarmAction = AlarmAction.WARN
    """No group of lists differs in reward: nothing can be learnt."""
    entropy: AlarmAction = AlarmAction.STOP
    """Entropy of the lists under a tenth of what it was at the start: the policy writes one list only."""
    clipped: AlarmAction = AlarmAction.WARN
    """More than half of the lists reach the limit of tokens."""
    steps: Positive = 5
    """Steps in a row after which an alarm is raised."""


HELD_A_PASS = 8
"""Dialogues a pass whose letters GRPO holds."""


class Grpo(_Section):
    """Reinforcement learning on propose turns."""

    epochs: Positive = 1
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 5e-4
    warmup_share: Share = 0.03
    rank: Positive = 4
    """Rank (and alpha) of the new adapter, on the attention projections."""
    levels: Positive = 4
    """Levels a step."""
    lists: Annotated[int, Field(ge=2)] = 8
    """Lists written for each level, which are compared with each other."""
    batch: Positive = 8
    """Lists in one forward and backward pass; must divide levels · lists."""
    branches: Annotated[int, Field(ge=1, le=25)] = 4
    """Candidates that a list may have, in training and in the forecasts of `export-and-train`."""
    max_list_tokens: Positive = 200
    """A longer list counts as out of format."""
    temperature: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    orders: Positive = 2
    """Orders of each list over which the scored model's letters are averaged for the reward."""
    kl_weight: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 0.04
    """Of the divergence from the scored model in the loss."""
    kl_bound: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 0.15
    """Divergence from the scored model (nats a token, mean of the last `alarms.steps` steps) that ends the stage."""
    letters_weight: NotNegative = 10.0
    """In the loss: of the letters' divergence from the scored model (nats a turn) in the training's own dialogues.
    Lists and letters share weights, so letters would drift while lists are learnt; 0: let them."""
    log_loss_rise: NotNegative = 0.02
    """By how much (nats) the log loss of given lists may be above the scored model's in weights that are kept."""
    max_steps: Positive | None = None
    save_every: Positive = 50
    evaluate_every: Positive = 25
    validation_levels: Positive = 64
    """Levels of validation for which lists are written, the first ones of the split."""
    patience: Positive | None = 5
    """Validations without a better reward after which the stage stops; null: never."""
    rewards: RewardWeights = RewardWeights()
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _batches_hold_whole_steps(self) -> Self:
        if self.levels * self.lists % self.batch:
            raise ValueError(
                f"batch must divide levels · lists = {self.levels * self.lists}, got {self.batch}"
            )
        return self


class Experiment(_Section):
    """The whole file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")] = "experiment"
    base: str = "Qwen/Qwen3-0.6B"
    """A causal model: a name on the hub, a folder, or `tiny` for the shipped smoke model."""
    seed: Annotated[int, Field(ge=0)] = 42
    precision: Precision = Precision.AUTO
    gradient_checkpointing: bool = False
    data: Data = Data()
    lora: Lora = Lora()
    sft: Stage = Stage()
    score: Scoring = Scoring()
    grpo: Grpo = Grpo()
    sample_trees: Annotated[int, Field(ge=0)] = 2
    """Validation cases whose trees are logged at each validation; 0: none."""


def read_experiment(path: Path) -> Experiment:
    """Read a YAML file; raises InvalidFile naming the field."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise InvalidFile(f"{path} does not exist; name an experiment's YAML file.") from fault
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise InvalidFile(f"{path} is not YAML: {' '.join(str(fault).split())}.") from fault
    if not isinstance(content, dict):
        raise InvalidFile(f"{path} holds no settings; write keys such as `base:` and `sft:`.")
    try:
        return Experiment.model_validate(content)
    except ValidationError as fault:
        raise InvalidFile(f"{path}: {_first(fault)}") from fault


def _first(fault: ValidationError) -> str:
    found = fault.errors(include_url=False)[0]
    field = ".".join(str(part) for part in found["loc"]) or "file"
    if found["type"] == "extra_forbidden":
        return f"{field}: no such setting; see docs/training.md for those there are."
    return f"{field}: {found['msg'].removeprefix('Value error, ')} (got {found.get('input')!r})."
