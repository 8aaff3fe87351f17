"""An adapter merged into its base: the same forecasts from one whole model. Tiny random models, FICTIONAL."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from corpus.errors import InvalidInput
from evaluation.prediction import read_predictions
from tests.commands import environment
from tests.commands import run as command
from tests.registry_runs import close_run
from tests.tiny_models import encoder, random_model, with_lora
from training.bases import identity
from training.engine import Sampling
from training.inference import ProbabilityTreeInference
from training.models import load_base, with_adapter
from training.registry.merging import merge
from training.registry.registering import register_run
from training.registry.store import Registry, find_model
from training.runfolder import CALIBRATION, LOCK, METADATA, read_json
from training.synthetic import Recipe, write_synthetic
from training.trees import Effort

FAMILIES = ("llama", "gpt-oss")


def adapter_on(family: str, folder: Path) -> tuple[str, Path]:
    """A base in a folder, and a run's folder with a random adapter on it; on gpt-oss on the experts too."""
    base, final = folder / "base", folder / "run" / "final"
    random_model(family).save_pretrained(base)
    encoder().tokenizer.save_pretrained(base)
    model = with_lora(load_base(str(base)), experts=family == "gpt-oss")
    model.save_pretrained(final)
    encoder().tokenizer.save_pretrained(final)
    (final / "README.md").unlink(missing_ok=True)
    config = json.loads((final / "adapter_config.json").read_text()) | {"base_model_name_or_path": str(base)}
    (final / "adapter_config.json").write_text(json.dumps(config))
    return str(base), close_run(folder / "run", identity(str(base)), temperature=1.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_merged_model_says_the_same_and_keeps_its_calibration(family: str, tmp_path: Path) -> None:
    base, run = adapter_on(family, tmp_path)
    registry = Registry(tmp_path / "models")
    record = register_run(registry, run, "adapted")
    metadata = merge(registry, "adapted", tmp_path / "merged")
    assert (metadata["stage"], metadata["merged"]) == ("merge", "adapted")
    final = tmp_path / "merged" / "final"
    tokens = torch.tensor([encoder().lines("Arvenia opens a canal")])
    with torch.no_grad():
        apart = with_adapter(load_base(base), run / "final", base)(tokens).logits
        whole = load_base(str(final))(tokens).logits
        bare = load_base(base)(tokens).logits
    assert torch.allclose(whole, apart, atol=1e-4)
    assert not torch.allclose(whole, bare, atol=1e-2)
    assert {path.suffix for path in final.iterdir()} <= {".json", ".safetensors", ".jinja"}
    assert (final / CALIBRATION).read_bytes() == (run / "final" / CALIBRATION).read_bytes()
    assert str(tmp_path) not in (final / "config.json").read_text()
    lock = json.loads((tmp_path / "merged" / LOCK).read_text())
    assert lock["parent"] == {"name": base, "hash": record.base_hash, "adapter": record.content}
    with pytest.raises(InvalidInput, match="exists already"):
        merge(registry, "adapted", tmp_path / "merged")


def test_a_merged_model_can_be_registered_asked_and_not_merged_again(tmp_path: Path) -> None:
    base, run = adapter_on("llama", tmp_path)
    registry = Registry(tmp_path / "models")
    register_run(registry, run, "adapted")
    merge(registry, "adapted", tmp_path / "merged")
    record = register_run(registry, tmp_path / "merged", "whole")
    assert (record.adapter, record.stage) == (False, "merge")
    assert record.parent == registry.model("adapted").content
    with pytest.raises(InvalidInput, match="whole model already"):
        merge(registry, "whole", tmp_path / "again")
    trees = []
    for name in ("adapted", "whole"):
        inference = ProbabilityTreeInference(base)
        inference.load_adapter(find_model(name, registry), name)
        effort = Effort(orders=1, sampling=Sampling(lists=1, max_characters=10))
        tree = inference.generate_tree(
            "Arvenia opens a canal", as_of=date(2024, 1, 1), depth=1, effort=effort
        )
        assert tree.calibration
        trees.append([(branch.event, round(branch.probability, 4)) for branch in tree.branches])
    assert trees[0] == trees[1]


def test_a_name_alone_is_looked_up_in_the_registry(tmp_path: Path) -> None:
    """In a process of its own, whose environment names the registry."""
    base, run = adapter_on("llama", tmp_path)
    register_run(Registry(tmp_path / "models"), run, "adapted")
    code = (
        "import sys; from training.inference import ProbabilityTreeInference as I; i = I(sys.argv[1]); "
        "i.load_adapter(name='adapted'); print(i.name, i.calibration.levels); i.load_adapter(name='adopted')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, base], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
        env=environment(tmp_path, PSYCHOHISTORY_MODELS=str(tmp_path / "models"), OMP_NUM_THREADS="1"),
    )  # fmt: skip
    assert answer.stdout == "adapted 40\n", answer.stderr
    assert "NotFound: No model 'adopted' in the registry" in answer.stderr


def test_a_command_takes_a_name_for_a_folder_and_the_base_is_the_models_own(tmp_path: Path) -> None:
    base, run = adapter_on("llama", tmp_path)
    registry = Registry(tmp_path / "models")
    record = register_run(registry, run, "adapted")
    words = ("ask", "Arvenia opens a canal", "--depth", "1", "--orders", "1", "--branches", "2", "--json")
    where = {"PSYCHOHISTORY_MODELS": str(tmp_path / "models"), "OMP_NUM_THREADS": "1"}
    named = command(tmp_path, "training", *words, "--model", "adapted", **where, PSYCHOHISTORY_BASE="tiny")
    foldered = command(tmp_path, "training", *words, "--model", str(run), **where)
    assert named.code == 0, named.err
    assert named.json["branches"] == foldered.json["branches"]
    unknown = command(tmp_path, "training", *words, "--model", "adopted", **where)
    assert unknown.code == 1
    assert unknown.err.startswith("Error: 'adopted' is neither a folder nor a model of the registry")
    other = command(tmp_path, "training", *words, "--model", "adapted", "--base", "tiny", **where)
    assert other.code == 2
    weights = registry.verified("adapted")
    assert other.err.startswith(f"Error: The model {weights} was trained on {base!r}, not on 'tiny'; leave ")
    write_synthetic(tmp_path / "world", Recipe(24, (5,), depth=1))
    words = (
        "predict",
        str(tmp_path / "world"),
        "--out",
        str(tmp_path / "test.jsonl"),
        "--mode",
        "given",
        "--json",
    )
    told = command(tmp_path, "training", *words, "--model", "adapted", **where)
    assert told.json["weights_hash"] == record.content, told.err
    assert read_predictions(tmp_path / "test.jsonl").weights_hash == record.content


def test_a_merged_model_brings_its_base_too(tmp_path: Path) -> None:
    base, run = adapter_on("llama", tmp_path)
    registry = Registry(tmp_path / "models")
    register_run(registry, run, "adapted")
    merge(registry, "adapted", tmp_path / "merged")
    inference = ProbabilityTreeInference()
    inference.load_adapter(tmp_path / "merged")
    assert inference.base == base
    assert inference.weights_hash == read_json(tmp_path / "merged" / METADATA)["final"]  # type: ignore[index]
    inference.load_adapter(None)
    assert inference.weights_hash == identity(base)["hash"]
    with pytest.raises(InvalidInput, match=r"was trained on .*base', not on 'tiny'"):
        ProbabilityTreeInference("tiny").load_adapter(tmp_path / "merged")


def test_a_base_that_changed_is_refused(tmp_path: Path) -> None:
    base, run = adapter_on("llama", tmp_path)
    registry = Registry(tmp_path / "models")
    register_run(registry, run, "adapted")
    weights = load_file(Path(base) / "model.safetensors")
    random_model("qwen3").save_pretrained(base)
    assert set(weights) != set(load_file(Path(base) / "model.safetensors"))
    with pytest.raises(InvalidInput, match="its files have changed since"):
        merge(registry, "adapted", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
