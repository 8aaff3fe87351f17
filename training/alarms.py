"""Alarms while GRPO runs: signs that the rewards are being gamed, or that they teach nothing.

    kl                 the divergence from the scored model, mean of the last `alarms.steps` steps, is above its
                       bound: always ends the stage (one step's estimate can jump by a single unlikely token)
    reward_deviation   no group of lists differs in reward
    entropy            the lists' entropy has fallen under a tenth of what it was at the first step
    clipped            more than half of the lists reach the limit of tokens, or of the updates are clipped

Each is raised after `alarms.steps` steps in a row (kl at once), is written to `alarms.jsonl`, and warns or ends the
stage as configured; ended stages keep the best validated weights.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from training.config import AlarmAction
from training.runfolder import ALARMS, RunFolder

ENTROPY_SHARE, CLIPPED_SHARE = 0.1, 0.5


class Alarm(StrEnum):
    """What can be raised."""

    KL = "kl"
    """Too far from the scored model."""
    REWARD_DEVIATION = "reward_deviation"
    """All lists of each group earn the same."""
    ENTROPY = "entropy"
    """The policy writes hardly more than one list."""
    CLIPPED = "clipped"
    """Lists that do not end, or updates that are cut."""


class WatchRewards(TrainerCallback, ExportableState):
    """Looks at every report of a step; its counts go through checkpoints."""

    def __init__(self, folder: Path | str, actions: dict[str, str], steps: int, kl_bound: float) -> None:
        self.folder, self.actions, self.steps, self.kl_bound = (
            RunFolder(Path(folder)),
            actions,
            steps,
            kl_bound,
        )
        self.first_entropy: float | None = None
        self.in_a_row: dict[str, int] = {}
        self.kl: list[float] = []
        """Of the last steps."""
        self.stopped_by: str | None = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        return {
            "args": {
                "folder": str(self.folder.path),
                "actions": self.actions,
                "steps": self.steps,
                "kl_bound": self.kl_bound,
            },
            "attributes": {"first_entropy": self.first_entropy, "in_a_row": self.in_a_row, "kl": self.kl},
        }

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Any = None,
        **_: Any,
    ) -> None:
        if not logs or "frac_reward_zero_std" not in logs:
            return  # a validation's report, or the last one
        if self.first_entropy is None:
            self.first_entropy = logs["entropy"]
        self.kl = [*self.kl, logs["kl"]][-self.steps :]
        for alarm, message in self._signs(logs).items():
            self.in_a_row[alarm] = self.in_a_row.get(alarm, 0) + 1 if message else 0
            needed = 1 if alarm is Alarm.KL else self.steps
            if message and self.in_a_row[alarm] == needed:
                self._raise(alarm, message, state, control)

    def _signs(self, logs: dict[str, float]) -> dict[Alarm, str]:
        """What stands against each alarm in one report; empty where nothing does."""
        floor = ENTROPY_SHARE * (self.first_entropy or 0.0)
        clipped = max(logs["completions/clipped_ratio"], logs.get("clip_ratio/region_mean", 0.0))
        kl, entropy, equal = sum(self.kl) / len(self.kl), logs["entropy"], logs["frac_reward_zero_std"]
        return {
            Alarm.KL: f"the divergence from the scored model is {kl:.3g} nats a token, over kl_bound {self.kl_bound:g}"
            if kl > self.kl_bound
            else "",
            Alarm.REWARD_DEVIATION: "all lists of every group earn the same reward" if equal >= 1.0 else "",
            Alarm.ENTROPY: f"the lists' entropy is {entropy:.3g}, under a tenth of its start ({self.first_entropy:.3g})"
            if entropy < floor
            else "",
            Alarm.CLIPPED: f"{clipped:.0%} of the lists or updates are clipped"
            if clipped > CLIPPED_SHARE
            else "",
        }

    def _raise(self, alarm: Alarm, message: str, state: TrainerState, control: TrainerControl) -> None:
        action = AlarmAction.STOP if alarm is Alarm.KL else AlarmAction(self.actions[alarm])
        line = {"step": state.global_step, "alarm": alarm.value, "action": action.value, "message": message}
        if state.is_world_process_zero:
            self.folder.report(line, ALARMS)
        if action is AlarmAction.STOP:
            self.stopped_by = f"alarm {alarm.value}"
            control.should_training_stop = True
