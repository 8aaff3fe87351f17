"""The judge against a real server on loopback that speaks the OpenAI protocol, faults included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import InvalidInput
from evaluation.judge import JudgeSettings, LanguageJudge
from evaluation.matching import Matcher, Stage
from tests.servers.loopback import Answer, LoopbackServer
from tests.servers.model_server import ModelServer, completion, error, says, scripted

PAIR = ("The crown passes to the regent", "A new ruler takes the throne of Borduria")
YES = says({"reason": "the same change of ruler", "probability": 0.9})


def asking(url: str, cache: Path, **changes: Any) -> LanguageJudge:
    fields: dict[str, Any] = {"base_url": f"{url}/v1", "model": "tiny", "timeout_s": 2.0}
    return LanguageJudge(JudgeSettings(**(fields | changes)), cache, sleep=lambda seconds: None)


def judged(
    tmp_path: Path, reply: Callable[[dict[str, Any]], Answer], **changes: Any
) -> tuple[Any, LanguageJudge, ModelServer]:
    handler = ModelServer(reply)
    with LoopbackServer(handler) as server:
        judge = asking(server.url, tmp_path / "judge.jsonl", **changes)
        verdict = judge.verdicts([PAIR])[0]
    return verdict, judge, handler


def test_a_verdict_is_structured_counted_and_cached(tmp_path: Path) -> None:
    prices = {"usd_per_million_in": 2.0, "usd_per_million_out": 10.0}
    verdict, judge, handler = judged(tmp_path, scripted(YES), **prices)
    assert verdict == 0.9
    assert (judge.cost.calls, judge.cost.tokens_in, judge.cost.tokens_out) == (1, 100, 20)
    assert judge.cost.usd == pytest.approx((100 * 2 + 20 * 10) / 1e6)
    body = handler.bodies[0]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["reason", "probability"]
    assert json.loads(body["messages"][1]["content"]) == {"A": PAIR[0], "B": PAIR[1]}
    again, second, unasked = judged(tmp_path, scripted(YES))
    assert (again, second.cost.cached, second.cost.calls, unasked.bodies) == (0.9, 1, 0, [])


def test_another_model_is_asked_anew(tmp_path: Path) -> None:
    judged(tmp_path, scripted(YES))
    verdict, judge, _ = judged(tmp_path, scripted(says({"reason": "", "probability": 0.2})), model="other")
    assert (verdict, judge.cost.calls) == (0.2, 1)


@pytest.mark.parametrize(
    ("answers", "verdict", "calls"),
    [
        ((error(429, "slow down", headers={"Retry-After": "1"}), YES), 0.9, 1),
        ((error(503, "busy"), error(500, "broke"), YES), 0.9, 1),
        ((completion("not JSON"), YES), 0.9, 2),
        ((says({"reason": "x", "probability": 1.4}), YES), 0.9, 2),
        ((Answer(b"<html>proxy</html>"),), None, 0),
        ((completion("not JSON"), completion("still not")), None, 2),
        ((completion(None, refusal="no"),), None, 2),
        ((error(401, "wrong key"),), None, 0),
        ((error(503, "busy"),), None, 0),
    ],
)
def test_faults_are_tried_again_or_counted(
    tmp_path: Path, answers: tuple[Answer, ...], verdict: float | None, calls: int
) -> None:
    found, judge, _ = judged(tmp_path, scripted(*answers))
    assert (found, judge.cost.calls) == (verdict, calls)
    assert sum(judge.cost.failures.values()) == (verdict is None)


def test_a_server_that_hangs_or_is_not_there_is_a_counted_failure(tmp_path: Path) -> None:
    found, judge, _ = judged(tmp_path, scripted(Answer(b"", delay_s=1.0)), timeout_s=0.1)
    assert found is None
    assert judge.cost.failures == {"no answer (ReadTimeout)": 1}
    gone = asking("http://127.0.0.1:9", tmp_path / "other.jsonl")
    assert gone.verdicts([PAIR]) == [None]


def test_the_cap_stops_the_asking_before_it_is_exceeded(tmp_path: Path) -> None:
    handler = ModelServer(scripted(YES))
    with LoopbackServer(handler) as server:
        judge = asking(
            server.url,
            tmp_path / "judge.jsonl",
            usd_per_million_in=100.0,
            usd_per_million_out=100.0,
            max_usd=0.2,
        )
        verdicts = judge.verdicts([(f"Event {n} happens", PAIR[1]) for n in range(20)])
    assert judge.cost.usd <= 0.2
    assert 0 < len(handler.bodies) < 20
    assert verdicts.count(None) == 20 - len(handler.bodies)
    assert "the cap of $0.2 is reached" in judge.cost.failures


def test_a_cache_cut_off_in_its_last_line_is_read_up_to_there(tmp_path: Path) -> None:
    judged(tmp_path, scripted(YES))
    cache = tmp_path / "judge.jsonl"
    cache.write_bytes(cache.read_bytes() + b'{"key": "half')
    verdict, judge, _ = judged(tmp_path, scripted(YES))
    assert (verdict, judge.cost.cached) == (0.9, 1)


def test_the_matcher_uses_the_verdict(tmp_path: Path) -> None:
    with LoopbackServer(ModelServer(scripted(YES))) as server:
        matcher = Matcher(judge=asking(server.url, tmp_path / "judge.jsonl"))
        assert matcher.match(*PAIR).stage is Stage.JUDGE


def test_an_address_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no http"):
        LanguageJudge(JudgeSettings(base_url="ftp://x", model="tiny"), tmp_path / "judge.jsonl")
