"""All figures of both modes with 2,000 bootstrap replicates on 100,000 forecasts.

    python benchmarks/evaluation_speed.py [--levels 100000]

FICTIONAL levels of four candidates and Z, each its own event family (the hardest case for the bootstrap),
over five depths, six domains and eight years; scored whole, by depth, domain, year and the model's
knowledge, with calibration and its null band. Then 100,000 yes/no forecasts. Reading files is not in it.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, date, datetime

import numpy as np

from corpus.intervals import REPLICATES
from evaluation.levels import Level
from evaluation.metrics import Forecasts, binary_forecasts, uniform
from evaluation.pairing import GivenPairs
from evaluation.scoring import score_given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, default=100_000)
    count = parser.parse_args().levels
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(5), count)
    outcome = np.minimum((rng.random(count)[:, None] >= np.cumsum(rows, axis=1)).sum(axis=1), 4)
    measure("five options", Forecasts(rows, np.ones_like(rows, dtype=bool), outcome), count)
    p = rng.random(count)
    measure("yes or no", binary_forecasts(p, rng.random(count) < p), count)


def measure(name: str, found: Forecasts, count: int) -> None:
    levels = tuple(level(n, int(found.outcome_N[n])) for n in range(count))
    pairs = GivenPairs(levels, found, (None,) * count)
    after = np.arange(count) % 2 == 0
    started, cpu = time.perf_counter(), time.process_time()
    scores = score_given("FICTIONAL", pairs, {"base_rate": uniform(found)}, after=after)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(
        f"{name}: {count} forecasts, {len(scores.figures)} figures and {len(scores.groups)} groups, "
        f"{REPLICATES} replicates: {seconds:.1f} s (CPU {cpu:.1f} s)"
    )


def level(n: int, outcome: int) -> Level:
    asked = datetime(2010 + n % 8, 1, 1, tzinfo=UTC)
    return Level(
        f"c{n}", f"f{n}", 1 + n % 5, f"domain {n % 6}", "s", "", "p", ("a", "b", "c", "d"), outcome, "e", asked,
        date(2019, 1, 1), 36, 3, None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
