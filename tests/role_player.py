"""A model for tests: answers every role's question on the FICTIONAL collection by reading the prompt it is sent.

It knows the collection's events by a phrase of each and cites the numbers under which a prompt shows them, so
what it answers follows from what it was shown. `changes` overrides the answer to one kind of question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agents.model import Models
from agents.prompted.prompts import ROLES
from tests.journals import MemoryJournal
from tests.model_clients import model_client
from tests.servers.loopback import Answer, LoopbackServer
from tests.servers.model_server import ModelServer, completion

CHAIN = (
    ("7 percent", "The crown of Ruritania falls 7 percent against the dollar", "2019-05-02"),
    ("loan of $4 billion", "Ruritania agrees on a loan of $4 billion with the Strelsau Fund", "2019-08-20"),
    ("imposed capital controls", "Ruritania imposes capital controls after its loan", "2020-02-13"),
)
PROPOSED = (
    "The Bank of Ruritania raises its policy rate again",
    "Ruritania asks the Strelsau Fund for a loan",
    "The Bank of Ruritania lowers its policy rate instead",
)
_LINE = re.compile(r"^\| \[(\d+)\] (\S+) \(([^)]*)\) (.*)$", re.M)
_OPTION = re.compile(r"^([A-JZ])\) (.*)$", re.M)

Reply = Callable[["Asked"], Any]


@dataclass(frozen=True)
class Asked:
    """One question as the model was sent it."""

    body: dict[str, Any]

    @property
    def form(self) -> str:
        """Name of the reply's schema."""
        return str(self.body["response_format"]["json_schema"]["name"])

    @property
    def user(self) -> str:
        """The part that the case fills in."""
        return str(self.body["messages"][1]["content"])

    @property
    def whole(self) -> str:
        """All that was sent."""
        return json.dumps(self.body, ensure_ascii=False)

    def numbers(self, phrase: str) -> list[int]:
        """Numbers of the evidence lines that hold a phrase."""
        return [int(n) for n, _, _, text in _LINE.findall(self.user) if phrase in text]

    def options(self) -> dict[str, str]:
        """Letter → wording."""
        return dict(_OPTION.findall(self.user))


@dataclass
class RolePlayer:
    """Answers by form; keeps what it was asked."""

    changes: dict[str, Reply] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, body: dict[str, Any]) -> Answer:
        """One completion."""
        asked = Asked(body)
        self.asked.append(asked)
        reply = self.changes.get(asked.form, _ANSWERS[asked.form])(asked)
        if isinstance(reply, Answer):
            return reply
        text = json.dumps(reply)
        return completion(
            text,
            prompt_tokens=len(asked.whole) // 4,
            completion_tokens=len(text) // 4,
        )

    def of(self, form: str) -> list[Asked]:
        """What was asked with a reply form."""
        return [asked for asked in self.asked if asked.form == form]


def next_reply(**fields: Any) -> dict[str, Any]:
    """A reply of the Chronicler with the other fields empty."""
    return {
        "action": "end",
        "event": "",
        "date": "",
        "evidence": [],
        "queries": [],
        "reason": "That is all.",
    } | fields


def _next(asked: Asked) -> Any:
    told = asked.user.split("Find what came next")[0]
    for phrase, event, date in CHAIN:
        if event in told or f"(it did not hold): {event}" in asked.user:
            continue
        if numbers := asked.numbers(phrase):
            return next_reply(action="link", event=event, date=date, evidence=numbers)
        if "You may search" in asked.user and "Searched so far" not in asked.user:
            return next_reply(action="search", queries=[f"Ruritania {phrase}"])
    return next_reply()


def _context(asked: Asked) -> Any:
    facts = [
        {"text": "Inflation in Ruritania was 9.4 percent", "evidence": n}
        for n in [asked.numbers("9.4 percent")]
        if n
    ]
    return {"facts": facts}


