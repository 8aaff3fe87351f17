"""`training grpo`: the lists, by reinforcement learning, from a scored model."""

from __future__ import annotations

from pathlib import Path

import click

from training.backends.launching import Launch
from training.commands.forecasts import named_model
from training.commands.stage import run_command, stage_options


@click.command(
    epilog="Example: training grpo snapshots/2024 --config experiment.yaml --from runs/score --out runs/grpo"
)
@stage_options
@click.option("--from", "parent", type=click.Path(path_type=Path), callback=named_model, required=True,
              help="The run of the scoring stage.")  # fmt: skip
def grpo(snapshot: Path, config: Path | None, out: Path, as_json: bool, parent: Path, how: Launch) -> None:
    """Let the scored model write lists for the levels of SNAPSHOT, and learn from what they earn.

    Rewards: calibration, sharpness, diversity, coherence (`training lint-rewards` checks their weights first). The
    result is one adapter on the base, the scored one and the new one joined. Run the same command again to go on
    after an interruption.
    """
    run_command("grpo", snapshot, config, out, parent, as_json, how)
