"""Tokens per stored outcome, by role, over the starter archive, and what 100 cases cost at the shipped prices.

A stand-in model answers every role's question from the prompt alone: it takes the first evidence that the rules
accept, so chains, levels and repairs come out as long as the rules let them. Messages are counted as they would
be sent, replies as the stand-in writes them (every reason a sentence of twenty words), both by
`agents.reading.evidence.count_tokens`, which counts rather too many. Says nothing of a real model's quality, of
how often one needs repairs, or of what one thinks before it answers: the bound beside each cost is what it
would be if every reply used its whole token limit.

    python -m benchmarks.role_tokens --every 3
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from agents.archive import starter_archive
from agents.journal import dollars
from agents.library import ArchiveLibrary
from agents.models.client import Prompt
from agents.models.prices import load
from agents.models.result import Answer, ModelFailure, ModelProblem, Usage
from agents.models.settings import ModelSettings
from agents.offline.base_rates import BaseRates
from agents.offline.phrasing import event_wording
from agents.prompted.brainstormer import PromptedBrainstormer
from agents.prompted.chronicler import PromptedChronicler
from agents.prompted.estimator import PromptedEstimator
from agents.prompted.verifier import PromptedVerifier
from agents.reading.evidence import count_tokens
from agents.researcher import Origin, Researcher
from agents.roles import Roles
from agents.state import RunSettings, Seed
from corpus.case import Case
from corpus.datetext import explicit_dates
from corpus.snapshot import iter_cases

LINE = re.compile(r"^\| \[(\d+)\] (\S+) \(([^)]*)\) (.*)$", re.M)
OPTION = re.compile(r"^([A-JZ])\) (.*)$", re.M)
TRIES = 12
REASON = "The evidence that is cited here states it in so many words, and nothing else that is shown says the contrary."
"""Twenty words, for every field that asks for a sentence."""


class StandIn:
    """Answers with the first reply that the rules accept; counts what it was sent."""

    def __init__(self) -> None:
        self.tokens: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def of(self, role: str) -> StandIn:
        """One for all roles."""
        return self

    def names(self) -> dict[str, str]:
        """Named as what it is."""
        return {"default": "stand-in"}

    async def ask(self, prompt: Prompt, schema: Any, *, check: Any = None, **_: Any) -> Any:
        """The first acceptable reply; only one question is counted, since a real model sees only its own."""
        self.tokens[f"{prompt.role}/{prompt.name}"] += count_tokens(prompt.system) + count_tokens(prompt.user)
        self.calls[f"{prompt.role}/{prompt.name}"] += 1
        problem = "no reply was accepted"
        for reply in REPLIES[prompt.name](prompt.user):
            value = schema.model_validate(reply)
            problem = check(value) if check else None
            if problem is None:
                text = json.dumps(reply)
                self.replies[f"{prompt.role}/{prompt.name}"] += count_tokens(text)
                return Answer(value, text, Usage())
        return ModelFailure(ModelProblem.INVALID, str(problem))


def wording(text: str) -> str:
    """A sentence as an event."""
    return event_wording(text, [(m.start, m.end) for m in explicit_dates(text)])


def next_replies(user: str) -> Any:
    """A search where nothing is shown, else a link from each line in turn, else the end."""
    empty = {"event": "", "date": "", "evidence": [], "queries": [], "reason": REASON}
    lines = LINE.findall(user)
    if len(lines) < 3 and "You may search" in user:
        query = " ".join(user.split("What happened so far:")[1].split("Find what")[0].split())[:200]
        yield {**empty, "action": "search", "queries": [query]}
    for number, date, _, text in lines[:TRIES]:
        yield {**empty, "action": "link", "event": wording(text), "date": date, "evidence": [int(number)]}
    yield {**empty, "action": "end"}


def context_replies(user: str) -> Any:
    """Three facts, or fewer where the rules refuse."""
    facts = [{"text": text, "evidence": [int(number)]} for number, _, _, text in LINE.findall(user)[:3]]
    for count in range(len(facts), -1, -1):
        yield {"facts": facts[:count]}


def propose_replies(user: str) -> Any:
    """Five proposals worded after the evidence, or by rote without any."""
    lines = [(wording(text), [int(number)]) for number, _, _, text in LINE.findall(user)][:5]
    rote = [
        (f"Officials announce {step} measure on the matter in public", [])
        for step in ("a first", "a second", "a third")
    ]
    yield {
        "candidates": [
            {"text": text, "evidence": numbers}
            for text, numbers in (lines if len(lines) > 1 else rote)
            if text
        ]
    }


def edit_replies(user: str) -> Any:
    """What happened and those proposals that fit beside it, fewer and fewer."""
    found = re.search(r"What happened: (.*)", user)
    event = found[1] if found else ""
    alternatives = [{"text": t, "rests_on": [int(n)]} for n, t in re.findall(r"^(\d+)\. (.*)$", user, re.M)][
        :5
    ]
    for count in range(len(alternatives), -1, -1):
        yield {"happened": event, "alternatives": alternatives[:count]}
    for alternative in alternatives:
        yield {"happened": event, "alternatives": [alternative]}
    yield {"happened": wording(event) or event, "alternatives": []}


def match_replies(user: str) -> Any:
    """None the same: a stand-in does not judge."""
    numbers = re.findall(r"^\| \[(\d+)\] ", user, re.M)
    yield {
        "matches": [
            {"statement": int(n), "option": "none", "relation": "different", "why": REASON} for n in numbers
        ]
    }


def weigh_replies(user: str) -> Any:
    """Equal shares."""
    letters = [letter for letter, _ in OPTION.findall(user)]
    yield {"probabilities": [{"option": letter, "probability": 1 / len(letters)} for letter in letters]}


def read_replies(user: str) -> Any:
    """All supported: the quotations are the wordings' own."""
    claims = re.findall(r"^Claim (\d+):", user, re.M)
    yield {"readings": [{"claim": int(n), "reading": "supported", "why": REASON} for n in claims]}


