"""The levels for which GRPO lets lists be written, and what their lists earn. No torch.

A prompt is a dialogue up to the list of one level along the realised path, in the words and the shuffled orders of
training. One whose list might not fit the length limit is left out by name; nothing is cut.

The letters from which calibration and sharpness are read are the *scored* model's, which stays as it was, and
not the policy's. Were they the policy's own, an update made for its lists would also move its letters, and whatever
raised the score by way of the letters (shifting mass to Z, say) would be credited to the list; the measure would
change with what it measures. The frozen model costs nothing: it is the policy without its new adapter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from corpus.case import Case
from evaluation.matching import Matcher
from training.dataset import Chain, dialogue_of
from training.dialogue import Style, one_line
from training.encoding import Encoder
from training.engine import Engine
from training.forecasting import Tokens, shares_over_orders
from training.rewards import Asked, Rewards, meanings, read_list, rewards_of


@dataclass(frozen=True)
class ListLevel:
    """One level for which lists are written."""

    key: str
    """Case, depth and epoch: what stands for the prompt in TRL's rows."""
    prompt: Tokens
    asked: Asked


def list_levels(
    chains: Iterable[Chain], encoder: Encoder, branches: int, seed: int, epoch: int
) -> Iterator[ListLevel]:
    """The levels of some cases in one epoch."""
    for chain in chains:
        encoded = encoder.encode(dialogue_of(chain, Style(), seed, epoch))
        for span in encoded.spans:
            key = f"{chain.case.case_id}/{span.depth}/{epoch}"
            yield ListLevel(
                key, tuple(encoded.input_ids[: span.start]), _asked(chain.case, span.depth, branches)
            )


def _asked(case: Case, depth: int, branches: int) -> Asked:
    outcome = case.outcomes[depth - 1]
    above = (case.seed_event, *(o.event for o in case.outcomes[: depth - 1] if o.event is not None))
    return Asked(
        tuple(one_line(candidate.text) for candidate in outcome.candidates),
        next((k for k, candidate in enumerate(outcome.candidates) if candidate.happened), None),
        above,
        branches,
    )


def fitting(
    levels: Iterable[ListLevel], max_tokens: int, list_tokens: int
) -> tuple[list[ListLevel], dict[str, int]]:
    """Those whose prompt leaves room for a list, and the others by name with the tokens they would need."""
    kept, left_out = [], {}
    for level in levels:
        needed = len(level.prompt) + list_tokens
        if needed <= max_tokens:
            kept.append(level)
        else:
            left_out[level.key] = needed
    return kept, left_out


class ListJudge:
    """Reads written lists with the scored model and gives them their rewards."""

    def __init__(
        self,
        levels: Iterable[ListLevel],
        engine: Engine,
        orders: int,
        seed: int,
        matcher: Matcher | None = None,
    ) -> None:
        self.levels = {level.key: level for level in levels}
        self.engine, self.orders, self.seed = engine, orders, seed
        self.matcher = matcher or Matcher()
        self._last: tuple[object, list[Rewards]] = (None, [])

    def rewards(self, keys: Sequence[str], answers: Sequence[Sequence[int]]) -> list[Rewards]:
        """The rewards of each answer (tokens) to the level of the same place; the last batch is remembered."""
        batch = (tuple(keys), tuple(map(tuple, answers)))
        if self._last[0] != batch:
            self._last = (batch, self._judge(keys, answers))
        return self._last[1]

    def read(self, answer: Sequence[int]) -> tuple[str, ...]:
        """The candidates of an answer; empty where it leaves the format."""
        encoder = self.engine.encoder
        ended = bool(answer) and answer[-1] == encoder.end
        text = encoder.tokenizer.decode(list(answer[:-1] if ended else answer), skip_special_tokens=False)
        return read_list(text, ended)

    def _judge(self, keys: Sequence[str], answers: Sequence[Sequence[int]]) -> list[Rewards]:
        places: dict[str, list[int]] = defaultdict(list)
        for i, key in enumerate(keys):
            places[key].append(i)
        found: dict[int, Rewards] = {}
        for key, here in places.items():
            lists = [self.read(answers[i]) for i in here]
            found |= dict(zip(here, self._of_level(self.levels[key], lists), strict=True))
        return [found[i] for i in range(len(keys))]

    def _of_level(self, level: ListLevel, lists: Sequence[tuple[str, ...]]) -> Iterator[Rewards]:
        """Equal lists are read once; an empty one needs no reading."""
        asked = level.asked
        wanted = list(dict.fromkeys(texts[: asked.branches] for texts in lists if texts))
        shares: dict[tuple[str, ...], list[float]] = {(): [1.0]}
        if wanted:
            rows = shares_over_orders(self.engine, level.prompt, wanted, self.orders, self.seed)
            shares |= {texts: row.mean(axis=0).tolist() for texts, row in zip(wanted, rows, strict=True)}
        meant = {texts: meanings(texts, asked.candidates, self.matcher) for texts in shares}
        for texts in lists:
            read = texts[: asked.branches]
            yield rewards_of(texts, shares[read], meant[read], asked)
