"""Share of the project's time expressions that `find_dates` resolves to the right value and precision.

    python benchmarks/reading_dates.py [TABLE.jsonl]

A row names one expression in a sentence, the day of publication, and the expected date (its form says the
precision) or null where nothing may be resolved.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from agents.reading.dates import find_dates
from corpus.dates import EventDate

TABLE = Path(__file__).resolve().parents[1] / "tests" / "data" / "time_expressions.jsonl"


@dataclass(frozen=True)
class Answer:
    """What was found for one row."""

    row: dict
    found: str | None

    @property
    def right(self) -> bool:
        return self.found == self.row["expected"]


def answers(table: Path = TABLE) -> list[Answer]:
    """Each row with the date found at its expression; None where there is none."""
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    return [Answer(row, _found(row)) for row in rows]


def _found(row: dict) -> str | None:
    start, end = row["start"], row["start"] + len(row["expression"])
    mentions = find_dates(row["text"], EventDate.parse(row["published"]))
    return next((str(m.date) for m in mentions if m.start < end and start < m.end), None)


def main() -> None:
    listed = answers(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE)
    right, kinds = Counter(), Counter()
    for answer in listed:
        kinds[answer.row["kind"]] += 1
        right[answer.row["kind"]] += answer.right
    print(f"{sum(right.values())} of {len(listed)} right ({sum(right.values()) / len(listed):.1%})")
    for kind, count in kinds.items():
        print(f"  {kind}: {right[kind]} of {count}")
    for answer in listed:
        if not answer.right:
            row = answer.row
            place = f"{row['published']} “{row['expression']}” in “{row['text']}”"
            print(f"- {place}: expected {row['expected']}, found {answer.found}")


if __name__ == "__main__":
    main()
