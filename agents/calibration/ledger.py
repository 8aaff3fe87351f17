"""The ledger of calibrations: which items were used, and which model with which prompts passed.

One JSON object a line, appended by writing the whole file anew and renaming it. An item counts as used for
every model: prompts are changed after looking at results, so a second look at it would flatter all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from agents.prompted.prompts import prompt_versions
from agents.prompted.weighing_levels import PROMPTS
from corpus.errors import InvalidFile
from corpus.files import write_atomically


@dataclass(frozen=True)
class Entry:
    """One calibration."""

    at: str
    model: str
    base_url: str
    prompts: str
    """Versions of the prompts that were measured."""
    items: tuple[str, ...]
    verdict: str
    report: str


def measured_prompts() -> str:
    """The versions that a calibration counts for, in one string."""
    versions = prompt_versions()
    return " ".join(f"{name}={versions[name]}" for name in PROMPTS)


def ledger_file(environment: Mapping[str, str]) -> Path:
    """PSYCHOHISTORY_LEDGER, or `calibrations.jsonl` in the user's data folder."""
    if named := environment.get("PSYCHOHISTORY_LEDGER"):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("psychohistory") / "calibrations.jsonl"


def read_ledger(path: Path) -> list[Entry]:
    """All entries, oldest first; raises `InvalidFile` naming the line."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            found.append(Entry(**{**row, "items": tuple(row["items"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidFile(
                f"{path}:{number} is no ledger entry: {error}; restore it from a backup."
            ) from error
    return found


def append(path: Path, entry: Entry) -> None:
    """Add an entry; the file is replaced whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [*read_ledger(path), entry]
    write_atomically(path, [json.dumps(asdict(e), ensure_ascii=False, sort_keys=True) for e in entries])


def used_items(entries: list[Entry]) -> frozenset[str]:
    """Every item that any calibration has used."""
    return frozenset(item for entry in entries for item in entry.items)


def has_passed(entries: list[Entry], model: str, base_url: str) -> bool:
    """Whether the newest calibration of this model, server and prompts ended with PASS."""
    asked = (model, base_url, measured_prompts())
    verdicts = [e.verdict for e in entries if (e.model, e.base_url, e.prompts) == asked]
    return bool(verdicts) and verdicts[-1] == "PASS"
