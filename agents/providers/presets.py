"""Named lists of sites to restrict a search to: think tanks, central banks, statistics offices, the press."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from corpus.errors import InvalidInput

_SITE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


@cache
def presets() -> dict[str, tuple[str, ...]]:
    """Preset name → its sites."""
    table = tomllib.loads(Path(__file__).with_name("presets.toml").read_text(encoding="utf-8"))
    return {name: tuple(entry["sites"]) for name, entry in table.items()}


def sites_of(text: str) -> tuple[str, ...]:
    """The sites of a preset by its name, or of a comma-separated list of sites; none for an empty text: all sites."""
    if not text:
        return ()
    if text in presets():
        return presets()[text]
    sites = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not sites or not all(_SITE.fullmatch(site) for site in sites):
        raise InvalidInput(f"{text!r} is neither a preset ({', '.join(presets())}) nor a list of sites.")
    return sites
