"""`agents providers` and `agents prices` as a user types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.servers.data_services import world_bank
from tests.servers.loopback import LoopbackServer


def agents(tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with an environment of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PSYCHOHISTORY_HOSTS": str(tmp_path / "hosts.toml"),
        "PSYCHOHISTORY_PRICES": str(tmp_path / "prices.toml"),
        **more,
    }
    command = [sys.executable, "-m", "agents.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def test_providers_offline_lists_what_each_needs(tmp_path: Path) -> None:
    result = agents(tmp_path, "providers", "--offline", "--json", FRED_API_KEY="hush")
    rows = {row["name"]: row for row in json.loads(result.stdout)["providers"]}
    assert result.returncode == 0
    assert rows["wikipedia"]["state"] == "not asked"
    assert rows["tavily"]["message"] == "has no key; set TAVILY_API_KEY."
    assert rows["fred"]["state"] == "not asked"
    assert rows["manifold"]["terms"] == "non_commercial"
    assert "hush" not in result.stdout


def test_providers_says_who_answers_and_who_fails(tmp_path: Path) -> None:
    with LoopbackServer(world_bank) as server:
        result = agents(
            tmp_path, "providers", "--only", "world_bank,manifold", "--json",
            PSYCHOHISTORY_WORLD_BANK_URL=server.url, PSYCHOHISTORY_MANIFOLD_URL="http://127.0.0.1:9",
            PSYCHOHISTORY_ALLOW=server.peer,
        )  # fmt: skip
    rows = {row["name"]: row for row in json.loads(result.stdout)["providers"]}
    assert rows["world_bank"]["state"] == "answers"
    assert rows["manifold"]["state"] == "fails"
    assert rows["manifold"]["message"]


def test_a_provider_nobody_knows_is_wrong_usage(tmp_path: Path) -> None:
    result = agents(tmp_path, "providers", "--only", "altavista")
    assert result.returncode == 2
    assert "'altavista' is no provider; there are wikipedia" in result.stderr


def test_a_wrong_address_is_one_sentence(tmp_path: Path) -> None:
    result = agents(tmp_path, "providers", "--offline", PSYCHOHISTORY_EXA_URL="nonsense")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "Error: The address of exa is wrong: 'nonsense' is not an http or https address."
    )


def test_prices_are_listed_and_entered(tmp_path: Path) -> None:
    entered = agents(tmp_path, "prices", "add", "my-model", "--input", "0.2", "--output", "0.4")
    assert entered.returncode == 0
    assert "my-model: $0.2 in, $0.4 out per million tokens" in entered.stdout
    listed = json.loads(agents(tmp_path, "prices", "--json").stdout)["prices"]
    assert listed[0]["model"] == "my-model"
    assert any(row["model"] == "gpt-6-luna" for row in listed)
    wrong = agents(tmp_path, "prices", "add", "m", "--input", "cheap", "--output", "1")
    assert wrong.returncode == 2
    assert "'cheap' is no price" in wrong.stderr