def _propose(asked: Asked) -> Any:
    listed: list[dict[str, Any]] = [{"text": text, "evidence": []} for text in PROPOSED]
    listed[1]["evidence"] = asked.numbers("ask the Strelsau Fund")
    return {
        "candidates": [
            *listed,
            {
                "text": "Ruritania imposes capital controls on its banks",
                "evidence": asked.numbers("capital controls"),
            },
        ]
    }


def _edit(asked: Asked) -> Any:
    happened = re.search(r"What happened: (.*)", asked.user)
    event = happened[1] if happened else ""
    proposals = re.findall(r"^(\d+)\. (.*)$", asked.user, re.M)
    taken = [
        (n, text)
        for n, text in proposals
        if set(text.split()) & {"loan", "controls"} <= set()
        or not (set(text.split()) & {"loan", "controls"} & set(event.split()))
    ]
    return {"happened": event, "alternatives": [{"text": text, "rests_on": [int(n)]} for n, text in taken]}


def _match(asked: Asked) -> Any:
    rows = re.findall(r"^\| \[(\d+)\] \(([^)]*)\) (.*)$", asked.user, re.M)
    controls = next(
        (letter for letter, text in asked.options().items() if "capital controls" in text), "none"
    )
    return {"matches": [
        {"statement": int(n), "option": controls if "capital controls" in text else "none",
         "relation": "same" if "capital controls" in text and controls != "none" else "different",
         "why": "both are about capital controls"} for n, _, text in rows]}  # fmt: skip


def _weigh(asked: Asked) -> Any:
    """Shares by wording, a little more for what stands first: a model is not indifferent to order."""
    options = asked.options()
    raw = {
        letter: 1.0 + (len(text) % 7) / 10 + (0.3 if letter == "A" else 0) for letter, text in options.items()
    }
    total = sum(raw.values())
    shares = {letter: round(value / total, 4) for letter, value in raw.items()}
    return {"probabilities": [{"option": letter, "probability": p} for letter, p in shares.items()]}


def _read(asked: Asked) -> Any:
    claims = re.findall(r"^Claim (\d+):", asked.user, re.M)
    return {
        "readings": [
            {"claim": int(n), "reading": "supported", "why": "The quotation says so."} for n in claims
        ]
    }


def _fate(asked: Asked) -> Any:
    def row(letter: str, text: str) -> dict[str, Any]:
        phrase = next(
            (
                p
                for p, key in (("loan of $4 billion", "loan"), ("imposed capital controls", "controls"))
                if key in text
            ),
            "-",
        )
        numbers = asked.numbers(phrase)
        return {"option": letter, "fate": "happened" if numbers else "unknown", "evidence": numbers}

    return {"fates": [row(letter, text) for letter, text in asked.options().items()]}


def _brainstorm(asked: Asked) -> Any:
    lines = re.findall(r"^\| \[(\d+)\] (\S+) (.*)$", asked.user, re.M)
    wanted = [int(n) for n, _, text in lines if "policy rate by 250 basis points" in text]
    return {
        "events": [
            {
                "numbers": wanted[:1],
                "event": "The Bank of Ruritania raises its policy rate by 250 basis points",
                "worth": 9,
            }
        ]
        if wanted
        else []
    }


_ANSWERS: dict[str, Reply] = {
    "NextReply": _next, "ContextReply": _context, "ProposeReply": _propose, "EditReply": _edit, "MatchReply": _match,
    "WeighReply": _weigh, "ReadReply": _read, "FateReply": _fate, "BrainstormReply": _brainstorm,
}  # fmt: skip


def answer(asked: Asked) -> Any:
    """What the player answers by itself."""
    return _ANSWERS[asked.form](asked)


@contextmanager
def played(player: RolePlayer, *, verifier: str = "tiny", **settings: Any) -> Iterator[Models]:
    """Models over a loopback server that the player answers; all roles ask it, the Verifier by a name of its own."""
    with LoopbackServer(ModelServer(player)) as server:
        client = model_client(server, MemoryJournal(), **settings)
        other = model_client(server, MemoryJournal(), model=verifier, **settings)
        yield Models({role: other if role == "verifier" else client for role in ("", *ROLES)})
