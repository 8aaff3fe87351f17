"""Counters and one histogram as Prometheus reads them (text format 0.0.4). Safe under threads."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping

TREE_BUCKETS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HELP = {
    "psychohistory_requests_total": "Answers by route and status.",
    "psychohistory_trees_total": "Trees by how they ended: made, cached, incomplete, late, failed, left.",
    "psychohistory_levels_total": "Levels that the model has made.",
}
_SECONDS = "psychohistory_tree_seconds"
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """What is counted while the server runs; `gauges` are read when somebody asks."""

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._gauges = dict(gauges)
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, Labels], int] = defaultdict(int)
        self._within = [0] * (len(TREE_BUCKETS_S) + 1)
        self._seconds = 0.0

    def count(self, name: str, **labels: str) -> None:
        """One more of a counter."""
        with self._lock:
            self._counts[f"psychohistory_{name}_total", tuple(sorted(labels.items()))] += 1

    def took(self, seconds: float) -> None:
        """How long a tree took that the model made."""
        place = next((i for i, bound in enumerate(TREE_BUCKETS_S) if seconds <= bound), len(TREE_BUCKETS_S))
        with self._lock:
            self._within[place] += 1
            self._seconds += seconds

    def text(self) -> str:
        """Everything, one sample a line."""
        with self._lock:
            counts, within, seconds = dict(self._counts), list(self._within), self._seconds
        lines: list[str] = []
        for name, words in _HELP.items():
            lines += [f"# HELP {name} {words}", f"# TYPE {name} counter"]
            lines += [
                f"{name}{_shown(labels)} {n}" for (of, labels), n in sorted(counts.items()) if of == name
            ]
        lines += _histogram(within, seconds)
        for name, (words, value) in self._gauges.items():
            full = f"psychohistory_{name}"
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}", f"{full} {value():g}"]
        return "\n".join(lines) + "\n"


def _histogram(within: list[int], seconds: float) -> list[str]:
    lines = [
        f"# HELP {_SECONDS} Seconds from a request to a tree that the model made.",
        f"# TYPE {_SECONDS} histogram",
    ]
    reached = 0
    for bound, n in zip([*map(str, TREE_BUCKETS_S), "+Inf"], within, strict=True):
        reached += n
        lines.append(f'{_SECONDS}_bucket{{le="{bound}"}} {reached}')
    return [*lines, f"{_SECONDS}_sum {seconds:.6f}", f"{_SECONDS}_count {reached}"]


def _shown(labels: Labels) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    inside = ",".join(f'{name}="{escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""
