"""Questions to a model server on loopback: structure, repair, journal, retries, and every way it fails."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agents.journal import Response
from agents.models.client import Prompt
from agents.models.result import Answer, ModelFailure, ModelProblem, Usage
from agents.models.settings import SchemaMode
from agents.state import FailureKind, Stage
from agents.tape import Player, Recorder
from tests.journals import MemoryJournal
from tests.model_clients import GOOD, PROMPT, Weighed, ask, model_client
from tests.servers.loopback import Answer as Sent
from tests.servers.loopback import LoopbackServer, as_json, page
from tests.servers.model_server import ModelServer, completion, error, says, scripted


def answered(result: Answer[Weighed] | ModelFailure) -> Answer[Weighed]:
    assert isinstance(result, Answer), result
    return result


def failed(result: Answer[Weighed] | ModelFailure) -> ModelFailure:
    assert isinstance(result, ModelFailure), result
    return result


def run(*answers: Sent, journal: MemoryJournal | None = None, **settings: Any) -> tuple[Any, ModelServer]:
    """The result of one question to a server with scripted answers."""
    server = ModelServer(scripted(*answers))
    with LoopbackServer(server) as loopback:
        return ask(model_client(loopback, journal, **settings)), server


def test_an_answer_comes_as_a_value_with_its_cost() -> None:
    result, server = run(says(GOOD))
    answer = answered(result)
    assert answer.value == Weighed(**GOOD)
    assert answer.usage == Usage(100, 20, 180_000, 1, 0)
    body = server.bodies[0]
    assert body["model"] == "tiny"
    assert body["max_tokens"] == 4000
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["choice", "probability"]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize("mode", [SchemaMode.JSON_OBJECT, SchemaMode.PROMPT])
def test_servers_without_schemas_get_it_in_the_prompt(mode: SchemaMode) -> None:
    result, server = run(completion(f"Here you are:\n```json\n{json.dumps(GOOD)}\n```"), schema_mode=mode)
    assert answered(result).value.probability == 0.7
    assert '"probability"' in server.bodies[0]["messages"][0]["content"]
    assert server.bodies[0].get("response_format") == (
        {"type": "json_object"} if mode == "json_object" else None
    )


@pytest.mark.parametrize(
    ("bad", "problem", "said"),
    [
        (completion("I think the bank will raise its rate."), ModelProblem.NOT_JSON, "The reply is prose"),
        (completion(""), ModelProblem.NOT_JSON, "The reply is empty"),
        (completion(None), ModelProblem.NOT_JSON, "The reply is empty"),
        (completion('{"choice": "The ba', finish="length"), ModelProblem.CUT_OFF, "cut off by the token limit"),
        (completion("", finish="length"), ModelProblem.CUT_OFF, "reached before the reply began"),
        (completion('{"choice": "The bank", "prob'), ModelProblem.CUT_OFF, "half a JSON"),
        (says({"choice": "x", "probability": 1.7}), ModelProblem.INVALID, "less than or equal to 1 (got 1.7)"),
        (says({"choice": "x"}), ModelProblem.INVALID, "probability: Field required"),
        (completion('{"choice": "x", "probability": NaN}'), ModelProblem.INVALID, "should be a valid number"),
        (says({**GOOD, "extra": 1}), ModelProblem.INVALID, "extra: Extra inputs are not permitted"),
        (
            says({"choice": "Die Bank erhöht den Zins um einen Punkt und das ist nicht neu", "probability": 0.7}),
            ModelProblem.WRONG_LANGUAGE,
            "another language (de)",
        ),
    ],
)  # fmt: skip
def test_a_bad_reply_is_sent_back_with_what_was_wrong_and_stays_a_typed_failure(
    bad: Sent, problem: ModelProblem, said: str
) -> None:
    result, server = run(bad, says(GOOD))
    assert answered(result).repairs == 1
    assert said in server.bodies[1]["messages"][-1]["content"]
    assert server.bodies[1]["messages"][-2]["role"] == "assistant"

    result, server = run(bad)
    failure = failed(result)
    assert failure.problem is problem
    assert said in failure.message
    assert failure.message.startswith("tiny as estimator gave no usable answer after 2 repairs: ")
    assert len(server.bodies) == 3
    case = failure.of_case(Stage.ESTIMATE)
    assert case.kind is FailureKind.INVALID_REPLY
    assert case.reply == failure.text


@pytest.mark.parametrize(
    "refusal",
    [
        completion(None, refusal="I can't help with that."),
        completion("I'm sorry, but I can't help with that."),
        completion("I cannot assist with this request."),
        completion("", finish="content_filter"),
    ],
)
def test_a_refusal_is_not_repaired(refusal: Sent) -> None:
    result, server = run(refusal)
    failure = failed(result)
    assert failure.problem is ModelProblem.REFUSED
    assert len(server.bodies) == 1
    assert failure.of_case(Stage.ESTIMATE).kind is FailureKind.REFUSED


def test_a_rule_beyond_the_schema_is_repaired_too() -> None:
    server = ModelServer(scripted(says(GOOD), says({**GOOD, "probability": 0.5})))
    with LoopbackServer(server) as loopback:
        rule = lambda value: "Evidence [9] does not exist." if value.probability > 0.6 else None  # noqa: E731
        answer = answered(ask(model_client(loopback), check=rule))
    assert answer.value.probability == 0.5
    assert "Evidence [9] does not exist." in server.bodies[1]["messages"][-1]["content"]


def test_a_wrong_key_is_one_clear_sentence_and_asked_once() -> None:
    server = ModelServer(scripted(says(GOOD)), key="right")
    with LoopbackServer(server) as loopback:
        failure = failed(ask(model_client(loopback, api_key="hush-wrong")))
        tries = len(loopback.seen)
    assert failure.problem is ModelProblem.UNAUTHORISED
    assert failure.message.endswith("/v1 did not accept the key (401); check PSYCHOHISTORY_API_KEY.")
    assert failure.of_case(Stage.CHAIN).kind is FailureKind.UNAUTHORISED
    assert "hush" not in repr(failure)
    assert tries == 1


@pytest.mark.parametrize(
    ("answer", "problem", "tries", "said"),
    [
        (error(404, "The model `tiny` does not exist"), ModelProblem.UNKNOWN_MODEL, 1, "no model 'tiny'"),
        (error(402, "Payment required"), ModelProblem.QUOTA, 1, "account is empty"),
        (error(429, "You exceeded your quota", "insufficient_quota"), ModelProblem.QUOTA, 1, "account is empty"),
        (error(400, "Unknown parameter response_format"), ModelProblem.BAD_REQUEST, 1, "try --schema-mode prompt"),
        (error(400, "Unsupported parameter: 'temperature'"), ModelProblem.BAD_REQUEST, 1, "try --temperature none"),
        (error(400, "Unsupported value: 'reasoning_effort'"), ModelProblem.BAD_REQUEST, 1, "--reasoning-effort"),
        (error(429, "Rate limit reached"), ModelProblem.BUSY, 3, "is busy (429)"),
        (error(500, "oops"), ModelProblem.BUSY, 3, "is busy (500)"),
        (error(529, "overloaded"), ModelProblem.BUSY, 3, "is busy (529)"),
        (as_json({"error": {"code": 429, "message": "upstream limit"}}), ModelProblem.BUSY, 3, "is busy (429)"),
        (page("<html><title>Log in</title></html>"), ModelProblem.NOT_A_MODEL, 1, "sent a web page (200); check"),
        (as_json({"object": "list", "data": []}), ModelProblem.NOT_A_MODEL, 1, "sent no completion"),
        (as_json({"choices": []}), ModelProblem.NOT_A_MODEL, 1, "sent no completion"),
        (Sent(b'{"choices": [{"mess', content_type="application/json"), ModelProblem.NOT_A_MODEL, 1, "no completion"),
    ],
)  # fmt: skip
def test_what_a_server_says_instead_of_answering(
    answer: Sent, problem: ModelProblem, tries: int, said: str
) -> None:
    journal = MemoryJournal()
    with LoopbackServer(lambda seen: answer) as loopback:
        failure = failed(ask(model_client(loopback, journal)))
        assert len(loopback.seen) == tries
    assert failure.problem is problem
    assert said in failure.message
    assert journal.responses == {}
    assert len(journal.closed) == tries
    assert journal.open == {}


def test_retry_after_is_honoured_and_each_try_is_an_attempt() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    journal = MemoryJournal()
    answers = (error(503, "busy", headers={"Retry-After": "7"}), error(500, "oops"), says(GOOD))
    result, _ = run(*answers, journal=journal, sleep=sleep)
    answered(result)
    assert waits[0] == 7
    assert 2.2 <= waits[1] <= 3
    assert journal.begun == 3
    assert [billable for _, _, billable in journal.closed] == [False, False]


def test_a_server_that_is_not_there_costs_nothing() -> None:
    journal = MemoryJournal()
    failure = failed(ask(model_client("http://127.0.0.1:9/v1", journal)))
    assert failure.problem is ModelProblem.UNREACHABLE
    assert "cannot be reached" in failure.message
    assert journal.spent_nanousd == 0


def test_a_timeout_and_a_broken_connection_keep_their_reservation() -> None:
    for answer in (says(GOOD, delay_s=5), says(GOOD, cut_at=30)):
        journal = MemoryJournal()
        result, _ = run(answer, journal=journal, timeout_s=0.2, tries=1)
        assert failed(result).problem in {ModelProblem.TIMEOUT, ModelProblem.UNREACHABLE}
        ((call, _, billable),) = journal.closed
        assert billable
        assert journal.spent_nanousd == call.reserve_nanousd > 0


def test_a_paid_response_is_committed_before_it_is_read() -> None:
    journal = MemoryJournal()
    server = ModelServer(scripted(completion("prose, for which money was taken"), says(GOOD)))
    with LoopbackServer(server) as loopback:
        failed(ask(model_client(loopback, journal, repairs=0)))
        (stored,) = journal.responses.values()
        assert b"prose, for which money was taken" in stored.body
        assert stored.cost_nanousd == 180_000
        assert failed(ask(model_client(loopback, journal, repairs=0))).problem is ModelProblem.NOT_JSON
        assert len(server.bodies) == 1


def test_a_finished_call_is_never_bought_again_and_samples_and_generations_are() -> None:
    journal = MemoryJournal()
    server = ModelServer(scripted(says(GOOD)))
    with LoopbackServer(server) as loopback:
        first = answered(ask(model_client(loopback, journal)))
        again = answered(ask(model_client(loopback, journal)))
        assert len(server.bodies) == 1
        assert (first.usage.cost_nanousd, again.usage.cost_nanousd, again.usage.from_journal) == (
            180_000,
            0,
            1,
        )
        ask(model_client(loopback, journal), sample=1)
        ask(model_client(loopback, journal), generation=1)
        ask(model_client(loopback, journal, temperature=0.1))
        ask(model_client(loopback, journal), Prompt("estimator", "weigh", "v1", "You weigh.", "Other?"))
        assert len(server.bodies) == 5
        ask(model_client(loopback, journal, api_key="another"))
        assert len(server.bodies) == 5


def test_the_same_question_at_once_is_bought_once() -> None:
    journal, server = MemoryJournal(), ModelServer(scripted(says(GOOD, delay_s=0.1)))
    with LoopbackServer(server) as loopback:
        client = model_client(loopback, journal)

        async def go() -> None:
            async with client:
                await asyncio.gather(*(client.ask(PROMPT, Weighed) for _ in range(10)))

        asyncio.run(go())
    assert len(server.bodies) == 1


def test_a_repair_is_a_new_generation_and_replays_from_the_journal() -> None:
    journal = MemoryJournal()
    server = ModelServer(scripted(completion("prose"), says(GOOD)))
    with LoopbackServer(server) as loopback:
        answered(ask(model_client(loopback, journal)))
        again = answered(ask(model_client(loopback, journal)))
        assert len(server.bodies) == 2
    assert again.repairs == 1
    assert again.usage.from_journal == 2


def test_who_is_cancelled_leaves_the_call_to_finish() -> None:
    journal, server = MemoryJournal(), ModelServer(scripted(says(GOOD, delay_s=0.3)))
    with LoopbackServer(server) as loopback:
        client = model_client(loopback, journal)

        async def go() -> None:
            async with client:
                task = asyncio.create_task(client.ask(PROMPT, Weighed))
                while not server.bodies:
                    await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(go())
    assert len(journal.responses) == 1
    assert journal.open == {}


def test_what_a_router_says_it_charged_counts() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "cost": 0.00042}
    result, _ = run(says(GOOD, usage=usage))
    assert answered(result).usage.cost_nanousd == 420_000


def test_prompt_tokens_that_the_server_had_kept_are_booked_at_their_price() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 60}}
    result, _ = run(says(GOOD, usage=usage))
    assert answered(result).usage.cached_tokens == 60
    plain, _ = run(says(GOOD, usage={**usage, "prompt_tokens_details": None}))
    assert answered(plain).usage.cached_tokens == 0
    assert answered(result).usage.cost_nanousd == answered(plain).usage.cost_nanousd, (
        "the price names no other"
    )


def test_a_response_without_a_token_count_is_booked_at_its_worst_case() -> None:
    journal = MemoryJournal()
    result, _ = run(says(GOOD, usage={}), journal=journal)
    assert answered(result).usage.cost_nanousd > 16_000_000
    assert journal.spent_nanousd == answered(result).usage.cost_nanousd


def test_usage_is_kept_by_role() -> None:
    with LoopbackServer(ModelServer(scripted(says(GOOD)))) as loopback:
        client = model_client(loopback)

        async def go() -> None:
            async with client:
                for role in ("chronicler", "estimator", "estimator"):
                    await client.ask(Prompt(role, "n", "v1", "s", f"u {role} {len(client.usage)}"), Weighed)

        asyncio.run(go())
    assert client.usage["estimator"].calls == 2
    assert client.usage["chronicler"].prompt_tokens == 100


def test_a_run_with_a_model_replays_from_tape_without_key_or_server(tmp_path: Path) -> None:
    server = ModelServer(scripted(completion("prose"), says(GOOD)), key="right")
    with LoopbackServer(server) as loopback:
        base = f"{loopback.url}/v1"
        recorded = answered(ask(model_client(base, Recorder(MemoryJournal(), tmp_path))))
    replayed = answered(ask(model_client(base, Player(tmp_path), api_key="")))
    assert (replayed.value, replayed.text) == (recorded.value, recorded.text)
    other = Prompt("estimator", "weigh", "v2", "You weigh.", "Something new?")
    failure = failed(ask(model_client(base, Player(tmp_path)), other))
    assert failure.problem is ModelProblem.NOT_RECORDED
    assert all("right" not in path.read_text() for path in tmp_path.iterdir())


def test_a_recorder_puts_what_was_paid_earlier_on_the_tape(tmp_path: Path) -> None:
    journal = MemoryJournal(responses={"k": Response(b"{}", {"status": 200}, 5)})
    assert asyncio.run(Recorder(journal, tmp_path).response("k")) == Response(b"{}", {"status": 200}, 5)
    assert asyncio.run(Player(tmp_path).response("k")) == Response(b"{}", {"status": 200}, 5)
