"""Identity: canonical JSON, tagged hashes, ids and slugs.

The same content gives the same bytes on every machine: keys sorted, no blanks, UTF-8, floats as
Python's shortest representation. NaN and infinities are refused. A tag in front of the bytes keeps
hashes of different kinds of content apart.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Any

from corpus.case import SCHEMA_VERSION, Case
from corpus.dates import EventDate

NOT_CONTENT = frozenset({"status", "provenance", "revision"})
"""Fields that say where a case stands and who made it, not what it states."""


def canonical_json(value: Any) -> str:
    """One text for one value; raises ValueError for NaN or infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def tagged_hash(tag: str, value: Any) -> str:
    """sha256 (hex) of the tag, a zero byte and the canonical JSON of `value`."""
    return hashlib.sha256(f"psychohistory/{tag}\0{canonical_json(value)}".encode()).hexdigest()


def text_sha256(text: str) -> str:
    """sha256 (hex) of a document's stored text, UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def case_json(case: Case) -> str:
    """The canonical JSON of a whole case."""
    return canonical_json(case.model_dump(mode="json"))


def content_hash(case: Case) -> str:
    """Tagged hash of a case's content: equal for two revisions that state the same."""
    content = case.model_dump(mode="json", exclude=set(NOT_CONTENT))
    return tagged_hash(f"case/v{SCHEMA_VERSION}", content)


def case_id(seed_event: str, seed_date: EventDate, domain: str) -> str:
    """The id of a case, assigned once from the seed as first stored; no edit changes it."""
    return "c" + tagged_hash("seed/v1", [fold(seed_event), str(seed_date), domain])[:15]


def source_id(url: str, text_hash: str) -> str:
    """The id of a source within a case: one page in one version of its text."""
    return "s" + tagged_hash("source/v1", [url, text_hash])[:11]


def slug(seed_event: str, seed_date: EventDate) -> str:
    """A readable name for people: up to 60 characters, never used as a key."""
    plain = unicodedata.normalize("NFKD", seed_event).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain) or ["event"]
    while len(words) > 1 and len("-".join(words)) > 48:
        words.pop()
    return f"{'-'.join(words)[:48]}-{seed_date}"


def fold(text: str) -> str:
    """Case, width and blanks folded: two spellings of one text become equal."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
