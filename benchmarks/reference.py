"""The starter corpus as reference cases for measurements: read from the authored files and the shipped archive."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from agents.archive import starter_archive
from agents.authoring import authored_case
from corpus.case import Case

AUTHORED = Path("corpus/starter/authored")


def reference_cases(*domains: str) -> list[Case]:
    """Authored cases of the given domains, or of all."""
    documents = {d.url: d for d in starter_archive().all()}
    made = datetime(2026, 11, 21, tzinfo=UTC)
    return [
        authored_case(json.loads(line), documents.get, made, origin="starter")
        for path in sorted(AUTHORED.glob("*.jsonl"))
        if not domains or path.stem in domains
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
