"""Several processes on one run, one a GPU, as `torchrun` and `accelerate launch` start them.

All of them train; what a run leaves on the disk or says to the user comes from the first. Loads torch only where
processes have to wait for each other.
"""

from __future__ import annotations

import os
from typing import TypeVar

from corpus.errors import InvalidInput

Value = TypeVar("Value")


def process_count() -> int:
    """Processes on this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return os.environ.get("RANK", "0") == "0"


def require_one(command: str) -> None:
    """Raises InvalidInput where several processes were started for a command that is for one."""
    if process_count() > 1:
        raise InvalidInput(
            f"{command} was started in {process_count()} processes and works in one; start it by itself, or "
            "`training sft`, `score` and `grpo` one after the other in several."
        )


def wait_for_all() -> None:
    """Return when every process has come here."""
    if process_count() > 1:
        from accelerate.utils import wait_for_everyone

        wait_for_everyone()


def told_by_first(value: Value) -> Value:
    """The first process's value, in all of them."""
    if process_count() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    told = [value]
    broadcast_object_list(told)
    return told[0]
