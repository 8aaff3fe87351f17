"""The calls of seed document 000, section 4, word for word but for two names, on the shipped tiny base.

The evaluator lives in `evaluation` (seeds/README.md), and the adapter in the test's own folder; the data are
FICTIONAL.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.tiny_models import with_lora
from training.bases import TINY
from training.dialogue import TEMPLATE_VERSION
from training.models import load_base, load_tokenizer
from training.runfolder import MANIFEST, folder_hashes, read_json, write_json

ROOT = Path(__file__).parents[2]
CALLS = """
from training.inference import ProbabilityTreeInference
from training.evaluation.evaluator import TreeEvaluator

# Baseline
inference = ProbabilityTreeInference()
inference.load_adapter(None)
baseline_tree = inference.generate_tree('Brexit vote passes', '52% leave')

# SFT
inference.load_adapter('/data/models/sft/final', 'sft')
sft_tree = inference.generate_tree('Brexit vote passes', '52% leave')

# Evaluate
evaluator = TreeEvaluator()
print('Baseline metrics:', evaluator.evaluate(baseline_tree, ground_truth))
print('SFT metrics:', evaluator.evaluate(sft_tree, ground_truth))
"""


def finished_adapter(folder: Path) -> Path:
    """A random adapter on the tiny base, as a finished stage leaves it."""
    with_lora(load_base(TINY)).save_pretrained(str(folder))
    load_tokenizer(TINY).save_pretrained(str(folder))
    settings = read_json(folder / "adapter_config.json") or {}
    write_json(folder / "adapter_config.json", settings | {"base_model_name_or_path": TINY})
    write_json(folder / MANIFEST, {"template": TEMPLATE_VERSION, "files": folder_hashes(folder)})
    return folder


def test_the_calls_of_the_seed_document_work(tmp_path: Path) -> None:
    final = finished_adapter(tmp_path / "sft" / "final")
    calls = CALLS.replace("/data/models/sft/final", str(final))
    calls = calls.replace("training.evaluation.evaluator", "evaluation")
    before = "ground_truth = ['FICTIONAL: sterling falls', 'FICTIONAL: an election is called']\n"
    after = "\nprint(baseline_tree.model, sft_tree.model, baseline_tree != sft_tree)"
    ended = subprocess.run(
        [sys.executable, "-c", before + calls + after], cwd=ROOT,
        capture_output=True, text=True, check=False, timeout=110,
        env=os.environ | {"PSYCHOHISTORY_BASE": "tiny", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    for name in ("Baseline", "SFT"):
        assert re.search(
            rf"{name} metrics: event_perplexity [\d.]+, event_loss [\d.]+, match_coverage \d+%", ended.stdout
        )
    assert ended.stdout.splitlines()[-1] == "tiny sft True"
