"""What a run may spend and says of it: the cap, the question for a calibration, the first line, a resumed request."""

from __future__ import annotations

from dataclasses import replace

from agents.commands.model_options import ModelRequest
from agents.journal import dollars, nanousd


def cap(models: ModelRequest) -> int | None:
    """The cap in nano-dollars; None where none is set."""
    return None if models.max_usd is None else nanousd(models.max_usd)


def resumed(stored: ModelRequest, typed: ModelRequest) -> ModelRequest:
    """What a resumed run works with: the stored request, what is typed now in its place."""
    default = ModelRequest()
    changed = {name: value for name, value in vars(typed).items() if value != getattr(default, name)}
    return replace(stored, **changed)


def opening_line(run_id: str, models: ModelRequest, documents: int) -> str:
    """One line on what does the work."""
    waits = "every case waits for a curator."
    if models.mode == "offline":
        return (
            f"Run {run_id}, offline: no model and no network. Rules read {documents} archived documents; "
            f"what they find is a floor to compare models with, and {waits}"
        )
    who = "rules" if not models.uses_models else f"{models.model} at {models.base_url}"
    if models.model_for:
        who += " (" + ", ".join(f"{role}: {name}" for role, name in sorted(models.model_for.items())) + ")"
    limit = "" if not models.uses_models else (
        f" Cap {dollars(nanousd(models.max_usd))}." if models.max_usd is not None else " No cap (--max-usd)."
    )  # fmt: skip
    if models.replay:
        limit = f" Replayed from {models.replay}: nothing is called."
    where = f"{documents} archived documents" + (" and the web" if models.web else "")
    return f"Run {run_id}, {models.mode}: {who} on {where}.{limit} No page decides alone: {waits}"


def check_calibrated(models: ModelRequest) -> None:
    """Nothing yet."""
