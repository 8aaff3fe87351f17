"""The endpoint on Modal as far as this machine can show it: the application in its container, its GPU, the doctor."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from corpus.errors import InvalidInput, NotFound, PsychoHistoryError
from training.backends import names
from training.backends.doctor import Check, examine
from training.backends.modal_cloud import load_modal
from training.backends.modal_deploy import Endpoint, gpu_for_serving, serve_function
from training.backends.serving import VARIABLE, ServeOrder, served
from training.config import Lora
from training.planning.prices import read_prices
from training.planning.shapes import shape_of

ORIGIN = "https://example--psychohistory-serve-web.modal.run"
KEY = "k" * 40


def test_the_container_serves_trees_behind_its_keys(tmp_path: Path) -> None:
    order = ServeOrder(base="tiny", depth=1, branches=2)
    environment = {VARIABLE: order.model_dump_json(), "PSYCHOHISTORY_API_KEYS": f"me:{KEY}"}
    with TestClient(served(environment, tmp_path, ORIGIN), base_url=ORIGIN) as client:
        question = {"event": "FICTIONAL: a bank fails", "as_of": "2024-01-01"}
        assert client.post("/generate_tree", json=question).status_code == 401
        answer = client.post("/generate_tree", json=question, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200, answer.text
        assert client.get("/health", headers={"Host": "elsewhere.example"}).status_code == 403


def test_without_keys_nothing_is_served_to_the_world(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="API key"):
        served({VARIABLE: ServeOrder(base="tiny").model_dump_json()}, tmp_path, ORIGIN)


def test_a_run_that_is_not_on_the_volume_is_named(tmp_path: Path) -> None:
    order = ServeOrder(base="tiny", run="nowhere", stage="score")
    with pytest.raises(NotFound, match=r"nowhere/out/score/final"):
        order.folder(tmp_path)
    (tmp_path / "models" / "nowhere" / "out" / "score" / "final").mkdir(parents=True)
    assert order.folder(tmp_path) is not None
    assert ServeOrder(base="tiny").folder(tmp_path) is None


def test_the_cheapest_gpu_that_holds_the_model_serves_it() -> None:
    prices, small = read_prices(), shape_of("Qwen/Qwen3-0.6B", Lora())
    large = shape_of("openai/gpt-oss-20b", Lora())
    assert gpu_for_serving(small, prices, None).name == "L4"
    assert gpu_for_serving(large, prices, None).name == "A100-80GB"
    with pytest.raises(InvalidInput, match="A10 is refused"):
        gpu_for_serving(large, prices, "A10G")


def test_modal_takes_the_web_function() -> None:
    endpoint = Endpoint(ServeOrder(base="tiny"), "L4", 0, 300)
    app, function = serve_function(load_modal(), endpoint, [])
    assert app.name == names.SERVE_APP
    assert "web" in repr(function)


class Servers:
    """What the doctor looks at, with faults at will."""

    def __init__(self, volumes: set[str], secrets: set[str], token: str = "", slow: float = 0.0) -> None:
        self._volumes, self._secrets, self._token, self.slow = volumes, secrets, token, slow
        self.asked = 0

    def token(self) -> None:
        if self._token:
            raise InvalidInput(self._token)

    def lock(self) -> None:
        """It is here."""

    def volumes(self) -> set[str]:
        self.asked += 1
        time.sleep(self.slow)
        return self._volumes

    def secrets(self) -> set[str]:
        self.asked += 1
        return self._secrets


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_the_doctor_asks_no_server_without_a_token() -> None:
    servers = Servers(set(), set(), token="no token")
    checks = by_name(examine(servers))
    assert not checks["token"].fine
    assert checks["image"].fine
    assert servers.asked == 0


def test_the_doctor_names_every_volume_and_secret() -> None:
    everything = Servers({names.DATA_VOLUME, names.CACHE_VOLUME}, {names.HUB_SECRET, names.SERVE_SECRET})
    assert all(check.fine for check in examine(everything))
    bare = by_name(examine(Servers(set(), set())))
    for name in (f"volume {names.DATA_VOLUME}", f"secret {names.HUB_SECRET}", f"secret {names.SERVE_SECRET}"):
        assert not bare[name].fine
        assert not bare[name].needed
    assert "modal secret create" in bare[f"secret {names.SERVE_SECRET}"].told


def test_servers_that_do_not_answer_are_not_waited_for() -> None:
    begun = time.monotonic()
    checks = by_name(examine(Servers(set(), set(), slow=5), patience=0.1))
    assert time.monotonic() - begun < 4
    assert "no answer" in checks["servers"].told


def test_a_fault_of_the_servers_is_a_sentence() -> None:
    class Refusing(Servers):
        def secrets(self) -> set[str]:
            raise PsychoHistoryError("Modal answers: no.")

    assert by_name(examine(Refusing(set(), set())))["servers"].told == "Modal answers: no."
