"""`training models` as a user types it, the hub included (a loopback server that speaks its protocol). FICTIONAL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.commands import Ended, run
from tests.forecasts import hedging, honest, make_snapshot
from tests.registry_runs import answers, finished_run
from tests.servers.loopback import LoopbackServer
from tests.servers.model_hub import TOKEN, ModelHub, Repository
from training.commands.models import _TABLE, models
from training.registry.registering import register_run
from training.registry.store import Registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot, forecasts of it by a model and its base, and the model's run."""
    place = tmp_path_factory.mktemp("models")
    make_snapshot(place / "world", count=90)
    answers(place / "world", place, honest, hedging)
    finished_run(place / "run", temperature=1.0)
    return place


@pytest.mark.parametrize("name", list(_TABLE))
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = models.get_command(
        models.make_context("models", [name, "--help"], resilient_parsing=True), name
    )
    assert command is not None
    assert (command.help or "").strip()
    assert f"training models {name}" in (command.epilog or "")
    assert {"--registry"} <= {option for parameter in command.params for option in parameter.opts}


def test_every_command_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models-registry.md").read_text()
    assert [name for name in _TABLE if f"training models {name}" not in page and name != "list"] == []


def test_a_model_is_added_promoted_shown_and_rolled_back(folder: Path, tmp_path: Path) -> None:
    def models_command(*words: str) -> Ended:
        return run(tmp_path, "training", "models", *words)

    empty = models_command()
    assert (empty.code, "is empty; add a finished run" in empty.out) == (0, True)
    assert "data/psychohistory/models" in empty.out
    added = models_command(
        "add", str(folder / "run"), "--name", "first", "--snapshot", str(folder / "world"),
        "--predictions", str(folder / "test.jsonl"), "--base-predictions", str(folder / "base.jsonl"),
    )  # fmt: skip
    assert added.code == 0, added.err
    assert "first: sft on Fictional/base-1B" in added.out
    assert "Log loss, given: " in added.out
    promoted = models_command("promote", "first", "--json")
    assert promoted.code == 0, promoted.err
    assert promoted.json["differences"][0]["difference"]["high"] < 0
    listed = models_command("list", "--json")
    assert listed.json["current"] == "first"
    assert listed.json["models"][0]["log_loss"]["low"] > 0
    assert "In use: first" in models_command().out
    shown = models_command("show", "current", "--json").json
    assert (shown["name"], shown["current"], shown["commit"]) == ("first", True, "abc1234")
    assert "promoted: first, after base, log_loss -" in models_command("history").out
    back = models_command("rollback")
    assert (back.code, back.err) == (
        2,
        "Error: There is no earlier model to go back to (only first was promoted).\n",
    )
    unknown = models_command("show", "second")
    assert unknown.code == 1
    assert "No model 'second' in the registry" in unknown.err
    assert "(first)" in unknown.err


def test_backup_restore_and_prune(folder: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "m")
    for k in range(2):
        register_run(registry, finished_run(tmp_path / f"run{k}", k), f"model{k}")
    written = run(
        tmp_path,
        "training",
        "models",
        "backup",
        str(tmp_path / "b.zip"),
        PSYCHOHISTORY_MODELS=str(tmp_path / "m"),
    )
    assert "2 models" in written.out, written.err
    restored = run(
        tmp_path,
        "training",
        "models",
        "restore",
        str(tmp_path / "b.zip"),
        "--registry",
        str(tmp_path / "n"),
        "--json",
    )
    assert restored.json == {"registry": str(tmp_path / "n"), "models": 2, "current": None}
    words = ("training", "models", "prune", "--keep", "1", "--registry", str(tmp_path / "m"))
    assert run(tmp_path, *words, "--dry-run").out == "Would remove model0.\n"
    assert len(registry.models()) == 2
    assert run(tmp_path, *words, "--json").json == {"dry_run": False, "removed": ["model0"]}
    assert [model.name for model in registry.models()] == ["model1"]


@pytest.fixture(scope="module")
def registry(folder: Path) -> Registry:
    made = Registry(folder / "registry")
    register_run(made, folder / "run", "first", answers(folder / "world", folder, honest, hedging))
    return made


def push(home: Path, registry: Registry, endpoint: str, *words: str, **extra: str) -> Ended:
    """`training models push first …` against a hub at `endpoint`."""
    environment = {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "no_proxy": "127.0.0.1",
        "HF_TOKEN": TOKEN,
    }
    where = ("--registry", str(registry.folder))
    return run(
        home, "training", "models", "push", "first", "ada/forecaster", *where, *words, **(environment | extra)
    )


def test_a_model_is_pushed_in_private_with_card_and_lineage(registry: Registry, tmp_path: Path) -> None:
    hub = ModelHub()
    with LoopbackServer(hub) as server:
        hub.url = server.url
        done = push(tmp_path, registry, server.url, "--licence", "apache-2.0", "--json")
        assert done.code == 0, done.err
        assert done.json["commit"].startswith(f"{server.url}/ada/forecaster/commit/")
        repository = hub.repositories["ada/forecaster"]
        assert repository.private
        weights = registry.verified("first")
        for path in registry.model("first").files:
            assert repository.files[path] == (weights / path).read_bytes()
        card = repository.files["README.md"].decode()
        metadata = yaml.safe_load(card.split("---\n")[1])
        assert (metadata["license"], metadata["base_model"]) == ("apache-2.0", "Fictional/base-1B")
        assert metadata["model-index"][0]["name"] == "first"
        assert "## Verdict" in card
        lineage = json.loads(repository.files["lineage.json"])
        assert (lineage["stage"], lineage["commit"]) == ("sft", "abc1234")
        assert str(tmp_path.parent) not in b"".join(repository.files.values()).decode(errors="replace")
        again = push(tmp_path, registry, server.url)
        assert again.code == 0, again.err
        assert len(repository.messages) == 2


def test_the_hub_refusing_is_one_sentence(registry: Registry, tmp_path: Path) -> None:
    hub = ModelHub(repositories={"ada/forecaster": Repository(private=False)})
    with LoopbackServer(hub) as server:
        hub.url = server.url
        public = push(tmp_path, registry, server.url)
        assert public.err == (
            "Error: ada/forecaster is a public repository; say --public to publish there, or name another.\n"
        )
        assert hub.repositories["ada/forecaster"].files == {}
        wrong = push(tmp_path, registry, server.url, HF_TOKEN="hf_other")
        assert wrong.code == 1
        assert wrong.err == (
            "Error: The hub refused the token for ada/forecaster (401); it needs write access to ada/forecaster.\n"
        )
        hub.failing = 413
        failed = push(tmp_path, registry, server.url, "--public")
        assert failed.err.startswith("Error: The hub answered 413 for ada/forecaster: ")
        assert failed.err.count("\n") == 1
        address = server.url
    gone = push(tmp_path, registry, address)
    assert gone.err.startswith(f"Error: {address} cannot be reached (")
    assert gone.err.count("\n") == 1
    asked = push(tmp_path, registry, address, HF_TOKEN="")
    assert (asked.code, asked.err) == (
        2, "Error: Pushing needs a token of the hub with write access; put it into HF_TOKEN.\n"
    )  # fmt: skip
    offline = push(tmp_path, registry, address, HF_HUB_OFFLINE="1")
    assert offline.err == "Error: Nothing was pushed: HF_HUB_OFFLINE is set; unset it to reach the hub.\n"