def fate_replies(user: str) -> Any:
    """All unknown."""
    yield {
        "fates": [{"option": letter, "fate": "unknown", "evidence": []} for letter, _ in OPTION.findall(user)]
    }


def brainstorm_replies(user: str) -> Any:
    """Every statement an event in its own words, or none."""
    lines = re.findall(r"^\| \[(\d+)\] (\S+) (.*)$", user, re.M)
    yield {
        "events": [{"numbers": [int(n)], "event": wording(text) or text, "worth": 5} for n, _, text in lines]
    }
    yield {"events": []}


REPLIES = {
    "brainstorm": brainstorm_replies, "context": context_replies, "chronicle": next_replies, "propose": propose_replies,
    "edit": edit_replies, "match": match_replies, "weigh": weigh_replies, "recall": weigh_replies, "read": read_replies,
    "fate": fate_replies,
}  # fmt: skip


async def measured(seeds: list[Seed], settings: RunSettings) -> tuple[StandIn, int, int, Counter[str]]:
    """Stand-in, cases, outcomes stored, and failures by message."""
    model, library = StandIn(), ArchiveLibrary(starter_archive())
    roles = Roles(PromptedBrainstormer(model), PromptedChronicler(model),
                  PromptedEstimator(model, BaseRates([])), PromptedVerifier(model))  # fmt: skip
    await roles.brainstormer.seeds(library, settings)
    worker = Researcher(
        roles, library, settings, Origin("benchmark", "0", lambda: datetime(2024, 1, 1, tzinfo=UTC))
    )
    cases = outcomes = 0
    failures: Counter[str] = Counter()
    for seed in seeds:
        result = await worker.research(seed)
        if result.case is None:
            failures[result.failure.message[:120] if result.failure else "?"] += 1
        else:
            cases += 1
            outcomes += result.case.depth
    return model, cases, outcomes, failures


def seed_of(case: Case) -> Seed:
    """A starter case's seed with its evidence."""
    cited = {item.source_id for item in case.seed_evidence}
    return Seed(event=case.seed_event, date=case.seed_date, domain=case.domain, evidence=case.seed_evidence,
                sources=tuple(s for s in case.sources if s.source_id in cited))  # fmt: skip


def main() -> None:
    """Print the table."""
    from importlib.resources import files
    from pathlib import Path

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every n-th starter case")
    every = parser.parse_args().every
    cases = list(iter_cases(Path(str(files("corpus").joinpath("starter")))))[::every]
    settings = RunSettings.model_validate(
        {
            "first_day": "2022",
            "last_day": "2022",
            "domains": ["economics"],
            "num_cases": len(cases),
            "repairs": 0,
        }
    )
    started = time.perf_counter()
    model, done, outcomes, failures = asyncio.run(measured([seed_of(case) for case in cases], settings))
    print(
        f"{len(cases)} seeds, {done} cases, {outcomes} outcomes, {time.perf_counter() - started:.0f} s; "
        f"failed: {dict(failures)}"
    )
    by_role: Counter[str] = Counter()
    for name, tokens in sorted(model.tokens.items()):
        role = name.partition("/")[0]
        by_role[role] += tokens
        calls = model.calls[name]
        print(
            f"  {name:26s} {calls:5d} calls {tokens / calls:8.0f} a call {tokens / outcomes:8.0f} an outcome, "
            f"replies {model.replies[name] / calls:6.0f} a call"
        )
    for role, tokens in by_role.items():
        print(f"{role:28s} {tokens / outcomes:8.0f} prompt tokens an outcome")
    print(f"{'all':28s} {sum(by_role.values()) / outcomes:8.0f} prompt tokens an outcome")
    print_costs(model, done, outcomes)


def print_costs(model: StandIn, cases: int, outcomes: int) -> None:
    """What 100 such cases cost, model by model: as the stand-in answers, and if every reply used its limit."""
    calls, sent, said = (counter.total() for counter in (model.calls, model.tokens, model.replies))
    most = ModelSettings("any").max_output_tokens
    print(
        f"100 cases of {outcomes / cases:.1f} outcomes: {100 * calls / cases:,.0f} calls, "
        f"{100 * sent / cases:,.0f} prompt and {100 * said / cases:,.0f} completion tokens"
    )
    for price in load({"PSYCHOHISTORY_PRICES": os.devnull}).prices:
        usual, limit = (
            price.cost_nanousd(100 * sent // cases, 100 * output // cases) for output in (said, calls * most)
        )
        print(f"  {price.model:20s} {dollars(usual):>8s}, at the token limit {dollars(limit):>9s}")


if __name__ == "__main__":
    main()
