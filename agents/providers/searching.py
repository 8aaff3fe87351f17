"""What the four search engines share: hits made tidy, dates as they claim them, sites as query words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agents.providers.base import Access, Hit, ProviderFailure, Query
from agents.reading.address import canonical_url, is_web_address
from corpus.dates import EventDate
from corpus.errors import InvalidDate

PROBE = Query("central bank interest rate", count=1)


def with_sites(query: Query) -> str:
    """The words with `site:` operators, for engines that have no field for sites."""
    if not query.domains:
        return query.words
    return f"{query.words} ({' OR '.join(f'site:{domain}' for domain in query.domains)})"


def claimed_date(value: Any) -> EventDate | None:
    """The day an engine claims for a page: ISO 8601 or RFC 2822; None for anything else ("3 days ago")."""
    text = str(value or "").strip()
    try:
        return EventDate(datetime.fromisoformat(text.replace("Z", "+00:00")).date())
    except (ValueError, InvalidDate):
        pass
    try:
        return EventDate(parsedate_to_datetime(text).date())
    except (ValueError, TypeError, IndexError, InvalidDate):
        return None


def hits_in(
    rows: Any, engine: str, count: int, *, snippet: str, date_fields: Iterable[str]
) -> tuple[Hit, ...] | None:
    """Rows of an answer as hits, each page once; None where `rows` is no list of objects."""
    if not isinstance(rows, list):
        return None
    found: dict[str, Hit] = {}
    for row in rows:
        if not isinstance(row, dict) or not is_web_address(str(row.get("url", ""))):
            continue
        dates = (claimed_date(row.get(field)) for field in date_fields)
        hit = Hit(
            url=str(row["url"]),
            title=str(row.get("title") or ""),
            snippet=str(row.get(snippet) or ""),
            claimed_date=next((date for date in dates if date), None),
            engine=engine,
        )
        found.setdefault(canonical_url(hit.url), hit)
    return tuple(found.values())[:count]


def as_hits(
    access: Access, rows: Any, count: int, *, snippet: str, date_fields: Iterable[str]
) -> tuple[Hit, ...] | ProviderFailure:
    """Rows as hits, or a failure for an answer without rows."""
    hits = hits_in(rows, access.info.name, count, snippet=snippet, date_fields=date_fields)
    return access.unreadable("results") if hits is None else hits


def at(answer: Any, *path: str) -> Any:
    """What lies at a path of a JSON answer; None where it does not."""
    for step in path:
        answer = answer.get(step) if isinstance(answer, dict) else None
    return answer
