"""`agents calibrate` as a user types it, against a loopback model; and the run that asks for its PASS."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.commands import run
from tests.fictional import archive_file
from tests.role_player import Asked, RolePlayer, answer
from tests.servers.loopback import LoopbackServer
from tests.servers.model_server import ModelServer

CHANCES = {"rarely": 0.05, "often": 0.95}


def questions(path: Path, count: int) -> Path:
    """FICTIONAL questions whose wording tells their chance."""
    rng = random.Random(3)
    rows = []
    for n in range(count):
        word = rng.choice(list(CHANCES))
        rows.append(
            {
                "source": "fictional", "id": f"q{n}", "asked": "2019-03-01", "resolved": "2019-06-01",
                "outcome": int(rng.random() < CHANCES[word]), "crowd": CHANCES[word],
                "question": f"FICTIONAL. Will the {word} seen comet {n} be seen?",
            }
        )  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def knows(asked: Asked) -> Any:
    """Weighs by the wording; without evidence it does not pretend to know, and cases it answers as ever."""
    if not any(word in asked.user for word in CHANCES):
        return answer(asked)
    chance = next(p for word, p in CHANCES.items() if word in asked.user)
    yes = chance if "No evidence is shown" not in asked.whole else 0.5
    return {
        "probabilities": [
            {"option": "A", "probability": yes},
            {"option": "Z", "probability": round(1 - yes, 4)},
        ]
    }


def test_a_model_passes_on_fresh_items_and_only_then_runs_without_a_low_cap(tmp_path: Path) -> None:
    archive_file(tmp_path)
    file = questions(tmp_path / "questions.jsonl", 120)
    env = {"PSYCHOHISTORY_API_KEY": "right", "XDG_CONFIG_HOME": str(tmp_path)}
    given = ("--archive", str(tmp_path / "fictional.sqlite"), "--db", str(tmp_path / "cases.sqlite"))
    assert run(tmp_path, "agents", "prices", "add", "tiny", "--input", "1", "--output", "4", **env).code == 0
    player = RolePlayer({"WeighReply": knows})
    with LoopbackServer(ModelServer(player, key="right")) as server:
        model = ("--model", "tiny", "--base-url", f"{server.url}/v1")
        ordered = ("run", "--period", "2019-03", "--domains", "economics", *model, *given)
        refused = run(tmp_path, "agents", *ordered, "--max-usd", "6", **env)
        assert refused.code == 2
        assert "has not passed a calibration" in refused.err
        calibrate = (
            "calibrate",
            str(file),
            *model,
            *given,
            "--size",
            "60",
            "--output",
            str(tmp_path / "report"),
        )
        ended = run(tmp_path, "agents", *calibrate, "--json", **env)
        assert ended.code == 0, ended.out + ended.err
        assert ended.json["verdict"] == "PASS"
        assert ended.json["cost_per_item_usd"] > 0
        assert json.loads((tmp_path / "report" / "calibration.json").read_text())["verdict"] == "PASS"
        assert "<svg" in (tmp_path / "report" / "calibration.html").read_text()
        first = {row["item"] for row in ended.json["items"]}
        again = run(tmp_path, "agents", *calibrate, "--json", **env)
        assert not first & {row["item"] for row in again.json["items"]}
        third = run(tmp_path, "agents", *calibrate, **env)
        assert third.code == 2
        assert "120 of them used by an earlier calibration" in third.err
        assert run(tmp_path, "agents", *ordered, "--max-usd", "6", "--num-cases", "1", **env).code == 0
