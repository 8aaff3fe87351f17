"""Trees that were made before, in SQLite: keyed by weights, calibration, prompt and effort.

Safe under threads and under several processes on one file. The least recently used trees go when the stored
text outgrows its bound. A fault of the file never costs an answer: the tree is then made anew, and counted.
A remote engine is known by its address and name alone: after changing weights behind a name, remove the file.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from corpus.errors import InvalidFile
from corpus.identity import tagged_hash
from evaluation.tree import ProbabilityTree
from training.inference import ProbabilityTreeInference
from training.trees import Effort, Question

_TABLES = """
CREATE TABLE IF NOT EXISTS trees (
  key TEXT PRIMARY KEY, tree TEXT NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trees_used ON trees (used);
"""
_log = logging.getLogger(__name__)


def tree_key(inference: ProbabilityTreeInference, question: Question, effort: Effort) -> str:
    """What a tree is kept under: everything that could make it another tree."""
    stored = inference.calibration
    return tagged_hash(
        "tree/v1",
        {
            "weights": dict(inference.weights),
            "name": inference.name,
            "calibration": None if stored is None else stored.model_dump(mode="json"),
            "template": inference.engine.encoder.template.version,
            "question": asdict(question) | {"as_of": str(question.as_of)},
            "effort": asdict(effort),
        },
    )


class TreeCache:
    """Up to `most_bytes` of trees in `file`, or in memory where it is None."""

    def __init__(self, file: Path | None, most_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._most_bytes, self._clock = most_bytes, clock
        self._lock = threading.Lock()
        self.faults = 0
        try:
            self._open(file)
        except (sqlite3.Error, OSError) as fault:
            raise InvalidFile(
                f"{file} cannot keep trees ({fault}); name another file with --cache, or remove this one."
            ) from fault

    def _open(self, file: Path | None) -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._opened = sqlite3.connect(
            file or ":memory:", timeout=10.0, check_same_thread=False, isolation_level=None
        )
        self._opened.execute("PRAGMA journal_mode=WAL")
        self._opened.execute("PRAGMA synchronous=NORMAL")
        self._opened.executescript(_TABLES)

    def get(self, key: str) -> ProbabilityTree | None:
        """A tree made before."""
        try:
            with self._lock:
                row = self._opened.execute(
                    "UPDATE trees SET used = ? WHERE key = ? RETURNING tree", (self._clock(), key)
                ).fetchall()
            return ProbabilityTree.model_validate_json(row[0][0]) if row else None
        except (sqlite3.Error, ValidationError) as fault:
            self._count(fault)
            return None

    def put(self, key: str, tree: ProbabilityTree) -> None:
        """Keep a complete tree, and let go of the least recently used ones over the bound."""
        text = tree.model_dump_json()
        size = len(text.encode())
        try:
            with self._lock:
                self._opened.execute("BEGIN IMMEDIATE")
                try:
                    self._opened.execute(
                        "INSERT OR REPLACE INTO trees VALUES (?, ?, ?, ?)", (key, text, size, self._clock())
                    )
                    self._shrink()
                    self._opened.execute("COMMIT")
                except sqlite3.Error:
                    self._opened.execute("ROLLBACK")
                    raise
        except sqlite3.Error as fault:
            self._count(fault)

    def _shrink(self) -> None:
        self._opened.execute(
            "DELETE FROM trees WHERE key IN (SELECT key FROM ("
            "SELECT key, SUM(bytes) OVER (ORDER BY used DESC, key) AS reached FROM trees) WHERE reached > ?)",
            (self._most_bytes,),
        )

    def size(self) -> tuple[int, int]:
        """Trees and bytes that are kept."""
        try:
            with self._lock:
                row = self._opened.execute("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM trees").fetchone()
            return int(row[0]), int(row[1])
        except sqlite3.Error as fault:
            self._count(fault)
            return 0, 0

    def close(self) -> None:
        """Give the file back."""
        self._opened.close()

    def _count(self, fault: Exception) -> None:
        self.faults += 1
        _log.warning("The tree cache failed, the tree is made anew: %s", fault)
