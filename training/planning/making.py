"""A plan from what a person names: an experiment and a snapshot. Needs the training extra, not the weights.

The base's tokenizer counts where it lies in a folder or in the hub's cache; a plan never fetches one. Elsewhere the
shipped tiny tokenizer counts, whose small vocabulary gives more tokens, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from corpus.snapshot import Snapshot
from training.bases import TINY, resolve
from training.config import Experiment
from training.encoding import Encoder
from training.models import load_tokenizer
from training.planning.lengths import lengths_of
from training.planning.plan import RunPlan, make_plan
from training.planning.prices import PriceTable, read_prices
from training.planning.shapes import shape_of
from training.template import chosen_template


def plan_for(
    experiment: Experiment,
    snapshot: Snapshot,
    prices: PriceTable | None = None,
    stages: Sequence[str] | None = None,
) -> RunPlan:
    """The plan of an experiment on a snapshot, or of some of its stages."""
    tokenizer, name = _tokenizer(experiment.base)
    encoder = Encoder(tokenizer, chosen_template(tokenizer, experiment.data.template))
    lengths = lengths_of(snapshot, encoder, experiment.data)
    shape = shape_of(experiment.base, experiment.lora, experiment.precision)
    return make_plan(experiment, shape, lengths, prices or read_prices(), name, stages)


def _tokenizer(base: str) -> tuple[Any, str]:
    path = Path(resolve(base))
    where = path.parent if path.name == "config.json" else resolve(base)
    try:
        return AutoTokenizer.from_pretrained(where, local_files_only=True), base
    except (OSError, ValueError):
        return load_tokenizer(TINY), TINY
