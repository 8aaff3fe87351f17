"""The remote engine against a loopback server that runs the same small model, and against broken servers. FICTIONAL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import pytest

from corpus.errors import EngineFault, InvalidInput
from tests.chat_templates import CHATML, chat_tokenizer
from tests.servers.completions import CompletionsServer
from tests.servers.loopback import Answer, LoopbackServer, as_json, page
from tests.servers.model_server import error
from tests.tiny_models import encoder, random_model
from training.bases import TINY
from training.engine import LetterQuestion, Sampling
from training.forecasting import start
from training.inference import ProbabilityTreeInference
from training.local_engine import TransformersEngine
from training.models import load_base, load_tokenizer
from training.remote_engine import RemoteEngine
from training.template import TemplateChoice, chosen_template
from training.trees import Effort

EVENT, FACTS, DAY = (
    "Port Velora raises the grain tax",
    ("The mood in Port Velora is calm.",),
    date(1950, 3, 1),
)


@contextmanager
def served(model: Any = None, tokenizer: Any = None, **how: Any) -> Iterator[tuple[CompletionsServer, str]]:
    model = model or random_model("llama")
    answering = CompletionsServer(model, tokenizer or encoder().tokenizer, **how)
    with LoopbackServer(answering) as server:
        yield answering, f"{server.url}/v1"


def remote(url: str, tokenizer: Any = None, **how: Any) -> RemoteEngine:
    return RemoteEngine(
        url, how.pop("model", "served"), tokenizer or encoder().tokenizer, pause_s=0.01, **how
    )


def tree(engine: Any) -> Any:
    sampling = Sampling(lists=1, max_characters=60, max_tokens=90, seed=3)
    effort = Effort(orders=2, floor=0.15, sampling=sampling)
    return ProbabilityTreeInference("same", engine=engine).generate_tree(EVENT, FACTS, DAY, 24, 2, 3, effort)


def model_of(which: str) -> tuple[Any, Any]:
    """A model with its tokenizer."""
    if which == "tiny":
        return load_base(TINY), load_tokenizer(TINY)
    if which == "random":
        return random_model("llama"), encoder().tokenizer
    tokenizer = chat_tokenizer(CHATML)
    return random_model("llama", len(tokenizer)), tokenizer


@pytest.mark.parametrize("which", ["random", "tiny", "with a template of its own"])
def test_a_tree_is_the_same_here_and_there(which: str) -> None:
    model, tokenizer = model_of(which)
    template = chosen_template(tokenizer, TemplateChoice.AUTO)
    assert template.is_own == (which == "with a template of its own")
    with served(model, tokenizer) as (answering, url):
        engine = remote(url, tokenizer, template=template)
        there = tree(engine)
    here = tree(TransformersEngine(model, tokenizer, template=template))
    assert len(answering.bodies) > 3
    assert there.remainder == pytest.approx(here.remainder, abs=1e-4)
    pairs = list(zip(here.walk(), there.walk(), strict=True))
    assert len(pairs) >= 2
    for (path, a), (other, b) in pairs:
        assert path == other
        assert (b.months, b.probability, b.spread) == (a.months, pytest.approx(a.probability, abs=1e-4),
                                                      pytest.approx(a.spread, abs=1e-4))  # fmt: skip
        assert [w.probability for w in b.when] == pytest.approx([w.probability for w in a.when], abs=1e-4)
    assert engine.unread == 0.0
    assert engine.tokens_used > 0


def test_drawn_lists_are_those_of_the_seed() -> None:
    history = start(encoder(), EVENT, FACTS, DAY, 24)
    with served() as (_, url):
        engine = remote(url)
        lists = [
            engine.write_lists(history, 2, Sampling(3, max_characters=12, max_tokens=20, seed=n))
            for n in (4, 4, 5)
        ]
    assert lists[0] == lists[1]
    assert lists[0] != lists[2]
    assert lists[0][0] == lists[2][0]  # the greedy one
    assert [len(found) for found in lists] == [3, 3, 3]


def letters_of(engine: Any) -> list[np.ndarray]:
    history = start(encoder(), EVENT, FACTS, DAY, 24)
    return engine.letters(
        history, [LetterQuestion((), "ABZ"), LetterQuestion(tuple(encoder().ask("Which one?")), "ABCDEZ")]
    )


def test_letters_come_in_the_order_of_the_questions() -> None:
    with served() as (_, url):
        found = letters_of(remote(url))
    expected = letters_of(TransformersEngine(random_model("llama"), encoder().tokenizer))
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, abs=1e-5)


class Sharp(CompletionsServer):
    """A model that has learnt its letters: some hold nearly all mass, `unseen` of them are among no likely tokens."""

    shares: dict[str, float]

    def _logprobs(self, logs: Any, body: dict[str, Any]) -> dict[str, Any]:
        assert "logprob_token_ids" not in body
        return {"top_logprobs": [{token: float(np.log(p)) for token, p in self.shares.items()}]}


@contextmanager
def sharp(shares: dict[str, float]) -> Iterator[RemoteEngine]:
    answering = Sharp(random_model("llama"), encoder().tokenizer, knows_ids=False)
    answering.shares = shares
    with LoopbackServer(answering) as server:
        yield remote(f"{server.url}/v1")


def test_a_letter_that_was_not_returned_is_bounded_and_told() -> None:
    with sharp({"A": 0.6, "Z": 0.38, " x": 0.01, "y": 0.004}) as engine:
        found = engine.letters((1, 2, 3), [LetterQuestion((4,), "ABZ")])[0]
    assert found == pytest.approx(np.array([0.6, 0.002, 0.38]) / 0.982)
    assert engine.unread == pytest.approx(0.004 / 0.984)


def test_too_much_that_was_not_returned_is_refused() -> None:
    with (
        sharp({" the": 0.5, "A": 0.1, "x": 0.08}) as engine,
        pytest.raises(EngineFault, match="logprob_token_ids"),
    ):
        engine.letters((1, 2, 3), [LetterQuestion((4,), "ABZ")])


def test_a_server_that_holds_no_format_gets_its_lines_checked() -> None:
    with served(holds_format=False, knows_ids=False) as (answering, url):
        lists = remote(url).write_lists(
            start(encoder(), EVENT, FACTS, DAY, 24), 3, Sampling(2, max_tokens=30)
        )
        again = remote(url)
        again.write_lists((1, 2), 3, Sampling(1, max_tokens=5))
        again.write_lists((1, 2), 3, Sampling(1, max_tokens=5))
    assert len(lists) == 2
    assert all(len(text) >= 3 for texts in lists for text in texts)
    assert sum("structured_outputs" in body for body in answering.bodies) == 2  # once an engine, then no more


BUSY = error(503, "overloaded", headers={"Retry-After": "0"})


def test_a_busy_server_is_asked_again() -> None:
    with served() as (answering, url):
        answering.faults = [BUSY, error(500, "boom"), error(429, "slow down")]
        assert letters_of(remote(url))
        answering.faults = [error(500, "CUDA error")] * 4
        with pytest.raises(EngineFault, match=r"answered 500 \(CUDA error\) 4 times"):
            letters_of(remote(url))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            page("<html>login</html>"),
            "text/html; charset=utf-8 instead of JSON; --engine-url must end in /v1",
        ),
        (as_json({"choices": []}), "0 completions instead of 1"),
        (as_json({"choices": [{"text": "A", "logprobs": None}]}), "returns no log-probabilities"),
        (as_json([1, 2]), "0 completions instead of 1"),
        (error(404, "The model `x` does not exist."), "no completions of 'served'"),
        (error(403, "no"), "PSYCHOHISTORY_ENGINE_KEY"),
        (Answer(b"<html>bad gateway</html>", status=501), "answered 501"),
    ],
)
def test_each_fault_is_one_sentence(answer: Answer, message: str) -> None:
    with served() as (answering, url):
        answering.faults = [answer] * 2
        with pytest.raises(EngineFault, match=re.escape(message)):
            remote(url, tries=2)


def test_a_slow_a_cut_and_a_dead_server() -> None:
    with served() as (answering, url):
        answering.faults = [as_json({}, delay_s=1.0)] * 4
        with pytest.raises(EngineFault, match="ReadTimeout, 2 tries"):
            remote(url, timeout_s=0.05, tries=4)  # time is up after the first
        answering.faults = [as_json({"choices": []}, cut_at=3)] * 2
        with pytest.raises(EngineFault, match="RemoteProtocolError"):
            remote(url, tries=2)
    with pytest.raises(EngineFault, match="ConnectError"):
        remote(url, tries=2)


def test_another_tokenizer_is_noticed() -> None:
    with served(other_tokenizer=True) as (_, url), pytest.raises(EngineFault, match="another tokenizer"):
        remote(url)


def test_a_wrong_address_key_or_name() -> None:
    with pytest.raises(InvalidInput, match=r"localhost:8000.* is no address"):
        remote("localhost:8000")
    with served(key="right-key") as (_, url):
        with pytest.raises(EngineFault, match="refused the key"):
            remote(url, key="wrong-key")
        remote(url, key="right-key")
        with pytest.raises(EngineFault, match="'other'"):
            remote(url, key="right-key", model="other")
