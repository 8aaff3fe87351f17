"""`training plan`, `costs`, `modal doctor`, `deploy` and `--backend modal` as a user types them, without a network."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.commands import run
from training.synthetic import Recipe, write_synthetic

CONFIG = "base: openai/gpt-oss-20b\ngradient_checkpointing: true\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planned") / "world"
    write_synthetic(folder, Recipe(40, (5,), depth=2))
    return folder


def test_a_plan_shows_every_gpu_with_its_price_and_date(world: Path, tmp_path: Path) -> None:
    config = tmp_path / "e.yaml"
    config.write_text(CONFIG)
    shown = run(tmp_path, "training", "plan", str(world), "--config", str(config))
    assert shown.code == 0, shown.err
    assert "31.85 M trained" in shown.out
    assert "too small" in shown.out
    assert "unsloth_4bit" in shown.out
    assert "https://modal.com/pricing, 2026-07-01" in shown.out
    assert "Counted with the tokenizer of 'tiny'" in shown.out
    refused = run(tmp_path, "training", "plan", str(world), "--config", str(config), "--gpu", "A10G")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert "The cheapest GPU that fits is" in refused.err


def test_a_plan_is_json_on_request_and_a_cap_refuses_it(world: Path, tmp_path: Path) -> None:
    found = run(
        tmp_path, "training", "plan", str(world), "--base", "Qwen/Qwen3-0.6B", "--gpu", "L4", "--json"
    ).json
    assert found["chosen"]["gpu"] == "L4"
    assert found["chosen"]["fits"] is True
    assert found["trained_parameters"] > 0
    capped = run(
        tmp_path,
        "training",
        "plan",
        str(world),
        "--base",
        "Qwen/Qwen3-0.6B",
        "--gpu",
        "L4",
        "--max-usd",
        "0.001",
    )
    assert capped.code == 2
    assert "--max-usd is 0.001" in capped.err


def test_without_credentials_modal_is_refused_in_one_sentence_and_at_once(
    world: Path, tmp_path: Path
) -> None:
    for words in (
        ("export-and-train", "--snapshot", str(world), "--out", str(tmp_path / "out"), "--backend", "modal"),
        ("sft", str(world), "--out", str(tmp_path / "out"), "--backend", "modal"),
        ("deploy", "--base", "tiny"),
    ):
        begun = time.monotonic()
        ended = run(tmp_path, "training", *words)
        assert ended.code == 2
        told = [line for line in ended.err.splitlines() if line.startswith("Error")]
        assert told == [
            "Error: Modal's token_id is not configured; type: modal token new, or set MODAL_TOKEN_ID and "
            "MODAL_TOKEN_SECRET."
        ]
        assert time.monotonic() - begun < 50, "a made-up token takes Modal's servers a minute"
    assert not (tmp_path / "out").exists()


def test_the_doctor_says_what_is_missing(tmp_path: Path) -> None:
    ended = run(tmp_path, "training", "modal", "doctor", "--json")
    assert ended.code == 1
    assert [(check["name"], check["fine"]) for check in ended.json] == [("token", False), ("image", True)]


def test_costs_are_empty_at_first_and_read_from_the_ledger(tmp_path: Path) -> None:
    assert "No costs are noted" in run(tmp_path, "training", "costs").out
    line = {
        "format": 1, "at": "2026-11-27T00:00:00Z", "kind": "actual", "run": "first", "stage": "sft", "dataset": "d",
        "backend": "modal", "gpu": "L4", "seconds": 7200, "usd": 1.75, "key": "",
    }  # fmt: skip
    ledger = tmp_path / "costs.jsonl"
    ledger.write_text(json.dumps(line) + "\n" + '{"cut')
    ended = run(tmp_path, "training", "costs", "--ledger", str(ledger))
    assert ended.out == "first: estimated no time, no cost; actual 2.00 h, $1.75\n"
    assert "1 lines" in ended.err
    found = run(
        tmp_path,
        "training",
        "costs",
        PSYCHOHISTORY_COSTS=str(ledger),
    ).out
    assert found == ended.out
