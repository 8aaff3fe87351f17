"""What the prefix cache saves while a tree is made: the same trees with it and without, in one run.

    python -m benchmarks.trees                  contexts of 100, 600 and 2,000 tokens; depth 2, 4 branches, 3 orders
    python -m benchmarks.trees --json

Without: every call reads its whole context anew, once for each question; while it writes a list it keeps what it
has read, as every engine does. A small random Llama with the shipped tokenizer does the work: cost only, its
trees mean nothing. Seconds are the processor's own; both ways give the same trees, which is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import torch

from benchmarks.training import small_model
from evaluation.tree import ProbabilityTree
from training.bases import TINY
from training.engine import Floats, LetterQuestion, Sampling
from training.inference import ProbabilityTreeInference
from training.local_engine import TransformersEngine
from training.models import load_tokenizer
from training.trees import Effort

CONTEXTS = (100, 600, 2000)
WAYS = {"with": 8, "without": 0}
EVENT, DAY = "Port Velora raises the grain tax", date(1950, 3, 1)


@dataclass
class Timed:
    """An engine whose two calls are timed apart."""

    engine: TransformersEngine
    seconds: dict[str, float] = field(default_factory=lambda: {"letters": 0.0, "lists": 0.0})

    @property
    def encoder(self) -> Any:
        return self.engine.encoder

    @property
    def tokens_used(self) -> int:
        return self.engine.tokens_used

    unread = 0.0

    def letters(self, context: tuple[int, ...], questions: Sequence[LetterQuestion]) -> list[Floats]:
        return self._timed("letters", lambda: self.engine.letters(context, questions))

    def write_lists(self, context: tuple[int, ...], lines: int, sampling: Sampling) -> list[list[str]]:
        return self._timed("lists", lambda: self.engine.write_lists(context, lines, sampling))

    def _timed(self, what: str, call: Callable[[], Any]) -> Any:
        begun = time.process_time()
        found = call()
        self.seconds[what] += time.process_time() - begun
        return found


def facts(tokenizer: Any, tokens: int) -> list[str]:
    """Facts that take about so many tokens."""
    one = "The mood in Port Velora is calm and the harbour is open."
    return [one] * max(1, round(tokens / len(tokenizer.encode(f"- {one}\n", add_special_tokens=False))))


def made(model: Any, tokenizer: Any, context: int, caches: int) -> tuple[ProbabilityTree, Timed, float]:
    """One tree with a fresh engine, and the seconds it took."""
    engine = Timed(TransformersEngine(model, tokenizer, caches))
    effort = Effort(orders=3, floor=0.0, sampling=Sampling(lists=2, max_characters=60, max_tokens=160))
    begun = time.process_time()
    tree = ProbabilityTreeInference("small", engine=engine).generate_tree(
        EVENT, facts(tokenizer, context), DAY, 36, 2, 4, effort
    )
    return tree, engine, time.process_time() - begun


def measure(model: Any, tokenizer: Any, context: int, repeats: int) -> dict[str, Any]:
    """Medians of both ways, and how many times more it is without."""
    found: dict[str, Any] = {"context": context}
    seconds: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    trees: dict[str, ProbabilityTree] = {}
    for _ in range(repeats):
        for way, caches in WAYS.items():
            trees[way], engine, whole = made(model, tokenizer, context, caches)
            seconds[way].append(engine.seconds | {"tree": whole})
            found[f"{way}: tokens"] = engine.tokens_used
    check_same(trees["with"], trees["without"])
    found["branches"] = sum(1 for _ in trees["with"].walk())
    for part in ("letters", "lists", "tree"):
        for way in WAYS:
            found[f"{way}: {part} s"] = statistics.median(run[part] for run in seconds[way])
        found[f"{part}: times"] = found[f"without: {part} s"] / found[f"with: {part} s"]
    found["tokens: times"] = found["without: tokens"] / found["with: tokens"]
    return found


def check_same(one: ProbabilityTree, other: ProbabilityTree) -> None:
    """Stop where the two ways do not make the same tree."""
    for (path, a), (same, b) in zip(one.walk(), other.walk(), strict=True):
        if path != same or abs(a.probability - b.probability) > 1e-4:
            raise SystemExit(f"the trees differ at {path}: {a.probability} and {b.probability}")


def main() -> None:
    """Print a line a context, or JSON with the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, tokenizer = small_model(), load_tokenizer(TINY)
    results = [measure(model, tokenizer, context, arguments.repeats) for context in CONTEXTS]
    if arguments.json:
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
                   "threads": arguments.threads, "torch": torch.__version__, "repeats": arguments.repeats,
                   "load": os.getloadavg()}  # fmt: skip
        print(json.dumps({"machine": machine, "results": results}, indent=1))
        return
    for result in results:
        print("  ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                        for name, value in result.items()))  # fmt: skip


if __name__ == "__main__":
    main()
