"""What a run may spend and says of it: the cap, the question for a calibration, the first line, a resumed request."""

from __future__ import annotations

import os
from dataclasses import replace

from agents.commands.model_options import ModelRequest
from agents.journal import dollars, nanousd
from corpus.commandline import counted
from corpus.errors import InvalidInput

UNCHECKED_USD = 5.0
"""What a run may spend on a model that nobody has calibrated."""
_MANY = 1_000_000


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
            f"Run {run_id}, offline: no model and no network. Rules read {counted(documents, 'archived document')}; "
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
    where = counted(documents, "archived document") + (" and the web" if models.web else "")
    return f"Run {run_id}, {models.mode}: {who} on {where}.{limit} No page decides alone: {waits}"


def check_calibrated(models: ModelRequest) -> None:
    """A run that may spend more than 5 dollars needs a PASS of its estimating model and prompts; raises `InvalidInput`.

    A server whose price is entered as 0 may not, a replay does not; without a price and a cap nobody knows.
    """
    if not models.uses_models or models.uncalibrated or models.replay:
        return
    if models.max_usd is not None and models.max_usd <= UNCHECKED_USD:
        return
    from agents.calibration.ledger import has_passed, ledger_file, read_ledger
    from agents.models.prices import load

    prices = [load(os.environ).price(settings) for settings in models.settings(os.environ).values()]
    if all(price is not None and price.worst_case_nanousd(_MANY, _MANY) == 0 for price in prices):
        return
    name = models.model_for.get("estimator", models.model)
    if not has_passed(read_ledger(ledger_file(os.environ)), name, models.base_url):
        raise InvalidInput(
            f"This run may spend more than ${UNCHECKED_USD:g}, and {name} has not passed a calibration with these "
            f"prompts: agents calibrate FILE --model {name}. Or set --max-usd {UNCHECKED_USD:g}, or say --uncalibrated."
        )
